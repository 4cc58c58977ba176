// SPDX-License-Identifier: Apache-2.0
#include "contract/stdin_feed.hpp"

#include <cerrno>
#include <unistd.h>

namespace hp::contract {

void StdinFeed::push() {
    while (pipe_ && sent_ < document_.size()) {
        const ssize_t count =
            ::write(pipe_.get(), document_.data() + sent_, document_.size() - sent_);
        if (count >= 0) {
            sent_ += static_cast<std::size_t>(count);
        } else if (errno == EAGAIN) {
            return;
        } else if (errno != EINTR) {
            break; // the process has closed its stdin: it does not want to know
        }
    }
    pipe_.reset();
}

} // namespace hp::contract
