// SPDX-License-Identifier: Apache-2.0
// Ed25519 keys in OpenSSH's forms: public keys as agents and key files name them (RFC 8709), and
// private key files (OpenSSH's PROTOCOL.key) without a passphrase. Private to client/. Pure.
#pragma once

#include "hp/base/result.hpp"
#include "hp/crypto/keys.hpp"

#include <optional>
#include <string_view>

namespace hp::client {

inline constexpr std::string_view ssh_key_type = "ssh-ed25519";

// Empty for keys of other kinds and for what is no key at all.
std::optional<PublicKey> decode_ssh_public_key(ByteView blob);
Bytes encode_ssh_public_key(const PublicKey& key);

bool is_openssh_key_file(std::string_view text);
// Errc::unsupported for a key under a passphrase, Errc::invalid for a key of another kind.
Result<crypto::KeyPair> decode_openssh_key_file(std::string_view text);

} // namespace hp::client
