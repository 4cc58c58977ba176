// SPDX-License-Identifier: Apache-2.0
#include "keyring.hpp"

#include "fake_signature.hpp"

namespace hp::sim {
namespace {

class RealSigner final : public consensus::Signer {
public:
    explicit RealSigner(const crypto::KeyPair& keys) : keys_(keys) {}
    Signature sign(ByteView bytes) const override { return crypto::sign(keys_, bytes); }

private:
    const crypto::KeyPair& keys_;
};

} // namespace

PublicKey Keyring::key(std::uint8_t kind, std::size_t number) {
    if (!real_) {
        return make_key(kind, number);
    }
    const auto [known, first] = made_.try_emplace({kind, number});
    if (first) {
        const PublicKey name = make_key(kind, number); // as good a seed as any, here
        const crypto::KeyPair pair =
            crypto::key_pair_from_seed(std::span<const std::uint8_t>(name.data).last<32>());
        known->second = pair.public_key;
        pairs_.emplace(pair.public_key, pair);
    }
    return known->second;
}

std::unique_ptr<const consensus::Signer> Keyring::signer(const PublicKey& key) const {
    if (real_) {
        return std::make_unique<RealSigner>(pairs_.at(key));
    }
    return std::make_unique<FakeSigner>(key);
}

Signature Keyring::sign_input(const PublicKey& user, ByteView container) const {
    return real_ ? crypto::sign(pairs_.at(user), container) : fake_signature(user, container);
}

bool Keyring::is_signed(const PublicKey& node, ByteView bytes, const Signature& signature) const {
    return real_ ? crypto::verify(node, bytes, signature)
                 : signature == FakeSigner(node).sign(bytes);
}

bool Keyring::is_signed(const proto::SignedInput& input) const {
    return real_ ? proto::verify_signature(input)
                 : input.signature == fake_signature(input.user, input.container);
}

} // namespace hp::sim
