// SPDX-License-Identifier: Apache-2.0
#include "hp/client/signer.hpp"

namespace hp::client {

Signer::Signer(const crypto::KeyPair& keys)
    : public_key_(keys.public_key),
      sign_([keys](ByteView message) -> Result<Signature> { return crypto::sign(keys, message); }) {
}

Signer::Signer(const PublicKey& key, Sign sign) : public_key_(key), sign_(std::move(sign)) {}

Result<Signature> Signer::sign(ByteView message) const {
    if (!sign_) {
        return fail(Errc::denied, "there is no key to sign with");
    }
    return sign_(message);
}

} // namespace hp::client
