// SPDX-License-Identifier: Apache-2.0
//
// A state that is one JSON document in one file: all that most contracts need. with_state() makes
// the handler of such a contract, which sees to the order of things: load, handle every input, save
// what has changed, and only then answer, so that nobody is told what was not kept.
//
//     int main() {
//         const Value empty = Value::Object{{"total", 0}};
//         return run(with_state("tally.json", empty, [](Context& c, Value& state, Answers& out) {
//             for (User& user : c.users())
//                 for (const Input& input : user.inputs())
//                     out.add(user, answer(state, input, c.readonly()));
//         }));
//     }
//
// Threads: as run().
#pragma once

#include <hp/contract/contract.hpp>
#include <hp/contract/value.hpp>

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace hp::contract {

/// Answers to users, kept until the state is saved.
class Answers {
public:
    /// As one JSON message. `user` must be one of the Context's.
    void add(User& user, Value answer) { list_.emplace_back(&user, std::move(answer)); }

    /// For contracts that keep their state in another way; with_state() does it by itself. An
    /// answer that a node does not take is lost, as with User::send().
    void send();

private:
    std::vector<std::pair<User*, Value>> list_;
};

using StateHandler = std::function<void(Context&, Value& state, Answers&)>;

/// `empty` is the state before there is a file, which the first run for a ledger then makes;
/// without it a file that is not there is an error. In a read request nothing is saved. A file that
/// cannot be read or written ends the run with exit_handler_failed, without an answer and without a
/// change.
[[nodiscard]] Handler with_state(std::string path, std::optional<Value> empty,
                                 StateHandler handler);

} // namespace hp::contract
