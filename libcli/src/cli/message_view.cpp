// SPDX-License-Identifier: Apache-2.0
#include "cli/message_view.hpp"

#include "cli/json_writer.hpp"
#include "cli/values.hpp"

namespace hp::cli {

std::optional<DecodedMessage> decode_any(ByteView bytes) {
    const auto looks_like_json = [bytes] {
        for (const std::uint8_t c : bytes) {
            if (c > ' ') {
                return c == '{' || c == '[';
            }
        }
        return false;
    }();
    const proto::Encoding encoding =
        looks_like_json ? proto::Encoding::json : proto::Encoding::bson;
    auto value = proto::parse(encoding, bytes, proto::server_message_limits);
    return value ? std::optional(DecodedMessage{encoding, std::move(*value)}) : std::nullopt;
}

namespace {

// An input container inside a message is shown decoded.
std::string bytes_json(std::string_view bytes) {
    if (const auto inner = decode_any(as_bytes(bytes));
        inner && inner->value.type == proto::Value::Type::object) {
        return message_json(inner->value);
    }
    return JsonObject().add_bytes("bytes", as_bytes(bytes)).text();
}

} // namespace

std::string message_json(const proto::Value& value) {
    using Type = proto::Value::Type;
    switch (value.type) {
    case Type::null:
        return "null";
    case Type::boolean:
        return value.boolean ? "true" : "false";
    case Type::integer:
        return json_integer(value.integer);
    case Type::number:
        return value.text;
    case Type::string:
        return json_string(value.text);
    case Type::binary:
    case Type::content:
        return bytes_json(value.text);
    case Type::array: {
        JsonArray out;
        for (const proto::Value& item : value.items) {
            out.add_raw(message_json(item));
        }
        return out.text();
    }
    case Type::object:
        break;
    }
    JsonObject out;
    for (const auto& [name, member] : value.members) {
        const bool is_container =
            name == "input_container" && member.type == proto::Value::Type::string;
        out.add_raw(name, is_container ? bytes_json(member.text) : message_json(member));
    }
    return out.text();
}

namespace {

// The bytes that an object such as {"bytes_hex":"00ff"} stands for.
std::optional<proto::Value> bytes_value(const proto::Value& object) {
    if (object.members.size() != 1) {
        return std::nullopt;
    }
    const auto& [name, member] = object.members.front();
    if (member.type != proto::Value::Type::string) {
        return std::nullopt;
    }
    std::optional<Bytes> bytes;
    if (name == "bytes_hex") {
        bytes = from_hex(member.text);
    } else if (name == "bytes_b64") {
        bytes = parse_base64(member.text);
    }
    return bytes ? std::optional(proto::Value::binary(*bytes)) : std::nullopt;
}

void restore_bytes(proto::Encoding encoding, proto::Value& value) {
    for (proto::Value& item : value.items) {
        restore_bytes(encoding, item);
    }
    for (auto& [name, member] : value.members) {
        restore_bytes(encoding, member);
        if (name != "input_container" || member.type != proto::Value::Type::object) {
            continue;
        }
        const Bytes container = proto::write(encoding, member);
        member = encoding == proto::Encoding::bson ? proto::Value::binary(container)
                                                   : proto::Value::of(as_text(container));
    }
    if (auto bytes = bytes_value(value)) {
        value = std::move(*bytes);
    }
}

} // namespace

std::optional<proto::Value> message_from_json(proto::Encoding encoding, std::string_view json) {
    auto value = proto::parse_json(as_bytes(json), proto::server_message_limits);
    if (value) {
        restore_bytes(encoding, *value);
    }
    return value;
}

} // namespace hp::cli
