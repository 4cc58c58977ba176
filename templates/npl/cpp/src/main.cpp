// SPDX-License-Identifier: Apache-2.0
// "roll" makes the nodes agree on a new number, "show" tells the last one.
#include "roll.hpp"

#include <hp/contract/contract.hpp>
#include <hp/contract/files.hpp>
#include <hp/contract/json.hpp>

#include <stdexcept>

using namespace hp::contract;

namespace {

constexpr const char* number_file = "number.txt";

/// The same on every node, or they would wait for each other in vain.
bool is_roll_wanted(Context& c) {
    for (const User& user : c.users())
        for (const Input& input : user.inputs())
            if (input.text() == "roll" && !c.readonly())
                return true;
    return false;
}

Value answer(const Context& c, const Input& input, bool agreed) {
    const auto number = read_file(number_file);
    if (input.text() == "roll" && c.readonly())
        return Value::Object{{"error", "a read request cannot roll; send this as an input"}};
    if (input.text() == "roll" && !agreed)
        return Value::Object{{"error", "no agreement, try again"}};
    if (input.text() != "roll" && input.text() != "show")
        return Value::Object{{"error", "unknown request; try roll or show"}};
    return Value::Object{{"number", number ? Value(*number) : Value()}};
}

} // namespace

int main() {
    return run([](Context& c) {
        bool agreed = false;
        if (is_roll_wanted(c)) {
            const auto number = roll::agree(c);
            agreed = number.has_value();
            if (number && !replace_file(number_file, *number))
                throw std::runtime_error("number.txt cannot be written");
        }
        for (User& user : c.users())
            for (const Input& input : user.inputs())
                send_json(user, answer(c, input, agreed));
    });
}
