// SPDX-License-Identifier: Apache-2.0
// Lets another thread stop runs (node shutdown). Stays set. Thread safe.
#pragma once

#include "hp/base/result.hpp"
#include "hp/os/fd.hpp"

namespace hp::contract {

class StopSource {
public:
    static Result<StopSource> make();
    // Waits up to `timeout_ms`; true when a stop was requested.
    bool wait(int timeout_ms) const;
    void request_stop(); // runs end with RunEnd::stopped
    int fd() const { return event_.get(); }

private:
    explicit StopSource(os::Fd event) : event_(std::move(event)) {}
    os::Fd event_;
};

} // namespace hp::contract
