// SPDX-License-Identifier: Apache-2.0
#include "contract/dev_names.hpp"

#include "hp/crypto/blake3.hpp"

#include <string>

namespace hp::dev {
namespace {

crypto::KeyPair keys_of(const std::string& seed) {
    return crypto::key_pair_from_seed(crypto::b3(as_bytes(seed)).data);
}

} // namespace

crypto::KeyPair user_keys(std::string_view name) {
    // The text of cli/dev_keys.cpp: alice is the same person here and in a local cluster.
    return keys_of("HotPocket development key 1: " + std::string(name));
}

crypto::KeyPair node_keys(std::size_t number) {
    return keys_of("HotPocket development node 1: " + std::to_string(number));
}

} // namespace hp::dev
