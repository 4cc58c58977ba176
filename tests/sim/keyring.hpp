// SPDX-License-Identifier: Apache-2.0
// Who signs with what in one simulation: made-up keys whose signatures cost nothing and prove
// nothing, or real Ed25519 keys. Both follow from their numbers alone. One owner.
#pragma once

#include <map>
#include <memory>

#include "consensus/signer.hpp"
#include "hp/crypto/keys.hpp"
#include "hp/proto/ledger.hpp"

namespace hp::sim {

class Keyring {
public:
    explicit Keyring(bool real) : real_(real) {}

    bool is_real() const { return real_; }
    PublicKey node(std::size_t number) { return key(1, number); }
    PublicKey user(std::size_t number) { return key(2, number); }

    // Of a key that this keyring has given out; must not outlive it.
    std::unique_ptr<const consensus::Signer> signer(const PublicKey& key) const;
    Signature sign_input(const PublicKey& user, ByteView container) const;
    bool is_signed(const proto::SignedInput& input) const;
    // By a node: what signer() would give.
    bool is_signed(const PublicKey& node, ByteView bytes, const Signature& signature) const;

private:
    PublicKey key(std::uint8_t kind, std::size_t number);

    bool real_;
    std::map<std::pair<std::uint8_t, std::size_t>, PublicKey> made_;
    std::map<PublicKey, crypto::KeyPair> pairs_; // of real keys
};

} // namespace hp::sim
