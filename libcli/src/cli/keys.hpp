// SPDX-License-Identifier: Apache-2.0
// Which key a command acts with: a stored one by name, a file, one of the user's agent, or a
// throw-away one.
#pragma once

#include "cli/args.hpp"
#include "hp/client/key_store.hpp"
#include "hp/client/signer.hpp"

namespace hp::cli {

struct ChosenKey {
    client::Signer signer;
    bool ephemeral = false;
    std::string note; // worth telling: a key that was made just now
};

// `fallback` is used when no key was asked for; the name "default" makes that key on first use.
tl::expected<ChosenKey, Failure> choose_key(const Args& args, const std::string& wanted,
                                            std::string_view fallback);

// The passphrase of --passphrase-file, or typed in. `what` is what it is for.
tl::expected<std::string, Failure> get_passphrase(const Args& args, const std::string& what);

// Typed in, unless that is forbidden.
tl::expected<std::string, Failure> ask_passphrase(const Args& args, const std::string& what);

// Any other secret.
tl::expected<std::string, Failure> ask_secret(const Args& args, const std::string& prompt);

// `key` with its private half; asks for the passphrase when it needs one.
tl::expected<client::StoredKey, Failure> unlock(const Args& args, client::StoredKey key);

tl::expected<client::KeyStore, Failure> open_key_store();

// Names that mean something else wherever a key is named.
bool is_reserved_key_name(std::string_view name);

// The key that "key use" has made the default one, instead of "default"; empty when none.
tl::expected<std::string, Failure> current_key();
inline constexpr std::string_view current_key_file = "keys.json";

// A key store error as the user sees it.
Failure key_failure(const Error& error);

inline constexpr std::string_view ephemeral_key = "ephemeral";
inline constexpr std::string_view default_key = "default";

} // namespace hp::cli
