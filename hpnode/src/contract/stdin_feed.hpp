// SPDX-License-Identifier: Apache-2.0
// The document on its way into a pipe that is some process's stdin. A document of up to 4096 bytes
// arrives in one piece (contract-protocol.md 12.3); a larger one as the process reads it. Never
// blocks. Writing to a pipe may raise SIGPIPE: the program has to ignore it. One owner.
#pragma once

#include <string>

#include "hp/os/fd.hpp"

namespace hp::contract {

class StdinFeed {
public:
    StdinFeed() = default; // nothing to deliver
    // `pipe` must be empty and non-blocking.
    StdinFeed(os::Fd pipe, std::string document)
        : pipe_(std::move(pipe)), document_(std::move(document)) {}

    int fd() const { return pipe_.get(); } // -1: delivered, or nobody reads
    // What the pipe takes now. Closes it behind the last byte.
    void push();

private:
    os::Fd pipe_;
    std::string document_;
    std::size_t sent_ = 0;
};

} // namespace hp::contract
