// SPDX-License-Identifier: Apache-2.0
// Short-hand for the statements that the tests of agreement hand to members: keys, digests, blocks
// and certificates by small numbers. Agreement never looks at signatures, so they stay empty.
#pragma once

#include "consensus/agreement.hpp"

namespace hp::agree {

using consensus::Attempt;

inline constexpr LedgerSeq height = 7;

inline PublicKey member_key(std::size_t index) {
    PublicKey key;
    key.data[0] = key_prefix;
    key.data[1] = static_cast<std::uint8_t>(index + 1);
    return key;
}
inline std::size_t member_index(const PublicKey& key) {
    return key.data[1] - std::size_t{1};
}
inline std::vector<PublicKey> member_keys(std::size_t count) {
    std::vector<PublicKey> keys;
    for (std::size_t i = 0; i < count; ++i) {
        keys.push_back(member_key(i));
    }
    return keys;
}

// Block digests 0, 1, 2...; SKIP names none.
inline Hash32 value_digest(std::size_t value) {
    Hash32 digest;
    const auto number = static_cast<std::uint32_t>(value + 1);
    std::memcpy(digest.data.data(), &number, sizeof number);
    return digest;
}
inline std::size_t value_of(const Hash32& digest) {
    std::uint32_t number = 0;
    std::memcpy(&number, digest.data.data(), sizeof number);
    return number - std::size_t{1};
}

inline consensus::SharedBlock make_block(std::size_t value) {
    auto block = std::make_shared<consensus::Block>();
    block->digest = value_digest(value);
    return block;
}

inline consensus::Vote make_vote(consensus::StatementKind kind, std::size_t member, Attempt attempt,
                                 const Hash32& digest) {
    return {kind, height, attempt, digest, {member_key(member), {}}};
}

// Of the first `signers` members: who signed does not influence who reads it.
inline consensus::SharedCertificate make_certificate(consensus::StatementKind kind, Attempt attempt,
                                                     const Hash32& digest, std::size_t signers) {
    auto made = std::make_shared<consensus::Certificate>();
    made->kind = kind;
    made->height = height;
    made->attempt = attempt;
    made->digest = digest;
    for (std::size_t i = 0; i < signers; ++i) {
        made->votes.push_back({member_key(i), {}});
    }
    return made;
}

} // namespace hp::agree
