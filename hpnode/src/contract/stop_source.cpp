// SPDX-License-Identifier: Apache-2.0
#include "contract/stop_source.hpp"

#include <poll.h>
#include <unistd.h>

namespace hp::contract {

Result<StopSource> StopSource::make() {
    HP_TRY(os::Fd event, os::event_fd());
    return StopSource(std::move(event));
}

bool StopSource::wait(int timeout_ms) const {
    pollfd fd{event_.get(), POLLIN, 0};
    return ::poll(&fd, 1, timeout_ms) > 0;
}

void StopSource::request_stop() {
    const std::uint64_t one = 1;
    // Cannot fail for an eventfd short of 2^64 requests.
    [[maybe_unused]] const ssize_t written = ::write(event_.get(), &one, sizeof one);
}

} // namespace hp::contract
