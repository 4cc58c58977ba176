// SPDX-License-Identifier: Apache-2.0
//
// Sends every input back to its user, in both modes, and does nothing else. As little work as a
// contract can do per input, so it also serves as the benchmark contract.
//
// Threads: main thread only.
#include <hp/contract/contract.hpp>

#include <vector>

int main() {
    return hp::contract::run([](hp::contract::Context& c) {
        std::vector<hp::contract::BytesView> messages;
        for (auto& user : c.users()) {
            messages.clear();
            for (const auto& input : user.inputs())
                messages.push_back(input.bytes());
            user.send_batch(messages);
        }
    });
}
