// SPDX-License-Identifier: Apache-2.0
//
// Starter contract: a shared counter and a shared text. This file connects the two halves: requests
// come from users, answers go back to them, and the state is loaded before and saved after.
#include "state_files.hpp"
#include "tally.hpp"

#include <hp/contract/contract.hpp>

#include <string>
#include <utility>
#include <vector>

int main() {
    return hp::contract::run([](hp::contract::Context& c) {
        const tally::State before = tally::load();
        tally::State state = before;

        std::vector<std::pair<hp::contract::User*, std::string>> answers;
        for (auto& user : c.users())
            for (const auto& input : user.inputs())
                answers.emplace_back(&user, tally::handle(state, input.text(), c.readonly()));

        // Save first: an answer must not promise what the disk does not hold.
        tally::save(before, state);
        for (const auto& [user, answer] : answers)
            user->send(answer);
    });
}
