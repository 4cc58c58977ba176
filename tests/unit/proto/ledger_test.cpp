// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "hp/crypto/blake3.hpp"
#include "hp/crypto/keys.hpp"
#include "hp/proto/ledger.hpp"
#include "hp/proto/user_codec.hpp"

using namespace hp;
using namespace hp::proto;

namespace {

SharedInput make_input(const crypto::KeyPair& keys, std::uint64_t nonce) {
    const Bytes container = encode_container(Encoding::json, {to_bytes("hi"), nonce, 9});
    return *make_signed_input(keys.public_key, Encoding::json, container,
                              crypto::sign(keys, container));
}

} // namespace

TEST_CASE("the ledger hash follows docs/protocol/ledger.md byte by byte") {
    LedgerHeader header;
    header.seq = 5;
    header.timestamp_ms = 1000;
    header.state_hash.data.fill(1);
    header.config_hash.data.fill(2);
    header.user_hash.data.fill(5);
    header.input_hash.data.fill(6);
    header.output_hash.data.fill(7);
    header.prev_hash.data.fill(8);
    Hash32 nonce;
    nonce.data.fill(3);
    Hash32 recent_hash;
    recent_hash.data.fill(4);
    std::string data = "6870322f6c65646765722d6461746100"; // "hp2/ledger-data" NUL
    data += "0000000000000005"
            "00000000000003e8";
    for (const char* byte : {"01", "02", "03", "04", "05", "06", "07"}) {
        for (int i = 0; i < 32; ++i) {
            data += byte;
        }
    }
    const Hash32 data_hash = crypto::b3(*from_hex(data));
    const Bytes tag = *from_hex("6870322f6c656467657200"); // "hp2/ledger" NUL
    CHECK(ledger_hash(header, nonce, recent_hash) ==
          crypto::b3({tag, header.prev_hash.view(), data_hash.view()}));
}

TEST_CASE("input hashes are listed by nonce, then hash, over all users") {
    crypto::init();
    const auto a = crypto::make_key_pair();
    const auto b = crypto::make_key_pair();
    const auto first = make_input(b, 1);
    const auto second = make_input(a, 2);
    CHECK(input_list_hash({second, first}) ==
          crypto::b3_list(std::vector{first->hash, second->hash}));
    CHECK(input_list_hash({}).is_zero());
    CHECK(user_list_hash({}).is_zero());
}

TEST_CASE("stored inputs and results come back as they were; damage is noticed") {
    crypto::init();
    const auto keys = crypto::make_key_pair();
    const auto input = make_input(keys, 7);
    CHECK(verify_signature(*input));
    const Bytes stored = encode_inputs({keys.public_key}, {input});
    const auto decoded = decode_inputs(stored);
    REQUIRE(decoded);
    CHECK(decoded->users == std::vector{keys.public_key});
    REQUIRE(decoded->inputs.size() == 1);
    CHECK(decoded->inputs[0]->hash == input->hash);
    CHECK(verify_signature(*decoded->inputs[0]));
    for (std::size_t length = 0; length < stored.size(); ++length) {
        CHECK_FALSE(decode_inputs(ByteView(stored).first(length)));
    }

    ExecutionResult result;
    result.seq = 3;
    result.outputs = {{keys.public_key, {}, {to_bytes("a"), {}}}};
    const Bytes bytes = encode_result(result);
    const auto back = decode_result(bytes);
    REQUIRE(back);
    CHECK(encode_result(*back) == bytes);
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        CHECK_FALSE(decode_result(ByteView(bytes).first(length)));
    }
}

TEST_CASE("no outputs mean a zero root, without a state leaf") {
    Hash32 state;
    state.data.fill(9);
    CHECK(output_root({}, state).is_zero());
}
