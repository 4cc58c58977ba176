// SPDX-License-Identifier: Apache-2.0
// The run: one transaction for all requests of a ledger, then the answers.
#include "requests.hpp"

#include <hp/contract/state.hpp>

int main() {
    return hp::contract::run([](hp::contract::Context& c) {
        kv::Database database(c.readonly());
        hp::contract::Answers answers;
        for (auto& user : c.users())
            for (const auto& input : user.inputs())
                answers.add(user, kv::handle(database, input.text(), c.readonly()));
        // First the disk, then the answers: nobody is told what was not kept.
        database.commit();
        answers.send();
    });
}
