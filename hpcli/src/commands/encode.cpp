// SPDX-License-Identifier: Apache-2.0
// encode: readable JSON to the bytes of a protocol message, offline; what decode does, backwards.
#include "commands.hpp"

#include "cli/message_view.hpp"
#include "cli/options.hpp"
#include "cli/payload.hpp"
#include "cli/render.hpp"

namespace hp::cli {
namespace {

std::optional<proto::Encoding> parse_encoding(std::string_view text) {
    if (text == "json" || text == "bson") {
        return text == "json" ? proto::Encoding::json : proto::Encoding::bson;
    }
    return std::nullopt;
}

Outcome run_encode(const Args& args) {
    proto::Encoding encoding = proto::Encoding::bson;
    OptionReader reader(args);
    reader.take("to", "json or bson", parse_encoding, encoding);
    if (auto checked = reader.done(true); !checked) {
        return tl::unexpected(std::move(checked.error()));
    }
    const auto text = make_payload({args.arguments.front()}, false);
    if (!text) {
        return tl::unexpected(text.error());
    }
    const auto value = message_from_json(encoding, as_text(*text));
    if (!value || value->type != proto::Value::Type::object) {
        return failure(ErrorId::bad_payload, "the message is not a JSON object");
    }
    const Bytes bytes = proto::write(encoding, *value);
    if (reader.flag("raw")) {
        return Answer{hp::to_text(bytes)};
    }
    if (!args.json) {
        return Answer{to_hex(bytes) + "\n"};
    }
    JsonObject out = document(args.schema);
    out.add("encoding", encoding == proto::Encoding::json ? "json" : "bson");
    out.add("bytes", std::uint64_t{bytes.size()}).add("frame_hex", to_hex(bytes));
    return Answer{out.text() + "\n"};
}

constexpr std::array encode_options = {
    OptionInfo{"--to", "json|bson", "the encoding of the message (default bson)"},
    OptionInfo{"--raw", "", "print the bytes instead of their hex"},
};

constexpr std::array encode_table = {
    CommandInfo{"encode", "TEXT | @FILE | -", 1, 1, Scope::offline,
                "Make a protocol message from JSON as \"decode\" shows it",
                "hpcli encode '{\"type\":\"stat\"}'",
                "hpcli encode @message.json --to bson --raw > frame.bin", encode_options,
                "ok:bool encoding:json|bson bytes:int frame_hex:text", run_encode},
};

} // namespace

Commands encode_commands() {
    return encode_table;
}

} // namespace hp::cli
