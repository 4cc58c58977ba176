// SPDX-License-Identifier: Apache-2.0
// Every message of every session in a file, one JSON object a line: when, with whom, which way,
// and what. The answer to the server's challenge loses its signature: it is what proves who we are.
// Signatures of inputs stay, they are public in ledgers. The file is for its owner only. One
// thread.
#pragma once

#include "cli/args.hpp"
#include "hp/base/bytes.hpp"
#include "hp/os/fd.hpp"

#include <string>

namespace hp::cli {

class ProtocolTrace {
public:
    // Starts the file anew.
    static tl::expected<std::shared_ptr<ProtocolTrace>, Failure> open(const std::string& path);

    void on_message(const std::string& url, bool is_ours, ByteView message);

private:
    explicit ProtocolTrace(os::Fd file) : file_(std::move(file)) {}
    os::Fd file_;
};

// The line that is written for a message, without its time. Pure.
std::string trace_line(const std::string& url, bool is_ours, ByteView message);

// What Args::connection says is to be recorded: sets Args::log and Args::trace.
tl::expected<void, Failure> start_records(Args& args);

} // namespace hp::cli
