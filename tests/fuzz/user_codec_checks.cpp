// SPDX-License-Identifier: Apache-2.0
#include "user_codec_checks.hpp"

#include "hp/base/check.hpp"
#include "hp/base/limits.hpp"

#include <nlohmann/json.hpp>

namespace hp::fuzz {
namespace {

using proto::Encoding;

bool is_json(const Bytes& bytes) {
    return nlohmann::json::accept(bytes.begin(), bytes.end());
}

// BSON has no numbers above this; larger ones change on the way through it.
bool fits_bson(std::uint64_t number) {
    return number <= INT64_MAX;
}

bool fits_bson(const proto::UserRequest& request) {
    const auto* query = std::get_if<proto::LedgerQuery>(&request);
    return query == nullptr || fits_bson(query->seq);
}

bool fits_bson(const proto::InputContainer& container) {
    return fits_bson(container.nonce) && fits_bson(container.max_ledger_seq);
}

void check_limits(const proto::UserRequest& request) {
    if (const auto* read = std::get_if<proto::ReadRequest>(&request)) {
        HP_CHECK(read->id.size() <= limits::request_id_bytes_max, "an id is bounded");
    } else if (const auto* query = std::get_if<proto::LedgerQuery>(&request)) {
        HP_CHECK(!query->id.empty() && query->id.size() <= limits::request_id_bytes_max,
                 "a query's id is not empty and bounded");
    }
}

// All that contracts said in one message.
std::vector<Bytes> contents_of(const proto::ServerMessage& message) {
    if (const auto* output = std::get_if<proto::ContractOutput>(&message)) {
        return output->outputs;
    }
    if (const auto* response = std::get_if<proto::ReadResponse>(&message)) {
        return {response->content};
    }
    return {};
}

// Contract content in JSON is ambiguous by design (9.3). A content in quotes loses them on the way;
// one in brackets comes back in another layout, or not at all when it breaks a rule that only our
// decoder has (duplicate names, depth, number of members).
enum class Looks : std::uint8_t { plain, bracketed, quoted };

Looks looks(const proto::ServerMessage& message) {
    Looks result = Looks::plain;
    for (const Bytes& content : contents_of(message)) {
        const std::uint8_t first = content.empty() ? std::uint8_t{0} : content.front();
        if (first == '"') {
            return Looks::quoted;
        }
        if (first == '{' || first == '[') {
            result = Looks::bracketed;
        }
    }
    return result;
}

// Decoding what decoding and encoding gave changes nothing any more.
void check_stable(Encoding encoding, const Bytes& once) {
    const auto again = proto::decode_message(encoding, once);
    HP_CHECK(again.has_value(), "an encoded message is understood");
    HP_CHECK(proto::encode_message(encoding, *again) == once, "a message keeps its encoding");
}

void check_json_message(const proto::ServerMessage& message, const Bytes& once) {
    const Looks contents = looks(message);
    if (contents == Looks::plain) {
        check_stable(Encoding::json, once);
        return;
    }
    const auto again = proto::decode_message(Encoding::json, once);
    if (again) {
        HP_CHECK(again->index() == message.index(), "contents cannot change a message's type");
        const Bytes twice = proto::encode_message(Encoding::json, *again);
        HP_CHECK(is_json(twice), "an encoded message is JSON");
        if (contents == Looks::bracketed) {
            check_stable(Encoding::json, twice);
        }
    }
}

} // namespace

void check_request(Encoding encoding, ByteView bytes) {
    const auto request = proto::decode_request(encoding, bytes);
    if (!request) {
        return;
    }
    check_limits(*request);
    const Bytes once = proto::encode_request(encoding, *request);
    const auto again = proto::decode_request(encoding, once);
    HP_CHECK(again.has_value(), "an encoded request is understood");
    HP_CHECK(proto::encode_request(encoding, *again) == once, "a request keeps its encoding");
    HP_CHECK(is_json(proto::encode_request(Encoding::json, *request)), "a JSON request is JSON");
    if (encoding == Encoding::json && fits_bson(*request)) {
        const Bytes other = proto::encode_request(Encoding::bson, *request);
        const auto back = proto::decode_request(Encoding::bson, other);
        HP_CHECK(back.has_value(), "the same request in BSON is understood");
        HP_CHECK(proto::encode_request(Encoding::json, *back) == once,
                 "a request survives the other encoding");
    }
}

void check_container(Encoding encoding, ByteView bytes) {
    const auto container = proto::decode_container(encoding, bytes);
    if (!container) {
        return;
    }
    HP_CHECK(container->nonce > 0, "a nonce is never zero");
    const Bytes once = proto::encode_container(encoding, *container);
    const auto again = proto::decode_container(encoding, once);
    HP_CHECK(again.has_value(), "an encoded container is understood");
    HP_CHECK(again->input == container->input && again->nonce == container->nonce &&
                 again->max_ledger_seq == container->max_ledger_seq,
             "a container keeps its fields");
    HP_CHECK(is_json(proto::encode_container(Encoding::json, *container)),
             "a JSON container is JSON");
    if (encoding == Encoding::json && fits_bson(*container)) {
        const Bytes other = proto::encode_container(Encoding::bson, *container);
        const auto back = proto::decode_container(Encoding::bson, other);
        HP_CHECK(back.has_value(), "the same container in BSON is understood");
        HP_CHECK(proto::encode_container(Encoding::json, *back) == once,
                 "a container survives the other encoding");
    }
}

void check_message(Encoding encoding, ByteView bytes) {
    const auto message = proto::decode_message(encoding, bytes);
    if (!message) {
        return;
    }
    // Whatever contracts put into it, also with bytes that are no text.
    const Bytes json = proto::encode_message(Encoding::json, *message);
    HP_CHECK(is_json(json), "a JSON message is JSON");
    if (encoding == Encoding::bson) {
        check_stable(encoding, proto::encode_message(encoding, *message));
    } else {
        check_json_message(*message, json);
    }
}

} // namespace hp::fuzz
