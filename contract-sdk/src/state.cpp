// SPDX-License-Identifier: Apache-2.0
//
// Contracts whose state is one JSON document. What goes wrong with the file is thrown, because that
// is how a handler ends its run; run() catches it.
//
// Threads: as run().
#include <hp/contract/files.hpp>
#include <hp/contract/json.hpp>
#include <hp/contract/state.hpp>

#include <optional>
#include <stdexcept>

namespace hp::contract {
namespace {

std::optional<Value> load(const std::string& path, bool may_be_missing) {
    const auto text = read_file(path);
    if (!text && may_be_missing && text.error().code == std::errc::no_such_file_or_directory)
        return std::nullopt;
    if (!text)
        throw std::runtime_error(text.error().message);
    auto state = decode_json(*text);
    if (!state)
        throw std::runtime_error(path + ": " + state.error().message);
    return *std::move(state);
}

} // namespace

void Answers::send() {
    for (const auto& [user, answer] : list_)
        send_json(*user, answer);
}

Handler with_state(std::string path, std::optional<Value> empty, StateHandler handler) {
    return [path = std::move(path), empty = std::move(empty),
            handler = std::move(handler)](Context& c) {
        const std::optional<Value> before = load(path, empty.has_value());
        Value state = before ? *before : *empty;
        Answers answers;
        handler(c, state, answers);
        if (!c.readonly() && before != state)
            if (const Status saved = replace_file(path, encode_json(state)); !saved)
                throw std::runtime_error(saved.error().message);
        answers.send();
    };
}

} // namespace hp::contract
