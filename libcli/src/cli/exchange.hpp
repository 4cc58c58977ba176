// SPDX-License-Identifier: Apache-2.0
// The lines that the shell and recordings understand:
//
//   TEXT or ITEMS      an input           ?TEXT or ?ITEMS    a read request
//   .as NAME           another user       .status  .ledger   about the node
//   .watch on|off      ledgers as they close                 .help  .quit
//
// Reactor thread only.
#pragma once

#include "cli/conversation.hpp"

#include <functional>
#include <string>
#include <vector>

namespace hp::cli {

// One line and what came of it.
struct Exchange {
    enum class Op : std::uint8_t { send, read, as_user, other };
    Op op = Op::other;
    std::string user; // who said it
    Bytes payload;    // send, read
    std::string word; // as_user
    std::vector<Bytes> outputs;
    std::string text; // for people
    std::optional<Failure> problem;
    bool quit = false;
};

class LineTalk {
public:
    explicit LineTalk(Conversation& talk) : talk_(talk) {}

    // `on_done` comes later, never from inside.
    void say(const std::string& line, std::function<void(Exchange)> on_done);
    // The same for something that was said before.
    void repeat(Exchange what, std::function<void(Exchange)> on_done);

    bool watches() const { return watches_; }

private:
    void command(const std::vector<std::string>& words, Exchange what,
                 std::function<void(Exchange)> on_done);

    Conversation& talk_;
    bool watches_ = false;
};

std::string_view to_word(Exchange::Op op);

} // namespace hp::cli
