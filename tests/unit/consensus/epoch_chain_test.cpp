// SPDX-License-Identifier: Apache-2.0
// What makes a ledger believable to a node that has none before it.
#include <catch2/catch.hpp>

#include "consensus/epoch_chain.hpp"
#include "consensus/message_codec.hpp"
#include "consensus/validators.hpp"
#include "hp/base/limits.hpp"
#include "hp/crypto/keys.hpp"

using namespace hp;
using namespace hp::consensus;

namespace {

Hash32 filled(std::uint8_t value) {
    Hash32 out;
    out.data.fill(value);
    return out;
}

// Members with real keys, ascending, who agree on one ledger.
struct Members {
    std::vector<crypto::KeyPair> keys;
    unsigned threshold = 60;

    explicit Members(std::size_t count) {
        crypto::init();
        for (std::size_t i = 0; i < count; ++i) {
            keys.push_back(crypto::make_key_pair());
        }
        std::sort(keys.begin(), keys.end(),
                  [](const auto& a, const auto& b) { return a.public_key < b.public_key; });
    }
    std::vector<PublicKey> list() const {
        std::vector<PublicKey> out;
        for (const crypto::KeyPair& pair : keys) {
            out.push_back(pair.public_key);
        }
        return out;
    }
    Trust trust() const {
        const std::vector<PublicKey> all = list();
        return {filled(9), {all.begin(), all.end()}, threshold};
    }
    Domain domain() const { return {filled(9), unl_hash(list(), quorum(keys.size(), threshold))}; }
    SharedCertificate certificate(const Block& block, std::size_t votes,
                                  StatementKind kind = StatementKind::commit) const {
        auto made = std::make_shared<Certificate>();
        made->kind = kind;
        made->height = block.header.seq;
        made->attempt = 2;
        made->digest = block.digest;
        const Bytes bytes =
            statement_bytes(domain(), kind, vote_digest(made->height, 2, block.digest));
        for (std::size_t i = 0; i < votes; ++i) {
            made->votes.push_back({keys[i].public_key, crypto::sign(keys[i], bytes)});
        }
        return made;
    }
};

Block make_block(LedgerSeq seq, const Hash32& recent_hash = {}) {
    Block block;
    block.header.seq = seq;
    block.header.timestamp_ms = 77;
    block.header.prev_hash = filled(1);
    block.header.state_hash = filled(2);
    block.header.config_hash = filled(3);
    block.nonce = filled(4);
    block.recent_hash = recent_hash;
    block.header.user_hash = proto::user_list_hash(block.users);
    block.header.input_hash = proto::input_list_hash({});
    block.header.hash = proto::ledger_hash(block.header, block.nonce, block.recent_hash);
    block.rest_digest = block_rest_digest(block);
    block.digest = block_digest(block.header.hash, block.rest_digest);
    return block;
}

RecentUser recent_user(const Members& members) {
    return {members.keys[0].public_key, 5, 100};
}

Bytes snapshot_of(const Members& members, const std::vector<RecentUser>& recent,
                  const Hash32& recent_hash) {
    const Block block = make_block(40, recent_hash);
    return encode_snapshot(encode_proof(block, *members.certificate(block, 2)),
                           proto::encode_inputs({}, {}), recent);
}

} // namespace

TEST_CASE("a link comes back as it was, and no byte of it may be another") {
    const Members members(3);
    const Block block = make_block(7);
    const Bytes bytes = encode_link(make_link(block, members.certificate(block, 2)));
    const auto link = decode_link(bytes);
    REQUIRE(link);
    CHECK(link->header == block.header);
    CHECK(encode_link(*link) == bytes);
    REQUIRE(certifies(members.trust(), *link));
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        Bytes other = bytes;
        other[at] ^= 1;
        const auto changed = decode_link(other);
        CHECK_FALSE((changed && certifies(members.trust(), *changed)));
    }
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        CHECK_FALSE(decode_link(ByteView(bytes).first(length)));
    }
}

TEST_CASE("only a quorum of those trusted certifies a ledger") {
    const Members members(3);
    const Block block = make_block(7);
    const auto believed = [&](const Trust& trust, const SharedCertificate& commit) {
        return certifies(trust, make_link(block, commit));
    };
    CHECK(believed(members.trust(), members.certificate(block, 2)));
    CHECK(believed(members.trust(), members.certificate(block, 3)));
    CHECK_FALSE(believed(members.trust(), members.certificate(block, 1)));
    CHECK_FALSE(believed(members.trust(), members.certificate(block, 2, StatementKind::prepare)));
    CHECK_FALSE(believed(members.trust(), members.certificate(make_block(8), 2)));
    CHECK_FALSE(believed(Members(3).trust(), members.certificate(block, 2)));

    Trust other = members.trust();
    other.threshold_percent = 100; // another quorum is another domain, whoever signed
    CHECK_FALSE(believed(other, members.certificate(block, 3)));
    other = members.trust();
    other.contract_id_hash = filled(8);
    CHECK_FALSE(believed(other, members.certificate(block, 2)));
    other = members.trust();
    other.unl.insert(Members(1).keys[0].public_key);
    CHECK_FALSE(believed(other, members.certificate(block, 3)));
    CHECK_FALSE(believed({filled(9), {}, 60}, members.certificate(block, 2)));
}

TEST_CASE("a page of the epoch chain is bounded") {
    EpochPage page{9, {{to_bytes("link"), to_bytes("config")}, {to_bytes("l"), {}}}};
    const Bytes bytes = encode_page(page);
    const auto decoded = decode_page(bytes);
    REQUIRE(decoded);
    CHECK(decoded->newest == 9);
    REQUIRE(decoded->epochs.size() == 2);
    CHECK(decoded->epochs[0].config == to_bytes("config"));
    CHECK(encode_page(*decoded) == bytes);
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        CHECK_FALSE(decode_page(ByteView(bytes).first(length)));
    }
    page.epochs.assign(limits::epochs_per_page_max + 1, {to_bytes("l"), {}});
    CHECK_FALSE(decode_page(encode_page(page)));
    page.epochs.assign(1, {to_bytes("l"), Bytes(limits::patch_bytes_max + 1)});
    CHECK_FALSE(decode_page(encode_page(page)));
}

TEST_CASE("what members remember comes with the newest ledger, and has to be the ledger's") {
    const Members members(3);
    NonceRecords nonces;
    nonces.restore(recent_user(members));
    const Bytes bytes = snapshot_of(members, {recent_user(members)}, nonces.digest());
    const auto snapshot = decode_snapshot(bytes);
    REQUIRE(snapshot);
    CHECK((*snapshot)->ledger->block->header.seq == 40);
    CHECK((*snapshot)->nonces.digest() == nonces.digest());
    const SharedCertifiedLedger& ledger = (*snapshot)->ledger;
    CHECK(certifies(members.trust(), make_link(*ledger->block, ledger->commit)));

    CHECK_FALSE(decode_snapshot(snapshot_of(members, {}, nonces.digest())));
    RecentUser other = recent_user(members);
    ++other.last_nonce;
    CHECK_FALSE(decode_snapshot(snapshot_of(members, {other}, nonces.digest())));
    CHECK_FALSE(decode_snapshot(
        snapshot_of(members, {recent_user(members), recent_user(members)}, nonces.digest())));
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        CHECK_FALSE(decode_snapshot(ByteView(bytes).first(length)));
    }
}
