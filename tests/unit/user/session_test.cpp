// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "hp/crypto/keys.hpp"
#include "user/ban_list.hpp"
#include "user/outbox.hpp"
#include "user/session.hpp"

using namespace hp;
using namespace hp::user;

namespace {

const std::string challenge(32, 'c');

struct Fixture {
    crypto::KeyPair user;
    crypto::KeyPair node;
    Session session;
    TimeMs now = 1000;

    explicit Fixture(SessionRules rules = {}) : session(1, "127.0.0.1", rules, 1000) {
        crypto::init();
        user = crypto::make_key_pair();
        node = crypto::make_key_pair();
        session.open("id", "1.0", challenge);
    }
    Actions message(std::string_view text) {
        Actions out;
        session.on_message(now, as_bytes(text), out);
        return out;
    }
    Actions respond(std::optional<std::string> server_challenge = "abc",
                    proto::Encoding encoding = proto::Encoding::json) {
        proto::UserChallengeResponse response;
        response.signature = crypto::sign(user, as_bytes(challenge));
        response.key = user.public_key;
        response.server_challenge = std::move(server_challenge);
        response.encoding = encoding;
        return message(as_text(proto::encode_challenge_response(response)));
    }
    void verify() {
        respond();
        session.accept(now, node, {node.public_key});
    }
};

template <class T>
const T* only(const Actions& actions) {
    return actions.size() == 1 ? std::get_if<T>(&actions[0]) : nullptr;
}

} // namespace

TEST_CASE("a good response authenticates; acceptance proves the node's identity") {
    Fixture f;
    const Actions actions = f.respond();
    REQUIRE(only<Authenticated>(actions));
    CHECK(only<Authenticated>(actions)->key == f.user.public_key);
    CHECK_FALSE(f.session.verified());
    const auto reply = f.session.accept(f.now, f.node, {f.node.public_key});
    REQUIRE(reply);
    const auto decoded = proto::decode_server_response(*reply);
    REQUIRE(decoded);
    CHECK(crypto::verify(decoded->key, as_bytes("abcid1.0"), decoded->signature));
    CHECK(f.session.verified());
}

TEST_CASE("without a server challenge nothing is answered") {
    Fixture f;
    REQUIRE(only<Authenticated>(f.respond(std::nullopt)));
    CHECK_FALSE(f.session.accept(f.now, f.node, {}));
    CHECK(f.session.verified());
}

TEST_CASE("anything but a valid response closes the session without a reply") {
    SECTION("garbage") {
        Fixture f;
        CHECK(only<Close>(f.message("garbage")));
    }
    SECTION("a request before the handshake") {
        Fixture f;
        CHECK(only<Close>(f.message(R"({"type":"stat"})")));
    }
    SECTION("a signature over something else") {
        Fixture f;
        proto::UserChallengeResponse response;
        response.signature = crypto::sign(f.user, as_bytes("other"));
        response.key = f.user.public_key;
        const Actions actions = f.message(as_text(proto::encode_challenge_response(response)));
        REQUIRE(only<Close>(actions));
        CHECK(only<Close>(actions)->cause == CloseCause::handshake);
    }
}

TEST_CASE("after closing nothing is processed") {
    Fixture f;
    f.message("garbage");
    CHECK(f.respond().empty());
}

TEST_CASE("malformed messages are answered as documented and counted") {
    Fixture f({0, 3, 0});
    f.verify();
    const Actions unknown = f.message(R"({"type":"foo"})");
    REQUIRE(only<Reply>(unknown));
    CHECK(to_text(only<Reply>(unknown)->message) ==
          R"({"type":"contract_input_status","status":"rejected","reason":"invalid_msg_type",)"
          R"("input_hash":""})");
    const Actions input = f.message(R"({"type":"contract_input","input_container":"{}"})");
    REQUIRE(only<Reply>(input));
    CHECK(to_text(only<Reply>(input)->message).find("af1349b9f5f9a1a6") != std::string::npos);
    CHECK(f.message(R"({"type":"subscription"})").empty());
    // The fourth within a minute: its reply is still sent.
    const Actions last = f.message("garbage");
    REQUIRE(last.size() == 2);
    CHECK(std::holds_alternative<Reply>(last[0]));
    CHECK(std::get<Close>(last[1]).cause == CloseCause::too_many_bad_messages);
}

