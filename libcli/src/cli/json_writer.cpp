// SPDX-License-Identifier: Apache-2.0
#include "cli/json_writer.hpp"

#include "hp/base/limits.hpp"
#include "hp/base/utf8.hpp"
#include "hp/client/rfc3339.hpp"

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

namespace hp::cli {
namespace {

constexpr std::uint64_t exact_integer_max = std::uint64_t{1} << 53U; // of a double
constexpr std::size_t hex_bytes_max = 1024;

// Objects and arrays only: a bare 5 or "x" could not be told from the text 5 or x.
bool is_embeddable(std::string_view text) {
    return !text.empty() && (text.front() == '{' || text.front() == '[') && is_utf8(text) &&
           nlohmann::json::accept(text) && !nests_too_deeply(text);
}

} // namespace

bool nests_too_deeply(std::string_view json) {
    std::size_t depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < json.size(); ++i) {
        const char c = json[i];
        if (in_string) {
            i += c == '\\' ? 1U : 0U;
            in_string = c != '"';
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > limits::message_depth_max) {
                return true;
            }
        } else if ((c == '}' || c == ']') && depth > 0) {
            --depth;
        }
    }
    return false;
}

std::string json_string(std::string_view text) {
    static constexpr std::string_view digits = "0123456789abcdef";
    std::string out = "\"";
    while (!text.empty()) {
        const auto c = static_cast<unsigned char>(text.front());
        const std::size_t length = utf8_length(text);
        if (c == '"' || c == '\\') {
            out += {'\\', text.front()};
        } else if (c < 0x20 || c == 0x7f) {
            out += "\\u00";
            out += digits[c >> 4U];
            out += digits[c & 0xfU];
        } else if (length == 0) {
            out += "\xef\xbf\xbd";
        } else {
            out += text.substr(0, length);
        }
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return out + '"';
}

std::string json_integer(std::uint64_t value) {
    const std::string digits = std::to_string(value);
    return value > exact_integer_max ? json_string(digits) : digits;
}

std::string base64(ByteView bytes) {
    static constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t have = std::min<std::size_t>(3, bytes.size() - i);
        std::uint32_t group = 0;
        for (std::size_t j = 0; j < 3; ++j) {
            group = (group << 8U) | (j < have ? bytes[i + j] : 0U);
        }
        for (std::size_t j = 0; j < 4; ++j) {
            out += j <= have ? alphabet[(group >> (18U - 6U * j)) & 0x3fU] : '=';
        }
    }
    return out;
}

void JsonArray::add_raw(std::string_view json) {
    if (!items_.empty()) {
        items_ += ',';
    }
    items_ += json;
}

JsonObject& JsonObject::add_raw(std::string_view name, std::string_view json) {
    if (!members_.empty()) {
        members_ += ',';
    }
    members_ += json_string(name);
    members_ += ':';
    members_ += json;
    return *this;
}

JsonObject& JsonObject::add(std::string_view name, std::string_view text) {
    return add_raw(name, json_string(text));
}

JsonObject& JsonObject::add(std::string_view name, std::uint64_t value) {
    return add_raw(name, json_integer(value));
}

JsonObject& JsonObject::add(std::string_view name, bool value) {
    return add_raw(name, value ? "true" : "false");
}

JsonObject& JsonObject::add(std::string_view name, double value) {
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    return add_raw(name, std::string_view(digits.data(), end));
}

JsonObject& JsonObject::add_time(std::string_view name, TimeMs wall_ms) {
    add(name, client::rfc3339(wall_ms));
    return add(std::string(name) + "_ms", static_cast<std::uint64_t>(std::max<TimeMs>(wall_ms, 0)));
}

JsonObject& JsonObject::add_bytes(std::string_view name, ByteView bytes) {
    return bytes.size() > hex_bytes_max ? add(std::string(name) + "_b64", base64(bytes))
                                        : add(std::string(name) + "_hex", to_hex(bytes));
}

JsonObject& JsonObject::add_content(std::string_view name, ByteView content) {
    std::string text = hp::to_text(content);
    if (is_embeddable(text)) {
        // Line breaks can only stand between tokens here; a document is one line.
        std::ranges::replace(text, '\n', ' ');
        std::ranges::replace(text, '\r', ' ');
        return add_raw(name, text);
    }
    return is_utf8(text) ? add(name, text) : add_bytes(name, content);
}

JsonObject& JsonObject::add_all(const JsonObject& other) {
    if (!empty() && !other.empty()) {
        members_ += ',';
    }
    members_ += other.members_;
    return *this;
}

JsonObject document(std::string_view schema) {
    JsonObject out;
    out.add("schema", schema);
    out.add("ok", true);
    return out;
}

} // namespace hp::cli
