// SPDX-License-Identifier: Apache-2.0
// User protocol messages byte by byte: sections 5 to 13 of user-protocol.md.
#include <catch2/catch.hpp>

#include "hp/crypto/blake3.hpp"
#include "hp/crypto/keys.hpp"
#include "hp/proto/user_codec.hpp"

using namespace hp;
using namespace hp::proto;

namespace {

std::string json(const ServerMessage& message) {
    return to_text(encode_message(Encoding::json, message));
}

DecodedRequest decode(std::string_view text) {
    return decode_request(Encoding::json, as_bytes(text));
}

RequestError error_of(std::string_view text) {
    const auto decoded = decode(text);
    REQUIRE_FALSE(decoded);
    return decoded.error();
}

std::string content(std::string_view contract_bytes) {
    const std::string message = json(ReadResponse{"r", to_bytes(contract_bytes)});
    const std::string head = R"({"type":"contract_read_response","reply_for":"r","content":)";
    REQUIRE(message.substr(0, head.size()) == head);
    return message.substr(head.size(), message.size() - head.size() - 1);
}

template <std::size_t N, class Tag>
void fill(FixedBytes<N, Tag>& value, std::uint8_t byte) {
    value.data.fill(byte);
}

LedgerHeader some_header() {
    LedgerHeader header;
    header.seq = 371;
    header.timestamp_ms = 1795213161454;
    fill(header.hash, 1);
    fill(header.prev_hash, 2);
    fill(header.state_hash, 3);
    fill(header.config_hash, 4);
    fill(header.user_hash, 5);
    fill(header.input_hash, 6);
    fill(header.output_hash, 7);
    return header;
}

const std::string h1(64, '1');

} // namespace

TEST_CASE("the documented bytes of a BSON rejection") {
    const Bytes bytes =
        encode_message(Encoding::bson, InputStatus{RejectReason::bad_msg_format, {}, {}});
    CHECK(to_hex(bytes) == "6600000002747970650016000000636f6e74726163745f696e7075745f7374617475730"
                           "002737461747573000900"
                           "000072656a656374656400"
                           "02726561736f6e000f0000006261645f6d73675f666f726d61740005696e7075745f686"
                           "1736800000000008000");
}

TEST_CASE("JSON statuses, lcl and subscriptions look as documented") {
    Hash32 hash;
    hash.data.fill(0x11);
    CHECK(json(InputStatus{std::nullopt, Bytes(32, 0x11), {190, hash}}) ==
          R"({"type":"contract_input_status","status":"accepted","input_hash":")" + h1 +
              R"(","ledger_seq_no":190,"ledger_hash":")" + h1 + R"("})");
    CHECK(json(InputStatus{RejectReason::nonce_expired, Bytes(32, 0x11), {}}) ==
          R"({"type":"contract_input_status","status":"rejected","reason":"nonce_expired",)"
          R"("input_hash":")" +
              h1 + R"("})");
    CHECK(json(LclResponse{{42, hash}}) ==
          R"({"type":"lcl_response","ledger_seq_no":42,"ledger_hash":")" + h1 + R"("})");
    CHECK(json(VoteStatusEvent{VoteStatus::desync}) ==
          R"({"type":"ledger_event","event":"vote_status","vote_status":"desync"})");
    CHECK(json(ConnectivityHealth{3, false}) ==
          R"({"type":"health_event","event":"connectivity","peer_count":3,)"
          R"("weakly_connected":false})");
}

TEST_CASE("contract content is embedded only when it is one JSON value of the documented kinds") {
    CHECK(content("plain") == "\"plain\"");
    CHECK(content("123") == "123");
    CHECK(content("1.5") == "1.5");
    CHECK(content("true") == "true");
    CHECK(content("false") == "false");
    CHECK(content("{\"a\": 1}") == "{\"a\": 1}");
    CHECK(content("[1, 2]") == "[1, 2]");
    CHECK(content("\"quoted\"") == "\"quoted\"");
    // Quoted although they are JSON: not of the documented kinds.
    CHECK(content("null") == "\"null\"");
    CHECK(content("-5") == "\"-5\"");
    CHECK(content("1e5") == "\"1e5\"");
    CHECK(content(" 5") == "\" 5\"");
    CHECK(content("") == "\"\"");
    // Look like JSON but are not one value: forging is impossible.
    CHECK(content("007") == "\"007\"");
    CHECK(content(".5") == "\".5\"");
    CHECK(content("5.") == "\"5.\"");
    CHECK(content(".") == "\".\"");
    CHECK(content("\"") == "\"\\\"\"");
    CHECK(content("{bad}") == "\"{bad}\"");
    CHECK(content("\"x\",\"y\"") == "\"\\\"x\\\",\\\"y\\\"\"");
    CHECK(content("\"x\",\"type\":\"lcl_response\",\"a\":\"b\"").find("\\\"type\\\"") !=
          std::string::npos);
    CHECK(content(std::string("{}\0}", 4)) == "\"{}\\u0000}\"");
}

