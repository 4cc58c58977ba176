// SPDX-License-Identifier: Apache-2.0
// The run: first tell how the last upgrade went, then handle every request in order.
#include "upgrade.hpp"

#include <string_view>

using namespace hp::contract;

int main(int argc, char** argv) {
    // How a new program is asked whether it is all right. Not a run: no context, no users.
    if (argc == 2 && std::string_view(argv[1]) == "health")
        return upgrade::is_healthy() ? 0 : 1;
    const Value empty = Value::Object{{"owners", Value::Array{}}};
    return run(with_state("upgrade.json", empty, [](Context& c, Value& state, Answers& answers) {
        upgrade::report(c, state, answers);
        for (User& user : c.users())
            for (const Input& input : user.inputs())
                answers.add(user, upgrade::handle(c, state, user, input));
    }));
}
