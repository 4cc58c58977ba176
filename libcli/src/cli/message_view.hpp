// SPDX-License-Identifier: Apache-2.0
// Protocol messages as JSON for people: BSON and JSON alike, containers inside them decoded. Pure.
#pragma once

#include "hp/proto/document.hpp"

#include <optional>
#include <string>

namespace hp::cli {

struct DecodedMessage {
    proto::Encoding encoding = proto::Encoding::json;
    proto::Value value;
};

// JSON or BSON, whichever the bytes look like; absent when they are neither.
std::optional<DecodedMessage> decode_any(ByteView bytes);

// One line of JSON. Bytes become {"bytes_hex":...}, unless they are a document themselves.
std::string message_json(const proto::Value& value);

// The other way: {"bytes_hex":...} and {"bytes_b64":...} become bytes, an input container that is
// an object becomes the bytes of one.
std::optional<proto::Value> message_from_json(proto::Encoding encoding, std::string_view json);

} // namespace hp::cli