TEST_CASE("strings are escaped as documented and always valid UTF-8") {
    CHECK(content("a\"b\\c/\b\f\n\r\t\x01\x7f\xC3\xA9") ==
          "\"a\\\"b\\\\c/\\b\\f\\n\\r\\t\\u0001\\u007f\xC3\xA9\"");
    CHECK(content("\xFF\xFE"
                  "A") == "\"\xEF\xBF\xBD\xEF\xBF\xBD"
                          "A\"");
    CHECK(content("\xED\xA0\x80") == "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""); // a surrogate
    CHECK(content("\xF0\x9F\x98\x80") == "\"\xF0\x9F\x98\x80\"");
    CHECK(content("\xC0\xAF") == "\"\xEF\xBF\xBD\xEF\xBF\xBD\""); // overlong
}

TEST_CASE("request ids are echoed with escapes") {
    CHECK(json(ReadResponse{"a\"b", to_bytes("x")}) ==
          R"({"type":"contract_read_response","reply_for":"a\"b","content":"x"})");
}

TEST_CASE("requests are understood in any field order, unknown fields ignored") {
    const auto stat = decode(R"( {"x":1,"type":"stat"} )");
    REQUIRE(stat);
    CHECK(std::holds_alternative<StatRequest>(*stat));

    const auto read = decode(R"({"content":"h\u00e9","id":"","type":"contract_read_request"})");
    REQUIRE(read);
    CHECK(to_text(std::get<ReadRequest>(*read).content) == "h\xC3\xA9");

    const auto query = decode(R"({"type":"ledger_query","id":"q","filter_by":"seq_no",)"
                              R"("params":{"seq_no":12},"include":["outputs",5,"foo"]})");
    REQUIRE(query);
    CHECK(std::get<LedgerQuery>(*query).seq == 12);
    CHECK_FALSE(std::get<LedgerQuery>(*query).inputs);
    CHECK(std::get<LedgerQuery>(*query).outputs);

    const auto input = decode(R"({"type":"contract_input","sig":")" + std::string(128, 'A') +
                              R"(","input_container":"{}"})");
    REQUIRE(input);
    CHECK(to_text(std::get<InputRequest>(*input).container) == "{}");
}

TEST_CASE("malformed requests say what kind of answer they get") {
    for (const char* text :
         {"", "garbage", "[]", "{}", "5", R"({"type":5})", R"({"type":"stat")",
          R"({"type":"stat","type":"stat"})", R"({'type':'stat'})", R"({"type":"stat",})",
          "{\"type\":\"st\xFF"
          "at\"}"}) {
        CAPTURE(text);
        CHECK(error_of(text) == RequestError::bad_message);
    }
    CHECK(error_of(std::string("{\"type\":\"stat\"}\0", 16)) == RequestError::bad_message);
    CHECK(error_of(R"({"type":"STAT"})") == RequestError::unknown_type);
    CHECK(error_of(R"({"type":"user_challenge_response"})") == RequestError::unknown_type);
    CHECK(error_of(R"({"type":"contract_input","input_container":"x"})") ==
          RequestError::bad_input_fields);
    CHECK(error_of(R"({"type":"contract_input","input_container":"x","sig":"00"})") ==
          RequestError::bad_input_fields);
    CHECK(error_of(R"({"type":"contract_read_request","id":5,"content":"x"})") ==
          RequestError::bad_read_fields);
    CHECK(error_of(R"({"type":"contract_read_request","id":"5","content":{}})") ==
          RequestError::bad_read_fields);
    CHECK(error_of(R"({"type":"subscription","channel":"x","enabled":true})") ==
          RequestError::bad_subscription);
    CHECK(error_of(R"({"type":"subscription","channel":"unl_change","enabled":1})") ==
          RequestError::bad_subscription);
    CHECK(error_of(R"({"type":"ledger_query","id":"","filter_by":"seq_no","params":{"seq_no":1},)"
                   R"("include":[]})") == RequestError::bad_query);
    CHECK(error_of(R"({"type":"ledger_query","id":"q","filter_by":"seq_no","params":{"seq_no":-1},)"
                   R"("include":[]})") == RequestError::bad_query);
}

