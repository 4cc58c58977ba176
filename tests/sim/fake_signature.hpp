// SPDX-License-Identifier: Apache-2.0
// Keys and signatures that cost little: whoever holds a key "signs" with it, and nobody in the
// simulation signs with a key that is not theirs. Pure; any thread.
#pragma once

#include <algorithm>

#include "consensus/signer.hpp"
#include "hp/crypto/blake3.hpp"
#include "hp/proto/ledger.hpp"

namespace hp::sim {

constexpr PublicKey make_key(std::uint8_t kind, std::size_t number) {
    PublicKey key;
    key.data[0] = key_prefix;
    key.data[1] = kind;
    key.data[32] = static_cast<std::uint8_t>(number);
    return key;
}
constexpr PublicKey node_key(std::size_t number) {
    return make_key(1, number);
}
constexpr PublicKey user_key(std::size_t number) {
    return make_key(2, number);
}

inline Signature fake_signature(const PublicKey& key, ByteView bytes) {
    const Hash32 hash = crypto::b3({key.view(), bytes});
    Signature out;
    std::copy(hash.data.begin(), hash.data.end(), out.data.begin());
    return out;
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
