// SPDX-License-Identifier: Apache-2.0
// Signatures that cost little: whoever holds a key "signs" with it, and nobody in the simulation
// signs with a key that is not theirs. Pure; any thread.
#pragma once

#include <algorithm>

#include "consensus/signer.hpp"
#include "hp/crypto/blake3.hpp"
#include "hp/proto/ledger.hpp"

namespace hp::sim {

inline Signature fake_signature(const PublicKey& key, ByteView bytes) {
    const Hash32 hash = crypto::b3({key.view(), bytes});
    Signature out;
    std::copy(hash.data.begin(), hash.data.end(), out.data.begin());
    return out;
}

inline bool is_signed(const proto::SignedInput& input) {
    return input.signature == fake_signature(input.user, input.container);
}

class FakeSigner final : public consensus::Signer {
public:
    explicit FakeSigner(const PublicKey& key) : key_(key) {}
    Signature sign(ByteView bytes) const override {
        Signature out; // what is signed ends with its digest
        const ByteView end = bytes.last(std::min(bytes.size(), Hash32::size));
        std::copy(end.begin(), end.end(), out.data.begin());
        std::copy(key_.data.begin() + 1, key_.data.end(), out.data.begin() + Hash32::size);
        return out;
    }

private:
    PublicKey key_;
};

} // namespace hp::sim
