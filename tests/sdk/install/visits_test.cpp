// SPDX-License-Identifier: Apache-2.0
//
// Runs the contract named by the first argument. No test framework.
//
// Threads: main thread only.
#include <hp/contract/testing.hpp>

#include <cstdio>

using namespace hp::contract::testing;

int main(int argc, char** argv) {
    if (argc != 2)
        return 2;
    TestNode node(argv[1]);
    const bool first = node.round({{"alice", {"hi"}}, {"bob", {}}}).answers("alice") ==
                       std::vector<std::string>{"{\"visits\":1}"};
    const bool second = node.round({{"alice", {"hi"}}}).answers("alice") ==
                        std::vector<std::string>{"{\"visits\":2}"};
    const bool kept = node.state().list() == make_key("alice");
    std::printf("first %d second %d kept %d\n", first, second, kept);
    return first && second && kept ? 0 : 1;
}
