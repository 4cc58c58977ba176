// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "hp/base/codec.hpp"
#include "hp/base/ids.hpp"

using namespace hp;

TEST_CASE("hex goes both ways, in either case, and refuses anything else") {
    const Bytes bytes = {0x00, 0x7f, 0xab, 0xff};
    CHECK(to_hex(bytes) == "007fabff");
    CHECK(from_hex("007FabFF") == bytes);
    CHECK(from_hex("") == Bytes{});
    CHECK_FALSE(from_hex("0"));
    CHECK_FALSE(from_hex("0g"));
    CHECK_FALSE(from_hex("00 "));
}

TEST_CASE("public keys need exactly 33 bytes and the ed prefix") {
    const std::string good = "ed" + std::string(64, 'a');
    CHECK(parse_public_key_hex(good));
    CHECK_FALSE(parse_public_key_hex("00" + std::string(64, 'a')));
    CHECK_FALSE(parse_public_key_hex(good + "aa"));
    CHECK_FALSE(parse_public_key_hex(good.substr(2)));
    CHECK_FALSE(parse_public_key_hex(""));
}

TEST_CASE("what Writer writes Reader reads, and nothing more") {
    Writer out;
    out.u8(7);
    out.u32(0x01020304);
    out.u64(0x0102030405060708);
    out.bytes(as_bytes("text"));
    const Bytes bytes = out.view();
    CHECK(to_hex(ByteView(bytes).subspan(1, 4)) == "01020304");

    Reader in(bytes);
    CHECK(in.u8() == 7);
    CHECK(in.u32() == 0x01020304);
    CHECK(in.u64() == 0x0102030405060708);
    CHECK(as_text(in.bytes()) == "text");
    CHECK(in.done());
    CHECK(in.u8() == 0);
    CHECK_FALSE(in.ok());
}

TEST_CASE("a reader cut short at any place says so and never reads beyond") {
    Writer out;
    out.u64(1);
    out.bytes(as_bytes("abcdef"));
    for (std::size_t length = 0; length < out.view().size(); ++length) {
        Reader in(ByteView(out.view()).first(length));
        in.u64();
        in.bytes();
        CHECK_FALSE(in.ok());
    }
}
