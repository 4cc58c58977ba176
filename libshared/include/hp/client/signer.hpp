// SPDX-License-Identifier: Apache-2.0
// Who signs for a user: a key pair in memory, or somebody else who holds the private key and is
// asked for each signature (ssh_agent.hpp). Signing may block as long as the holder's own limit
// says, and may fail. A value; any thread if the holder says so.
#pragma once

#include "hp/base/result.hpp"
#include "hp/crypto/keys.hpp"

#include <functional>

namespace hp::client {

class Signer {
public:
    using Sign = std::function<Result<Signature>(ByteView message)>;

    Signer() = default; // nobody: signs nothing
    // A key pair is a signer, so this conversion is meant to be implicit.
    Signer(const crypto::KeyPair& keys);
    Signer(const PublicKey& key, Sign sign);

    const PublicKey& public_key() const { return public_key_; }

    // Never a signature that public_key() does not verify.
    Result<Signature> sign(ByteView message) const;

private:
    PublicKey public_key_;
    Sign sign_;
};

} // namespace hp::client
