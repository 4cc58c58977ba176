// SPDX-License-Identifier: Apache-2.0
// JSON form of documents. Parsing is strict RFC 8259 with unique names and bounded depth
// (user-protocol.md 5.1). Writing always yields valid JSON, whatever bytes a contract produced
// (9.3 and spec 18, C4).
#include "hp/proto/document.hpp"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "hp/base/utf8.hpp"

namespace hp::proto {
namespace {

using Json = nlohmann::json;

// The parser would take a NUL for the end of the text, whatever follows.
bool has_nul(std::string_view text) {
    return text.find('\0') != std::string_view::npos;
}

// Builds the tree from parser events; returning false from any of them stops the parse.
class TreeBuilder final : public nlohmann::json_sax<Json> {
public:
    explicit TreeBuilder(const ParseLimits& limits)
        : limits_(limits), values_left_(limits.values_max) {}

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
        if (open_.back()->members.size() >= limits_.members_max ||
            (limits_.unique_names && open_.back()->find(name) != nullptr)) {
            return false;
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
        if (values_left_-- == 0) {
            return false;
        }
        slot() = std::move(value);
        return true;
    }
    bool open(Value::Type type) {
        if (values_left_-- == 0) {
            return false;
        }
        if (open_.size() >= limits_.depth_max) {
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
    ParseLimits limits_;
    std::size_t values_left_;
};

// Escaped as 9.3 says; malformed UTF-8 becomes U+FFFD so that the message stays valid.
constexpr bool is_plain(unsigned char c) {
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

// Writes the first character of `text`, which is not plain. Returns how many bytes it took.
std::size_t write_special(Bytes& out, std::string_view text) {
    static constexpr std::string_view named = "\"\\\b\f\n\r\t";
    static constexpr std::string_view letters = "\"\\bfnrt";
    const auto byte = static_cast<std::uint8_t>(text[0]);
    if (const auto special = named.find(text[0]); special != std::string_view::npos) {
        out.push_back('\\');
        out.push_back(static_cast<std::uint8_t>(letters[special]));
        return 1;
    }
    if (byte < 0x20 || byte == 0x7f) {
        append(out, as_bytes("\\u00"));
        append(out, as_bytes(to_hex({&byte, 1})));
        return 1;
    }
    if (const std::size_t length = utf8_length(text); length > 0) {
        append(out, as_bytes(text.substr(0, length)));
        return length;
    }
    append(out, as_bytes("\xEF\xBF\xBD"));
    return 1;
}

// Runs of plain characters are copied whole: outputs of megabytes go through here.
void write_string(Bytes& out, std::string_view text) {
    out.push_back('"');
    while (!text.empty()) {
        const auto* const plain_end = std::find_if_not(text.begin(), text.end(), [](char c) {
            return is_plain(static_cast<unsigned char>(c));
        });
        const auto plain = static_cast<std::size_t>(plain_end - text.begin());
        append(out, as_bytes(text.substr(0, plain)));
        text.remove_prefix(plain);
        if (!text.empty()) {
            text.remove_prefix(write_special(out, text));
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
    if (looks_like_json(text) && !has_nul(text) && Json::accept(text)) {
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

std::optional<Value> parse_json(ByteView text, const ParseLimits& limits) {
    TreeBuilder builder(limits);
    const std::string_view chars = as_text(text);
    if (has_nul(chars) || !Json::sax_parse(chars.begin(), chars.end(), &builder)) {
        return std::nullopt;
    }
    return builder.take();
}

Bytes write_json(const Value& value) {
    Bytes out;
    write_value(out, value);
    return out;
}

} // namespace hp::proto
