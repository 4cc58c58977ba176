// SPDX-License-Identifier: Apache-2.0
// The run: load, handle every request in order, save, answer.
#include "council.hpp"

#include <hp/contract/state.hpp>

using namespace hp::contract;

int main() {
    const auto on_run = [](Context& c, Value& state, Answers& answers) {
        for (User& user : c.users())
            for (const Input& input : user.inputs())
                answers.add(user, council::handle(c, state, user, input));
    };
    return run(with_state("council.json", council::make_empty(), on_run));
}
