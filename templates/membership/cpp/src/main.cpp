// SPDX-License-Identifier: Apache-2.0
// The run: load, handle every request in order, save, answer.
#include "council.hpp"

#include <hp/contract/contract.hpp>
#include <hp/contract/files.hpp>
#include <hp/contract/json.hpp>

#include <stdexcept>
#include <utility>
#include <vector>

using namespace hp::contract;

namespace {

constexpr const char* council_file = "council.json";

Value load() {
    const auto text = read_file(council_file);
    if (!text && text.error().code == std::errc::no_such_file_or_directory)
        return council::make_empty();
    const auto value = text ? decode_json(*text) : Result<Value>(text.error());
    if (!value)
        throw std::runtime_error(value.error().message); // ends the run: do not go on without it
    return *value;
}

} // namespace

int main() {
    return run([](Context& c) {
        const Value before = load();
        Value state = before;
        std::vector<std::pair<User*, Value>> answers;
        for (User& user : c.users())
            for (const Input& input : user.inputs())
                answers.emplace_back(&user, council::handle(c, state, user, input));
        // First the disk, then the answers: nobody is told what was not kept.
        if (state != before)
            if (const Status saved = replace_file(council_file, encode_json(state)); !saved)
                throw std::runtime_error(saved.error().message);
        for (const auto& [user, answer] : answers)
            send_json(*user, answer);
    });
}
