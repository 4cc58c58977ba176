// SPDX-License-Identifier: Apache-2.0
// The users of local clusters: alice, bob, carol and dave, with the same keys on every machine, so
// that scripts, tests and recordings can be repeated anywhere. Everybody knows these keys;
// refuse_dev_key() keeps them away from servers that others can reach. Pure.
#pragma once

#include "cli/errors.hpp"
#include "hp/crypto/keys.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hp::cli {

inline constexpr std::array<std::string_view, 4> dev_key_names = {"alice", "bob", "carol", "dave"};

// How they are named where a stored key may have the same name.
inline constexpr std::string_view dev_key_prefix = "dev:";

// By one of the names, with the prefix or without.
std::optional<crypto::KeyPair> dev_key(std::string_view name);

// "dev:alice" for alice's key; absent for every other key.
std::optional<std::string> dev_key_label(const PublicKey& key);

// An error when `key` is one of them and a server is not on this machine.
tl::expected<void, Failure> refuse_dev_key(const PublicKey& key,
                                           const std::vector<std::string>& servers);

} // namespace hp::cli