TEST_CASE("without read requests, malformed ones are ignored like good ones") {
    Fixture f({0, 0, 0, false});
    f.verify();
    CHECK(f.message(R"({"type":"contract_read_request"})").empty());
    CHECK(f.message("garbage").size() == 1);
}

TEST_CASE("byte limits count everything from the first message on and restart each minute") {
    Fixture f({1000, 0, 0});
    f.verify();
    const std::string lcl = R"({"type":"lcl"})";
    for (int i = 0; i < 30; ++i) {
        REQUIRE(only<Request>(f.message(lcl)));
    }
    f.now += 60'000;
    for (int i = 0; i < 1000 / static_cast<int>(lcl.size()); ++i) {
        REQUIRE(only<Request>(f.message(lcl)));
    }
    const Actions over = f.message(lcl);
    REQUIRE(only<Close>(over));
    CHECK(only<Close>(over)->cause == CloseCause::too_many_bytes);
}

TEST_CASE("silence ends a session: 5 s before verification, the idle timeout after") {
    const auto closes_at = [](Session& session, TimeMs now) {
        Actions out;
        session.on_tick(now, out);
        return !out.empty();
    };
    Fixture f({0, 0, 2000});
    CHECK_FALSE(closes_at(f.session, 5999));
    CHECK(closes_at(f.session, 6000));
    CHECK_FALSE(closes_at(f.session, 6250)); // one silence is one violation

    Fixture idle({0, 0, 2000});
    idle.verify();
    CHECK_FALSE(closes_at(idle.session, 2999));
    idle.session.on_sent(2500);
    CHECK_FALSE(closes_at(idle.session, 4499));
    CHECK(closes_at(idle.session, 4500));
    CHECK_FALSE(closes_at(idle.session, 4750));

    Fixture patient;
    patient.verify();
    CHECK_FALSE(closes_at(patient.session, 1'000'000'000));
}

TEST_CASE("channels start off and switch on and off") {
    Fixture f;
    CHECK_FALSE(f.session.subscribed(proto::Channel::health_event));
    f.session.subscribe(proto::Channel::health_event, true);
    CHECK(f.session.subscribed(proto::Channel::health_event));
    CHECK_FALSE(f.session.subscribed(proto::Channel::ledger_event));
    f.session.subscribe(proto::Channel::health_event, false);
    CHECK_FALSE(f.session.subscribed(proto::Channel::health_event));
}

TEST_CASE("the sixth violation within ten minutes bans for ten minutes") {
    BanList bans;
    for (int i = 0; i < 5; ++i) {
        CHECK_FALSE(bans.violation("a", 1000));
        CHECK_FALSE(bans.violation("b", i * 700'000));
    }
    CHECK(bans.violation("a", 2000));
    CHECK(bans.banned("a", 2000));
    CHECK_FALSE(bans.banned("b", 2000));
    CHECK(bans.banned("a", 601'999));
    CHECK_FALSE(bans.banned("a", 602'000));
    for (int i = 0; i < 10'000; ++i) {
        bans.violation("host" + std::to_string(i), 3000); // memory stays bounded
    }
}

TEST_CASE("messages for absent users wait a minute, in order, within bounds") {
    Outbox outbox;
    PublicKey key;
    const auto status = [](std::uint8_t n) { return proto::InputStatus{{}, Bytes(32, n), {}}; };
    outbox.put(key, status(1), 100, 0);
    outbox.put(key, status(2), 100, 1);
    auto kept = outbox.take(key, 2);
    REQUIRE(kept.size() == 2);
    CHECK(std::get<proto::InputStatus>(kept[0]).input_hash == Bytes(32, 1));
    CHECK(outbox.take(key, 3).empty());

    outbox.put(key, status(3), 100, 0);
    CHECK(outbox.take(key, 60'000).empty());
    for (int i = 0; i < 1000; ++i) {
        outbox.put(key, status(static_cast<std::uint8_t>(i)), 100, 100'000);
    }
    kept = outbox.take(key, 100'001);
    CHECK(kept.size() == 256);
    CHECK(std::get<proto::InputStatus>(kept.back()).input_hash == Bytes(32, 1000 % 256 - 1));
}
