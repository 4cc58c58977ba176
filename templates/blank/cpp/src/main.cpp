// SPDX-License-Identifier: Apache-2.0
// Called once for every ledger and once for every read request. See README.md.
#include <hp/contract/contract.hpp>

#include <cstdio>

int main() {
    return hp::contract::run([](hp::contract::Context& c) {
        for (auto& user : c.users())
            for (const auto& input : user.inputs()) {
                // The node's log shows what a contract prints: "hpdev logs --contract".
                std::printf("input of %zu bytes\n", input.size());
            }
    });
}
