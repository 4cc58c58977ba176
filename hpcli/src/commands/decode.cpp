// SPDX-License-Identifier: Apache-2.0
// decode: protocol messages and input containers as readable JSON, offline.
#include "commands.hpp"

#include "cli/options.hpp"
#include "cli/payload.hpp"
#include "cli/render.hpp"
#include "hp/base/utf8.hpp"
#include "hp/proto/document.hpp"
#include "hp/proto/user_codec.hpp"

#include <unistd.h>

namespace hp::cli {
namespace {

struct Found {
    proto::Encoding encoding = proto::Encoding::json;
    proto::Value value;
};

std::optional<Found> parse_any(ByteView bytes) {
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
    return value ? std::optional(Found{encoding, std::move(*value)}) : std::nullopt;
}

std::string render(const proto::Value& value);

// An input container inside a message is shown decoded.
std::string render_bytes(std::string_view bytes) {
    if (const auto inner = parse_any(as_bytes(bytes));
        inner && inner->value.type == proto::Value::Type::object) {
        return render(inner->value);
    }
    return JsonObject().add_bytes("bytes", as_bytes(bytes)).text();
}

std::string render(const proto::Value& value) {
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
        return render_bytes(value.text);
    case Type::array: {
        JsonArray out;
        for (const proto::Value& item : value.items) {
            out.add_raw(render(item));
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
        out.add_raw(name, is_container ? render_bytes(member.text) : render(member));
    }
    return out.text();
}

// What the bytes are, and what follows from them.
std::string kind_of(const Found& found, JsonObject& facts) {
    const proto::Value* type = found.value.find("type", proto::Value::Type::string);
    if (type == nullptr) {
        const bool is_container = found.value.find("max_ledger_seq_no") != nullptr;
        return is_container ? "input container" : "document";
    }
    const Bytes bytes = proto::write(found.encoding, found.value);
    const auto request = proto::decode_request(found.encoding, bytes);
    if (request) {
        if (const auto* input = std::get_if<proto::InputRequest>(&*request)) {
            facts.add("input_hash", proto::input_hash(input->signature).hex());
        }
    }
    return type->text;
}

Outcome run_decode(const Args& args) {
    std::optional<PayloadFormat> format;
    OptionReader reader(args);
    const auto parse_format = [](std::string_view text) {
        const auto value = parse_payload_format(text);
        return value && (*value == PayloadFormat::hex || *value == PayloadFormat::base64 ||
                         *value == PayloadFormat::as_is)
                   ? std::optional(value)
                   : std::nullopt;
    };
    reader.take("from", "hex, base64 or text", parse_format, format);
    if (auto checked = reader.done(true); !checked) {
        return tl::unexpected(std::move(checked.error()));
    }
    auto bytes =
        make_payload({args.arguments.front()}, false, format.value_or(PayloadFormat::as_is));
    if (!bytes) {
        return tl::unexpected(std::move(bytes.error()));
    }
    auto found = parse_any(*bytes);
    if (!found && !format) { // hex is how frames are usually passed around
        if (auto raw = convert_payload(*bytes, PayloadFormat::hex)) {
            bytes = std::move(raw);
            found = parse_any(*bytes);
        }
    }
    if (!found) {
        return failure(ErrorId::bad_payload, "neither JSON nor BSON, and not the hex of either");
    }
    JsonObject facts;
    const std::string kind = kind_of(*found, facts);
    const std::string content = render(found->value);
    if (!args.json) {
        return Answer{content + "\n"};
    }
    JsonObject out = document(args.schema);
    out.add("encoding", found->encoding == proto::Encoding::json ? "json" : "bson");
    out.add("kind", kind).add("bytes", std::uint64_t{bytes->size()});
    out.add("facts", facts).add_raw("content", content);
    return Answer{out.text() + "\n"};
}

constexpr std::array decode_options = {
    OptionInfo{"--from", "hex|base64|text", "how the bytes are given (default: find out)"}};

constexpr std::array table = {
    CommandInfo{"decode", "TEXT | @FILE | -", 1, 1, Scope::offline,
                "Show a protocol message, JSON or BSON, as JSON",
                "hpcli send --offline --expires @99 -k ephemeral hi -q | hpcli decode -",
                "hpcli decode @frame.bin --json | jq .facts", decode_options,
                "ok:bool encoding:json|bson kind:text bytes:int facts:{input_hash?:hash} "
                "content:content",
                run_decode},
};

} // namespace

Commands decode_commands() {
    return table;
}

} // namespace hp::cli
