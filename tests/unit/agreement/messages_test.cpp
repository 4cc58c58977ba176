// SPDX-License-Identifier: Apache-2.0
// The signed bytes and digests of docs/protocol/peer.md, spelled out.
#include <catch2/catch.hpp>

#include "consensus/messages.hpp"
#include "hp/crypto/blake3.hpp"

using namespace hp;
using namespace hp::consensus;

namespace {

template <class Fixed>
Fixed filled(std::uint8_t byte) {
    Fixed out;
    out.data.fill(byte);
    return out;
}

std::string repeated(const std::string& hex, std::size_t count) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) {
        out += hex;
    }
    return out;
}

Hash32 hash_of(const std::string& hex) {
    return crypto::b3(*from_hex(hex));
}

// "hp2/..." and its NUL, as hexadecimal text.
std::string tag(std::string_view name) {
    return to_hex(as_bytes("hp2/" + std::string(name))) + "00";
}

const std::string claim_hex = "0000000000000009" + repeated("21", 32) + repeated("22", 32) +
                              repeated("23", 32) + repeated("24", 32);

ResultClaim sample_claim() {
    return {{9, filled<Hash32>(0x21)},
            filled<Hash32>(0x22),
            filled<Hash32>(0x23),
            filled<Hash32>(0x24)};
}

Block sample_block() {
    Block block;
    block.header.seq = 10;
    block.nonce = filled<Hash32>(1);
    block.recent_hash = filled<Hash32>(2);
    block.users = {filled<PublicKey>(3), filled<PublicKey>(4)};
    block.inputs = {filled<Hash32>(5), filled<Hash32>(6)};
    block.opens = {{filled<PublicKey>(7), filled<Hash32>(8)}};
    block.mode = ResultMode::plurality;
    block.evidence = {
        {sample_claim(), filled<Signature>(9), {filled<PublicKey>(0x0a), filled<Signature>(0x0b)}}};
    block.header.user_hash = proto::user_list_hash(block.users);
    block.header.hash = proto::ledger_hash(block.header, block.nonce, block.recent_hash);
    block.rest_digest = block_rest_digest(block);
    block.digest = block_digest(block.header.hash, block.rest_digest);
    return block;
}

} // namespace

TEST_CASE("signed bytes: mark, tag, kind, NUL, contract, UNL, digest") {
    const Domain domain{filled<Hash32>(0x11), filled<Hash32>(0x33)};
    CHECK(to_hex(statement_bytes(domain, StatementKind::commit, filled<Hash32>(0x22))) ==
          "ff6870322f0400" + repeated("11", 32) + repeated("33", 32) + repeated("22", 32));
    // Longer than the 32 bytes of an output root, and no text: the other things that are signed.
    CHECK(statement_bytes(domain, StatementKind::open, {}).size() == 103);
}

TEST_CASE("every part of a statement is signed") {
    const Domain domain{filled<Hash32>(1), filled<Hash32>(2)};
    const Hash32 body = filled<Hash32>(3);
    std::vector<Bytes> all{
        statement_bytes({filled<Hash32>(9), domain.unl_hash}, StatementKind::commit, body),
        statement_bytes({domain.contract_id_hash, filled<Hash32>(9)}, StatementKind::commit, body),
        statement_bytes(domain, StatementKind::commit, filled<Hash32>(9)),
    };
    for (std::uint8_t kind = 1; kind <= 6; ++kind) {
        all.push_back(statement_bytes(domain, static_cast<StatementKind>(kind), body));
    }
    std::sort(all.begin(), all.end());
    CHECK(std::adjacent_find(all.begin(), all.end()) == all.end());
}

TEST_CASE("the digest of an OPEN") {
    Open open;
    open.height = 10;
    open.prev_hash = filled<Hash32>(1);
    open.version = 3;
    open.clock_ms = 0x1234;
    open.nonce = filled<Hash32>(2);
    open.users = {filled<PublicKey>(3)};
    open.inputs = {filled<Hash32>(4), filled<Hash32>(5)};
    CHECK(open_digest(open) ==
          hash_of(tag("open") + "000000000000000a" + repeated("01", 32) + "0000000000000003" +
                  "0000000000001234" + repeated("02", 32) + "00000001" + repeated("03", 33) +
                  "00000002" + repeated("04", 32) + repeated("05", 32)));
}

TEST_CASE("the digest of an OPEN tells where one list ends and the next begins") {
    Open open;
    open.users = {filled<PublicKey>(0)};
    Open other;
    other.inputs = {filled<Hash32>(0)};
    CHECK(open_digest(open) != open_digest(other));
}

TEST_CASE("the digests of RESULT and of votes") {
    CHECK(result_digest(sample_claim()) == hash_of(tag("result") + claim_hex));
    CHECK(vote_digest(10, 3, filled<Hash32>(7)) ==
          hash_of(tag("vote") + "000000000000000a" + "00000003" + repeated("07", 32)));
}

TEST_CASE("the digest of a block") {
    const Block block = sample_block();
    const std::string rest = tag("block-rest") + "00000002" + repeated("05", 32) +
                             repeated("06", 32) + "00000001" + repeated("07", 33) +
                             repeated("08", 32) + "02" + "00000001" + claim_hex +
                             repeated("09", 64) + repeated("0a", 33) + repeated("0b", 64);
    CHECK(block.rest_digest == hash_of(rest));
    CHECK(block.digest ==
          hash_of(tag("block") + block.header.hash.hex() + block.rest_digest.hex()));
}

TEST_CASE("a block is what its digest says, or found out") {
    CHECK(verify_block_digest(sample_block()));
    const auto is_refused = [](auto change) {
        Block block = sample_block();
        change(block);
        return !verify_block_digest(block);
    };
    CHECK(is_refused([](Block& b) { b.header.timestamp_ms += 1; }));
    CHECK(is_refused([](Block& b) { b.header.input_hash.data[0] ^= 1; }));
    CHECK(is_refused([](Block& b) { b.header.hash.data[0] ^= 1; }));
    CHECK(is_refused([](Block& b) { b.nonce.data[0] ^= 1; }));
    CHECK(is_refused([](Block& b) { b.recent_hash.data[0] ^= 1; }));
    CHECK(is_refused([](Block& b) { b.users.pop_back(); }));
    CHECK(is_refused([](Block& b) { std::swap(b.inputs[0], b.inputs[1]); }));
    CHECK(is_refused([](Block& b) { b.opens[0].digest.data[0] ^= 1; }));
    CHECK(is_refused([](Block& b) { b.mode = ResultMode::void_run; }));
    CHECK(is_refused([](Block& b) { b.evidence[0].claim.ledger.seq += 1; }));
    CHECK(is_refused([](Block& b) { b.evidence[0].root_signature.data[0] ^= 1; }));
    CHECK(is_refused([](Block& b) { b.evidence[0].by.signature.data[0] ^= 1; }));
    CHECK(is_refused([](Block& b) { b.rest_digest.data[0] ^= 1; }));
    CHECK(is_refused([](Block& b) { b.digest.data[0] ^= 1; }));
}
