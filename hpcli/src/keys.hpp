// SPDX-License-Identifier: Apache-2.0
// Which key a command acts with: a stored one by name, a file, or a throw-away one.
#pragma once

#include "args.hpp"
#include "hp/client/key_store.hpp"

namespace hp::cli {

struct ChosenKey {
    crypto::KeyPair keys;
    bool ephemeral = false;
    std::string note; // worth telling: a key that was made just now
};

// `fallback` is used when no key was asked for; the name "default" makes that key on first use.
tl::expected<ChosenKey, Failure> choose_key(const std::string& wanted, std::string_view fallback);

tl::expected<client::KeyStore, Failure> open_key_store();

// A key store error as the user sees it.
Failure key_failure(const Error& error);

inline constexpr std::string_view ephemeral_key = "ephemeral";
inline constexpr std::string_view default_key = "default";

} // namespace hp::cli
