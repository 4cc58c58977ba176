// SPDX-License-Identifier: Apache-2.0
// decode: protocol messages and input containers as readable JSON, offline.
#include "commands.hpp"

#include "cli/message_view.hpp"
#include "cli/options.hpp"
#include "cli/payload.hpp"
#include "cli/render.hpp"
#include "hp/base/utf8.hpp"
#include "hp/proto/document.hpp"
#include "hp/proto/user_codec.hpp"

#include <unistd.h>

namespace hp::cli {
namespace {

// What the bytes are, and what follows from them.
std::string kind_of(const DecodedMessage& found, JsonObject& facts) {
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
    auto found = decode_any(*bytes);
    if (!found && !format) { // hex is how frames are usually passed around
        if (auto raw = convert_payload(*bytes, PayloadFormat::hex)) {
            bytes = std::move(raw);
            found = decode_any(*bytes);
        }
    }
    if (!found) {
        return failure(ErrorId::bad_payload, "neither JSON nor BSON, and not the hex of either");
    }
    JsonObject facts;
    const std::string kind = kind_of(*found, facts);
    const std::string content = message_json(found->value);
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

constexpr std::array decode_table = {
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
    return decode_table;
}

} // namespace hp::cli
