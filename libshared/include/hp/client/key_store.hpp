// SPDX-License-Identifier: Apache-2.0
// User keys on disk: one JSON file a key, mode 0600, in a directory of mode 0700. A key file that
// others can read is refused, not repaired: its key may be known already. A key may be kept under a
// passphrase (argon2id); then its public half stays readable. Also keeps the last
// nonce used with a key, so that separate processes go on strictly increasing whatever the clock
// does. Blocking file work; any thread, any number of processes.
#pragma once

#include "hp/base/result.hpp"
#include "hp/base/time.hpp"
#include "hp/crypto/keys.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hp::client {

struct StoredKey {
    std::string name;
    std::filesystem::path path;
    std::string created;    // RFC 3339
    crypto::KeyPair keys;   // the private half is zero while locked
    bool encrypted = false; // on disk
    bool locked = false;    // encrypted, and opened without its passphrase
};

struct KeyListing {
    std::string name;
    std::filesystem::path path;
    Result<StoredKey> key; // an error for files that are unsafe or damaged
};

// $XDG_DATA_HOME/hotpocket, by default ~/.local/share/hotpocket.
Result<std::filesystem::path> user_data_dir();

// Letters, digits, '.', '_' and '-', not starting with a dot or dash, at most 64 characters.
bool is_key_name(std::string_view name);

// The key in any file of the store's format. Errc::denied for a wrong passphrase; without one an
// encrypted key comes back locked.
using Passphrase = std::optional<std::string>;
Result<StoredKey> load_key_file(const std::filesystem::path& path,
                                const Passphrase& passphrase = std::nullopt);

// Keys that other programs have stored: a private key as 130 hex characters (the user.key files of
// the JavaScript tutorials), a bare seed as 64, a JSON Web Key (RFC 8037), an OpenSSH private key
// without a passphrase (Errc::unsupported with one), or a file of the store's own format.
Result<crypto::KeyPair> decode_foreign_key(ByteView text, const Passphrase& passphrase);

class KeyStore {
public:
    // `root` is made when the first key is.
    explicit KeyStore(std::filesystem::path root) : root_(std::move(root)) {}

    std::filesystem::path key_path(std::string_view name) const;

    // A new key, or the one given. Errc::exists when the name is taken.
    Result<StoredKey> make(std::string_view name, const Passphrase& passphrase = std::nullopt,
                           std::optional<crypto::KeyPair> keys = std::nullopt) const;
    // Errc::not_found when it is not there.
    Result<StoredKey> load(std::string_view name,
                           const Passphrase& passphrase = std::nullopt) const;
    // Stores an unlocked key again, under another passphrase or none.
    Status rewrite(const StoredKey& key, const Passphrase& passphrase) const;
    Status remove(std::string_view name) const;
    Result<std::vector<KeyListing>> list() const; // by name

    // The nonce for the next input of `key`: the wall clock, or one more than the last.
    Result<std::uint64_t> next_nonce(const PublicKey& key, TimeMs wall_ms) const;

private:
    std::filesystem::path root_;
};

} // namespace hp::client
