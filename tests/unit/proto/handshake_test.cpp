// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "hp/proto/handshake.hpp"

using namespace hp;
using namespace hp::proto;

namespace {

const std::string sig(128, '0');
const std::string key = "ed" + std::string(64, '1');

std::string response(const std::string& s, const std::string& k, const std::string& rest) {
    return R"({"type":"user_challenge_response","sig":)" + s + R"(,"pubkey":)" + k + rest + "}";
}

std::string quoted(const std::string& text) {
    return "\"" + text + "\"";
}

bool accepted(const std::string& text) {
    return decode_challenge_response(as_bytes(text)).has_value();
}

} // namespace

TEST_CASE("the challenge has the documented bytes") {
    CHECK(to_text(encode_challenge({"0.6.4", "id", "1.0", std::string(32, 'a')})) ==
          R"({"hp_version":"0.6.4","type":"user_challenge","contract_id":"id",)"
          R"("contract_version":"1.0","challenge":")" +
              std::string(32, 'a') + "\"}");
}

TEST_CASE("challenge responses are strict") {
    const std::string json = R"(,"protocol":"json")";
    CHECK(accepted(response(quoted(sig), quoted(key), json)));
    CHECK(accepted(response(quoted(sig), quoted("ED" + std::string(64, 'A')), json)));
    CHECK(accepted(response(quoted(sig), quoted(key), R"(,"protocol":"bson","other":[1])")));
    CHECK_FALSE(accepted(response(quoted(sig), quoted(key), "")));
    CHECK_FALSE(accepted(response(quoted(sig), quoted(key), R"(,"protocol":"JSON")")));
    CHECK_FALSE(accepted(response(quoted(sig), quoted(key), R"(,"protocol":"xml")")));
    CHECK_FALSE(accepted(response(quoted(sig), quoted(key), R"(,"protocol":1)")));
    CHECK_FALSE(accepted(response("5", quoted(key), json)));
    CHECK_FALSE(accepted(response(quoted(sig.substr(2)), quoted(key), json)));
    CHECK_FALSE(accepted(response(quoted(sig + "00"), quoted(key), json)));
    CHECK_FALSE(accepted(response(quoted(sig), quoted(key + "00"), json)));
    CHECK_FALSE(accepted(response(quoted(sig), quoted(key.substr(2)), json)));
    CHECK_FALSE(accepted(response(quoted(sig), quoted("00" + key.substr(2)), json)));
    CHECK_FALSE(accepted(R"({"type":"stat"})"));
    CHECK_FALSE(accepted("garbage"));
}

TEST_CASE("server challenges have 1 to 32 bytes") {
    const auto with = [](const std::string& challenge) {
        return accepted(response(quoted(sig), quoted(key),
                                 R"(,"protocol":"json","server_challenge":)" + challenge));
    };
    CHECK(with("\"x\""));
    CHECK(with(quoted(std::string(32, 'x'))));
    CHECK(with("\"not hex\""));
    CHECK_FALSE(with("\"\""));
    CHECK_FALSE(with("null"));
    CHECK_FALSE(with("5"));
    CHECK_FALSE(with(quoted(std::string(33, 'x'))));
}

TEST_CASE("clients refuse to sign anything but a challenge") {
    const auto challenge = [](const std::string& text) {
        return decode_challenge(encode_challenge({"0.6.4", "id", "1.0", text}));
    };
    CHECK(challenge(std::string(32, '0')));
    CHECK_FALSE(challenge(std::string(31, '0')));
    CHECK_FALSE(challenge(std::string(64, '0')));
    CHECK_FALSE(challenge(R"({"input":"pay","nonce":1,"max_le)"));
}

TEST_CASE("both sides' messages survive encoding and decoding") {
    UserChallengeResponse mine;
    mine.key.data[0] = 0xED;
    mine.server_challenge = "abc";
    mine.encoding = Encoding::bson;
    const auto theirs = decode_challenge_response(encode_challenge_response(mine));
    REQUIRE(theirs);
    CHECK(theirs->key == mine.key);
    CHECK(theirs->server_challenge == mine.server_challenge);
    CHECK(theirs->encoding == mine.encoding);

    ServerChallengeResponse server;
    server.key.data[0] = 0xED;
    server.unl = {server.key};
    const auto seen = decode_server_response(encode_server_response(server));
    REQUIRE(seen);
    CHECK(seen->unl == server.unl);
}
