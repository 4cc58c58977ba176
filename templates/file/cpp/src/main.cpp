// SPDX-License-Identifier: Apache-2.0
// The run: every request in order, one answer each. store.hpp says what a request is.
#include "store.hpp"

#include <hp/contract/contract.hpp>

int main() {
    return hp::contract::run([](hp::contract::Context& c) {
        for (auto& user : c.users())
            for (const auto& input : user.inputs())
                user.send(store::handle(input.text(), c.readonly()));
    });
}
