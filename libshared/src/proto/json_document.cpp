// SPDX-License-Identifier: Apache-2.0
// JSON form of documents. Parsing is strict RFC 8259 with unique names and bounded depth
// (user-protocol.md 5.1). Writing always yields valid JSON, whatever bytes a contract produced
// (9.3 and spec 18, C4).
#include "document.hpp"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "hp/base/limits.hpp"

namespace hp::proto {
namespace {

using Json = nlohmann::json;

// Builds the tree from parser events; returning false from any of them stops the parse.
class TreeBuilder final : public nlohmann::json_sax<Json> {
public:
    bool null() override { return put(Value{}); }
    bool boolean(bool v) override { return put(Value::of(v)); }
    bool number_unsigned(number_unsigned_t v) override { return put(Value::of(std::uint64_t{v})); }
    bool number_integer(number_integer_t v) override {
        // Only "-0" and true negatives come here.
        return put(v == 0 ? Value::of(std::uint64_t{0})
                          : Value{.type = Value::Type::number, .text = std::to_string(v)});
    }
    bool number_float(number_float_t, const string_t& token) override {
        return put(Value{.type = Value::Type::number, .text = token});
    }
    bool string(string_t& v) override {
        return put(Value{.type = Value::Type::string, .text = std::move(v)});
    }
    bool binary(binary_t&) override { return false; } // not JSON
    bool start_object(std::size_t) override { return open(Value::Type::object); }
    bool key(string_t& name) override {
        if (open_.back()->find(name) != nullptr) {
            return false; // parsers disagree on duplicates, so nobody may send them
        }
        open_.back()->members.emplace_back(std::move(name), Value{});
        return true;
    }
    bool end_object() override { return close(); }
    bool start_array(std::size_t) override { return open(Value::Type::array); }
    bool end_array() override { return close(); }
    bool parse_error(std::size_t, const std::string&, const Json::exception&) override {
        return false;
    }

    Value take() { return std::move(root_); }

private:
    // The place where the next value belongs.
    Value& slot() {
        if (open_.empty()) {
            return root_;
        }
        Value& parent = *open_.back();
        return parent.type == Value::Type::object ? parent.members.back().second
                                                  : parent.items.emplace_back();
    }
    bool put(Value value) {
        slot() = std::move(value);
        return true;
    }
    bool open(Value::Type type) {
        if (open_.size() >= static_cast<std::size_t>(limits::message_depth_max)) {
            return false;
        }
        Value& place = slot();
        place.type = type;
        open_.push_back(&place);
        return true;
    }
    bool close() {
        open_.pop_back();
        return true;
    }

    // Pointers into the tree stay valid: a container only grows while it is the innermost one.
    Value root_;
    std::vector<Value*> open_;
};

// Length of the valid UTF-8 sequence at `at`, 0 when it is malformed.
std::size_t utf8_sequence(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(at);
    if (first < 0x80) {
        return 1;
    }
    std::size_t length = 0;
    unsigned char low = 0x80; // range of the second byte: no overlong forms, no surrogates
    unsigned char high = 0xBF;
    if (first >= 0xC2 && first <= 0xDF) {
        length = 2;
    } else if (first >= 0xE0 && first <= 0xEF) {
        length = 3;
        low = first == 0xE0 ? 0xA0 : 0x80;
        high = first == 0xED ? 0x9F : 0xBF;
    } else if (first >= 0xF0 && first <= 0xF4) {
        length = 4;
        low = first == 0xF0 ? 0x90 : 0x80;
        high = first == 0xF4 ? 0x8F : 0xBF;
    }
    if (length == 0 || at + length > text.size() || byte(at + 1) < low || byte(at + 1) > high) {
        return 0;
    }
    for (std::size_t i = 2; i < length; ++i) {
        if ((byte(at + i) & 0xC0) != 0x80) {
            return 0;
        }
    }
    return length;
}

// Escaped as 9.3 says; malformed UTF-8 becomes U+FFFD so that the message stays valid.
void write_string(Bytes& out, std::string_view text) {
    static constexpr std::string_view named = "\"\\\b\f\n\r\t";
    static constexpr std::string_view letters = "\"\\bfnrt";
    out.push_back('"');
    for (std::size_t at = 0; at < text.size();) {
        const char c = text[at];
        if (const auto special = named.find(c); special != std::string_view::npos) {
            out.push_back('\\');
            out.push_back(static_cast<std::uint8_t>(letters[special]));
            ++at;
        } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            append(out, as_bytes("\\u00"));
            const auto byte = static_cast<std::uint8_t>(c);
            append(out, as_bytes(to_hex({&byte, 1})));
            ++at;
        } else if (const std::size_t length = utf8_sequence(text, at); length > 0) {
            append(out, as_bytes(text.substr(at, length)));
            at += length;
        } else {
            append(out, as_bytes("\xEF\xBF\xBD"));
            ++at;
        }
    }
    out.push_back('"');
}

// The shapes that the protocol delivers unquoted (9.3)...
bool looks_like_json(std::string_view text) {
    if (text.empty()) {
        return false;
    }
    const char first = text.front();
    const char last = text.back();
    if ((first == '"' && last == '"') || (first == '{' && last == '}') ||
        (first == '[' && last == ']') || text == "true" || text == "false") {
        return true;
    }
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

// ... but only if they really are one JSON value, or they could forge parts of the message.
void write_content(Bytes& out, std::string_view text) {
    if (looks_like_json(text) && Json::accept(text)) {
        append(out, as_bytes(text));
    } else {
        write_string(out, text);
    }
}

void write_value(Bytes& out, const Value& value);

void write_array(Bytes& out, const std::vector<Value>& items) {
    out.push_back('[');
    for (std::size_t i = 0; i < items.size(); ++i) {
        if (i > 0) {
            out.push_back(',');
        }
        write_value(out, items[i]);
    }
    out.push_back(']');
}

void write_object(Bytes& out, const std::vector<std::pair<std::string, Value>>& members) {
    out.push_back('{');
    for (std::size_t i = 0; i < members.size(); ++i) {
        if (i > 0) {
            out.push_back(',');
        }
        write_string(out, members[i].first);
        out.push_back(':');
        write_value(out, members[i].second);
    }
    out.push_back('}');
}

void write_value(Bytes& out, const Value& value) {
    switch (value.type) {
    case Value::Type::null:
        append(out, as_bytes("null"));
        break;
    case Value::Type::boolean:
        append(out, as_bytes(value.boolean ? "true" : "false"));
        break;
    case Value::Type::integer:
        append(out, as_bytes(std::to_string(value.integer)));
        break;
    case Value::Type::number:
        append(out, as_bytes(value.text));
        break;
    case Value::Type::string:
        write_string(out, value.text);
        break;
    case Value::Type::binary:
        out.push_back('"');
        append(out, as_bytes(to_hex(as_bytes(value.text))));
        out.push_back('"');
        break;
    case Value::Type::content:
        write_content(out, value.text);
        break;
    case Value::Type::array:
        write_array(out, value.items);
        break;
    case Value::Type::object:
        write_object(out, value.members);
        break;
    }
}

} // namespace

std::optional<Value> parse_json(ByteView text) {
    TreeBuilder builder;
    const std::string_view chars = as_text(text);
    if (!Json::sax_parse(chars.begin(), chars.end(), &builder)) {
        return std::nullopt;
    }
    return builder.take();
}

Bytes write_json(const Value& value) {
    Bytes out;
    write_value(out, value);
    return out;
}

bool is_utf8(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = utf8_sequence(text, at);
        if (length == 0) {
            return false;
        }
        at += length;
    }
    return true;
}

} // namespace hp::proto
