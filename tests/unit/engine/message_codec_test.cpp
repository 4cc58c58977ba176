// SPDX-License-Identifier: Apache-2.0
// Peers' messages as bytes: one form each, nothing missing, nothing left over, no request for more
// than an answer may hold. Fuzzing (tests/fuzz/fuzz_peer_message.cpp) covers what nobody thought
// of.
#include <catch2/catch.hpp>

#include "consensus/message_codec.hpp"
#include "consensus/params.hpp"
#include "fake_signature.hpp"

using namespace hp;
using namespace hp::consensus;

namespace {

constexpr Hash32 filled_hash(std::uint8_t fill) {
    Hash32 hash;
    hash.data.fill(fill);
    return hash;
}

Vote make_vote() {
    return {StatementKind::commit, 7, 2, filled_hash(3), {sim::node_key(1), {}}};
}

SharedCertificate make_certificate() {
    const Vote vote = make_vote();
    return std::make_shared<const Certificate>(
        Certificate{vote.kind, vote.height, vote.attempt, vote.digest, {vote.by}});
}

std::vector<Message> some_messages() {
    return {make_vote(),
            make_certificate(),
            GetInputs{{filled_hash(1), filled_hash(2)}},
            GetOpens{7, {{sim::node_key(2), filled_hash(4)}}},
            GetBlock{7, filled_hash(5)},
            GetLedgers{7, 3}};
}

} // namespace

TEST_CASE("what decodes is what was encoded") {
    for (const Message& message : some_messages()) {
        const Bytes bytes = encode_message(message);
        const auto decoded = decode_message(bytes);
        REQUIRE(decoded);
        CHECK(decoded->index() == message.index());
        CHECK(encode_message(*decoded) == bytes);
    }
}

TEST_CASE("a message that was cut off or has something behind it is none") {
    for (const Message& message : some_messages()) {
        Bytes bytes = encode_message(message);
        for (std::size_t size = 0; size < bytes.size(); ++size) {
            CHECK_FALSE(decode_message(ByteView(bytes).first(size)));
        }
        bytes.push_back(0);
        CHECK_FALSE(decode_message(bytes));
    }
}

TEST_CASE("as many ledgers may be asked for as an answer holds, and at least one") {
    constexpr auto most = static_cast<std::uint32_t>(params::ledgers_per_answer_max);
    for (const std::uint32_t count : {1U, most}) {
        const auto decoded = decode_message(encode_message(GetLedgers{5, count}));
        REQUIRE(decoded);
        CHECK(std::get<GetLedgers>(*decoded).seq == 5);
        CHECK(std::get<GetLedgers>(*decoded).count == count);
    }
    for (const std::uint32_t count : {0U, most + 1, UINT32_MAX}) {
        const auto decoded = decode_message(encode_message(GetLedgers{5, count}));
        REQUIRE_FALSE(decoded);
        CHECK(decoded.err().context.find("ledgers") != std::string::npos);
    }
}