TEST_CASE("nesting is bounded") {
    const std::string deep(60, '[');
    const std::string too_deep(70, '[');
    const auto wrap = [](const std::string& open) {
        return R"({"type":"stat","x":)" + open + std::string(open.size(), ']') + "}";
    };
    CHECK(decode(wrap(deep)));
    CHECK(error_of(wrap(too_deep)) == RequestError::bad_message);
}

TEST_CASE("the number of values and members is bounded") {
    const auto list = [](std::size_t values) {
        std::string text = R"({"type":"stat","x":[0)";
        for (std::size_t i = 1; i < values; ++i) {
            text += ",0";
        }
        return text + "]}";
    };
    CHECK(decode(list(9'000)));
    CHECK(error_of(list(10'000)) == RequestError::bad_message);
    std::string many = R"({"type":"stat")";
    for (int i = 0; i < 1'000; ++i) {
        many += ",\"" + std::to_string(i) + "\":0";
    }
    CHECK(error_of(many + "}") == RequestError::bad_message);
}

TEST_CASE("containers need strict fields") {
    const auto container = [](std::string_view text) {
        return decode_container(Encoding::json, as_bytes(text));
    };
    const auto good = container(R"({"x":0,"max_ledger_seq_no":60,"nonce":1,"input":"hi"})");
    REQUIRE(good);
    CHECK(good->nonce == 1);
    CHECK(good->max_ledger_seq == 60);
    CHECK(to_text(good->input) == "hi");
    CHECK(container(R"({"input":"","nonce":18446744073709551615,"max_ledger_seq_no":-0})"));
    for (const char* nonce : {"0", "\"5\"", "1.0", "1e3", "-1", "true", "18446744073709551616"}) {
        CAPTURE(nonce);
        CHECK_FALSE(container(std::string(R"({"input":"hi","nonce":)") + nonce +
                              R"(,"max_ledger_seq_no":60})"));
    }
    CHECK_FALSE(container(R"({"input":5,"nonce":1,"max_ledger_seq_no":60})"));
    CHECK_FALSE(container(R"({"nonce":1,"max_ledger_seq_no":60})"));
    CHECK_FALSE(container(R"({"input":"hi","nonce":1})"));
}

TEST_CASE("the BSON vectors decode and encode to the same bytes") {
    const std::string container_hex = "4000000005696e70757400050000000068656c6c6f126e6f6e6365000068"
                                      "e5cf8b010000126d61785f6c6564676572"
                                      "5f7365715f6e6f006e0000000000000000";
    const auto container = decode_container(Encoding::bson, *from_hex(container_hex));
    REQUIRE(container);
    CHECK(to_text(container->input) == "hello");
    CHECK(container->nonce == 1700000000000);
    CHECK(container->max_ledger_seq == 110);

    const auto message = from_hex("be0000000274797065000f000000636f6e74726163745f696e7075740005696e"
                                  "7075745f636f6e7461696e657200400"
                                  "00000004000000005696e70757400050000000068656c6c6f126e6f6e6365000"
                                  "068e5cf8b010000126d61785f6c6564"
                                  "6765725f7365715f6e6f006e000000000000000005736967004000000000590f"
                                  "99cd896cca9469c2f82d4ab75410795"
                                  "e18b86c4e44a6a9397ac30ad755bcc0a0c4467bf94b7cca66274ec134b9d72f9"
                                  "c62701ecc22b2426af0fdfbf94b0200");
    REQUIRE(message);
    const auto request = decode_request(Encoding::bson, *message);
    REQUIRE(request);
    const auto& input = std::get<InputRequest>(*request);
    CHECK(to_hex(input.container) == container_hex);
    CHECK(input_hash(input.signature).hex() ==
          "5d7a4064cc0aab6b809771d4e81d2694c59dac533575fb30eec15f09d63ad4de");
    for (std::size_t length = 0; length < message->size(); ++length) {
        CHECK_FALSE(decode_request(Encoding::bson, ByteView(*message).first(length)));
    }
}

TEST_CASE("clients understand whatever JSON a contract may have written") {
    std::string wide = "{\"same\":1,\"same\":2";
    for (int i = 0; i < 5'000; ++i) {
        wide += ",\"" + std::to_string(i) + "\":[" + std::to_string(i) + "]";
    }
    wide += "}";
    const std::string deep = std::string(500, '[') + std::string(500, ']');
    for (const std::string& text : {wide, deep}) {
        const Bytes message = encode_message(Encoding::json, ReadResponse{"r", to_bytes(text)});
        const auto decoded = decode_message(Encoding::json, message);
        REQUIRE(decoded);
        CHECK(to_text(std::get<ReadResponse>(*decoded).content) == text);
    }
}

TEST_CASE("an empty BSON message is malformed, not fatal") {
    CHECK_FALSE(decode_request(Encoding::bson, {}));
    CHECK_FALSE(decode_container(Encoding::bson, {}));
    CHECK_FALSE(decode_message(Encoding::bson, {}));
}

TEST_CASE("BSON integers are int32 when they fit and int64 above") {
    const Bytes small = encode_message(Encoding::bson, LclResponse{{INT32_MAX, {}}});
    const Bytes large =
        encode_message(Encoding::bson, LclResponse{{std::uint64_t{INT32_MAX} + 1, {}}});
    CHECK(large.size() == small.size() + 4);
    const auto name = to_hex(as_bytes("ledger_seq_no"));
    CHECK(to_hex(small).find("10" + name + "00ffffff7f") != std::string::npos);
    CHECK(to_hex(large).find("12" + name + "000000008000000000") != std::string::npos);
}

TEMPLATE_TEST_CASE_SIG("every server message survives encoding and decoding", "", ((Encoding E), E),
                       Encoding::json, Encoding::bson) {
    const auto round_trip = [](const ServerMessage& message) {
        const Bytes bytes = encode_message(E, message);
        const auto decoded = decode_message(E, bytes);
        REQUIRE(decoded);
        CHECK(encode_message(E, *decoded) == bytes);
        return *decoded;
    };
    PublicKey key;
    key.data.fill(0xED);
    Signature signature;
    signature.data.fill(9);
    ContractOutput output;
    output.ledger = {7, {}};
    output.outputs = {to_bytes("one"), to_bytes("{\"a\":[1,{\"b\":null}]}"), to_bytes("2.50")};
    output.hash_tree = crypto::OutputTree(std::vector<Hash32>(20)).collapse(17);
    output.unl_signatures = {{key, signature}};
    const auto decoded = round_trip(output);
    CHECK(std::get<ContractOutput>(decoded).outputs == output.outputs);

    StatResponse stat;
    stat.hp_version = "0.6.4";
    stat.current_unl = {key};
    stat.peers = {"10.0.0.2:22860"};
    stat.node_version = "x";
    round_trip(stat);
    round_trip(UnlChange{{key}});
    round_trip(LedgerCreated{some_header()});
    round_trip(VoteStatusEvent{VoteStatus::synced});
    round_trip(ProposalHealth{{1, 2, 3}, {4, 5, 6}, 7});
    round_trip(ConnectivityHealth{3, true});
    round_trip(InputStatus{RejectReason::bad_sig, Bytes(32, 1), {}});
    round_trip(InputStatus{std::nullopt, Bytes(32, 1), {5, {}}});
    round_trip(ReadResponse{"id", to_bytes("text")});
    QueriedLedger ledger{some_header(), std::vector<QueriedInput>{{key, {}, 5, to_bytes("blob")}},
                         std::vector<QueriedOutput>{{key, {}, {to_bytes("a"), {}}}}};
    round_trip(LedgerQueryResult{"q", false, {ledger}});
    round_trip(LedgerQueryResult{"q", true, {}});
}

TEMPLATE_TEST_CASE_SIG("every request survives encoding and decoding", "", ((Encoding E), E),
                       Encoding::json, Encoding::bson) {
    const auto round_trip = [](const UserRequest& request) {
        const Bytes bytes = encode_request(E, request);
        const auto decoded = decode_request(E, bytes);
        REQUIRE(decoded);
        CHECK(encode_request(E, *decoded) == bytes);
    };
    round_trip(StatRequest{});
    round_trip(LclRequest{});
    round_trip(InputRequest{encode_container(E, {to_bytes("x"), 1, 2}), {}});
    round_trip(ReadRequest{"id", to_bytes("x\"y")});
    round_trip(SubscriptionRequest{Channel::health_event, true});
    round_trip(LedgerQuery{"q", std::uint64_t{1} << 40, true, true});
}
