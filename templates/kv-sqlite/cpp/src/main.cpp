// SPDX-License-Identifier: Apache-2.0
// The run: one transaction for all requests of a ledger, then the answers.
#include "requests.hpp"

#include <hp/contract/contract.hpp>

#include <utility>
#include <vector>

int main() {
    return hp::contract::run([](hp::contract::Context& c) {
        kv::Database database(c.readonly());
        std::vector<std::pair<hp::contract::User*, std::string>> answers;
        for (auto& user : c.users())
            for (const auto& input : user.inputs())
                answers.emplace_back(&user, kv::handle(database, input.text(), c.readonly()));
        // First the disk, then the answers: nobody is told what was not kept.
        database.commit();
        for (const auto& [user, answer] : answers)
            user->send(answer);
    });
}
