// SPDX-License-Identifier: Apache-2.0
// Who a connection belongs to: honest pairs, and everybody in between.
#include <catch2/catch.hpp>

#include "hp/crypto/blake3.hpp"
#include "peer/peer_session.hpp"

using namespace hp;
using namespace hp::peer;

namespace {

Own make_own(const std::string& contract, std::uint16_t port = 0) {
    crypto::init();
    return {crypto::make_key_pair(), crypto::b3(as_bytes(contract)), port};
}

const Bytes binding(32, 7);

// Both hellos have been heard; what each answered.
struct Met {
    Bytes from_caller;
    Bytes from_called;
};
Met meet(PeerSession& caller, PeerSession& called) {
    auto at_called = called.on_message(caller.hello());
    auto at_caller = caller.on_message(called.hello());
    REQUIRE(at_called);
    REQUIRE(at_caller);
    CHECK_FALSE(at_called->established);
    return {at_caller->reply, at_called->reply};
}

} // namespace

TEST_CASE("two nodes of a contract know each other's keys in the end") {
    const Own a = make_own("c", 1000);
    const Own b = make_own("c", 65535);
    PeerSession caller(a, true, binding);
    PeerSession called(b, false, binding);
    const Met met = meet(caller, called);
    const auto at_called = called.on_message(met.from_caller);
    REQUIRE(at_called);
    CHECK(at_called->established);
    CHECK(at_called->reply.empty());
    CHECK(called.key() == a.keys.public_key);
    CHECK(called.listen_port() == 1000);
    const auto at_caller = caller.on_message(met.from_called);
    REQUIRE((at_caller && at_caller->established));
    CHECK(caller.key() == b.keys.public_key);
    CHECK(caller.listen_port() == 65535);

    const auto npl = caller.on_message(encode_frame(Npl{{3, {}}, to_bytes("hello")}));
    REQUIRE((npl && npl->message));
    CHECK(std::get<Npl>(*npl->message).bytes == to_bytes("hello"));
}

TEST_CASE("a proof is worth nothing elsewhere") {
    const Own a = make_own("c");
    const Own b = make_own("c");
    PeerSession caller(a, true, binding);
    SECTION("on another connection, as somebody in between would have two") {
        PeerSession called(b, false, Bytes(32, 8));
        const Met met = meet(caller, called);
        CHECK(called.on_message(met.from_caller).err().code == Errc::denied);
        CHECK(caller.on_message(met.from_called).err().code == Errc::denied);
    }
    SECTION("sent back to whom it came from") {
        PeerSession called(b, false, binding);
        const Met met = meet(caller, called);
        CHECK(called.on_message(met.from_called).err().code == Errc::denied);
    }
    SECTION("for another key") {
        const Own c = make_own("c");
        PeerSession called(b, false, binding);
        PeerSession thief(Own{c.keys, a.contract_id_hash, 0}, true, binding);
        const Met met = meet(caller, called);
        PeerSession called_too(b, false, binding);
        meet(thief, called_too);
        CHECK(called_too.on_message(met.from_caller).err().code == Errc::denied);
    }
    CHECK_FALSE(caller.is_established());
}

TEST_CASE("who is no peer is told why") {
    const Own a = make_own("c");
    PeerSession session(a, false, binding);
    SECTION("another contract") {
        const Own other = make_own("d");
        const auto refused = session.on_message(PeerSession(other, true, binding).hello());
        REQUIRE_FALSE(refused);
        CHECK(refused.err().context == "runs another contract");
    }
    SECTION("this node itself") {
        const auto refused = session.on_message(PeerSession(a, true, binding).hello());
        REQUIRE_FALSE(refused);
        CHECK(refused.err().code == Errc::exists);
    }
    SECTION("another protocol") {
        Bytes hello = PeerSession(make_own("c"), true, binding).hello();
        hello[2] ^= 1;
        CHECK(session.on_message(hello).err().code == Errc::unsupported);
    }
    SECTION("messages before the proof") {
        const Own b = make_own("c");
        REQUIRE(session.on_message(PeerSession(b, true, binding).hello()));
        CHECK(session.on_message(encode_frame(GetConfig{})).err().code == Errc::denied);
    }
    SECTION("a proof before the hello") {
        CHECK_FALSE(session.on_message(encode_frame(Proof{})));
    }
    SECTION("hello twice") {
        const Bytes hello = PeerSession(make_own("c"), true, binding).hello();
        REQUIRE(session.on_message(hello));
        CHECK_FALSE(session.on_message(hello));
    }
    SECTION("nothing at all") {
        CHECK_FALSE(session.on_message({}));
    }
}

TEST_CASE("what is proven are exactly the bytes of docs/protocol/peer.md") {
    const Own a = make_own("c");
    const Own b = make_own("c");
    PeerSession caller(a, true, binding);
    const auto step = caller.on_message(PeerSession(b, false, binding).hello());
    REQUIRE(step);
    Bytes signed_bytes = *from_hex("ff6870322f8000");
    append(signed_bytes, crypto::b3(as_bytes("c")).view());
    append(signed_bytes, *from_hex("00000020"));
    append(signed_bytes, binding);
    append(signed_bytes, a.keys.public_key.view());
    append(signed_bytes, b.keys.public_key.view());
    append(signed_bytes, *from_hex("01"));
    const auto proof = decode_frame(step->reply);
    REQUIRE(proof);
    CHECK(crypto::verify(a.keys.public_key, signed_bytes, std::get<Proof>(*proof).signature));
}
