// SPDX-License-Identifier: Apache-2.0
//
// The grammar of RFC 8259, nothing more: no comments, no trailing commas, no leading zeros, no raw
// control characters, no lone surrogates, UTF-8 only.
//
// Threads: one thread at a time.
#include "json_reader.hpp"
#include "utf8.hpp"

namespace hp::contract::detail {
namespace {

constexpr bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

constexpr bool is_plain(char c) noexcept {
    return c >= 0x20 && c < 0x7F && c != '"' && c != '\\';
}

void append_utf8(std::string& out, std::uint32_t code_point) {
    const auto put = [&out](std::uint32_t byte) {
        out += static_cast<char>(static_cast<std::uint8_t>(byte));
    };
    if (code_point < 0x80) {
        put(code_point);
    } else if (code_point < 0x800) {
        put(0xC0U | (code_point >> 6U));
        put(0x80U | (code_point & 0x3FU));
    } else if (code_point < 0x10000) {
        put(0xE0U | (code_point >> 12U));
        put(0x80U | ((code_point >> 6U) & 0x3FU));
        put(0x80U | (code_point & 0x3FU));
    } else {
        put(0xF0U | (code_point >> 18U));
        put(0x80U | ((code_point >> 12U) & 0x3FU));
        put(0x80U | ((code_point >> 6U) & 0x3FU));
        put(0x80U | (code_point & 0x3FU));
    }
}

} // namespace

bool JsonReader::fail(std::string_view what) {
    if (!failed()) {
        error_ = "offset " + std::to_string(at_) + ": ";
        error_ += what;
    }
    return false;
}

bool JsonReader::refuse(std::string_view what) {
    if (!failed())
        refused_ = true;
    return fail(what);
}

void JsonReader::skip_space() noexcept {
    while (!at_end() && (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r'))
        ++at_;
}

bool JsonReader::expect(char c, std::string_view what) {
    skip_space();
    if (failed())
        return false;
    if (at_end() || peek() != c)
        return fail(std::string("expected ").append(what));
    ++at_;
    return true;
}

bool JsonReader::begin(char open, std::string_view what) {
    if (!expect(open, what))
        return false;
    if (depth_ == depth_limit_)
        return refuse("nested too deep");
    started_[++depth_] = false;
    return true;
}

bool JsonReader::next(char close, std::string_view what) {
    skip_space();
    if (failed())
        return false;
    if (peek() == close) {
        ++at_;
        --depth_;
        return false;
    }
    if (started_[depth_] && !expect(',', what))
        return false;
    started_[depth_] = true;
    return true;
}

bool JsonReader::next_member(std::string& name) {
    return next('}', "',' or '}'") && read_string(name) && expect(':', "':'");
}

bool JsonReader::next_element() {
    return next(']', "',' or ']'");
}

bool JsonReader::read_string(std::string& out) {
    out.clear();
    if (!expect('"', "a string"))
        return false;
    while (!at_end()) {
        const char c = peek();
        if (c == '"') {
            ++at_;
            return true;
        }
        if (static_cast<std::uint8_t>(c) < 0x20)
            return fail("control character in a string");
        if (c == '\\') {
            if (!read_escape(out))
                return false;
            continue;
        }
        if (!read_run(out))
            return fail("string is not UTF-8");
    }
    return fail("string does not end");
}

/// Takes everything up to the next character that needs a decision, in one piece.
bool JsonReader::read_run(std::string& out) {
    const std::size_t start = at_;
    while (!at_end() && is_plain(peek()))
        ++at_;
    if (at_ == start) {
        const std::size_t size = utf8_sequence_size(text_.substr(at_));
        if (size == 0)
            return false;
        at_ += size;
    }
    out.append(text_, start, at_ - start);
    return true;
}

bool JsonReader::read_escape(std::string& out) {
    constexpr std::string_view names = "\"\\/bfnrt";
    constexpr std::string_view values = "\"\\/\b\f\n\r\t";
    ++at_; // the backslash
    const char kind = peek();
    if (const std::size_t i = names.find(kind); i != std::string_view::npos) {
        out += values[i];
        ++at_;
        return true;
    }
    if (kind != 'u')
        return fail("unknown escape in a string");
    ++at_;
    std::uint32_t code = 0;
    if (!read_hex4(code))
        return false;
    if (code >= 0xD800 && code <= 0xDBFF) {
        std::uint32_t low = 0;
        if (text_.substr(at_, 2) != "\\u")
            return fail("lone surrogate in a string");
        at_ += 2;
        if (!read_hex4(low))
            return false;
        if (low < 0xDC00 || low > 0xDFFF)
            return fail("lone surrogate in a string");
        code = 0x10000 + ((code - 0xD800) << 10U) + (low - 0xDC00);
    } else if (code >= 0xDC00 && code <= 0xDFFF) {
        return fail("lone surrogate in a string");
    }
    append_utf8(out, code);
    return true;
}

bool JsonReader::read_hex4(std::uint32_t& out) {
    constexpr std::string_view lower = "0123456789abcdef";
    constexpr std::string_view upper = "0123456789ABCDEF";
    out = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
        std::size_t digit = at_end() ? std::string_view::npos : lower.find(peek());
        if (digit == std::string_view::npos && !at_end())
            digit = upper.find(peek());
        if (digit == std::string_view::npos)
            return fail("malformed \\u escape");
        out = out * 16 + static_cast<std::uint32_t>(digit);
    }
    return true;
}

bool JsonReader::read_uint(std::uint64_t& out, std::uint64_t value_max) {
    skip_space();
    if (failed())
        return false;
    if (!is_digit(peek()))
        return fail("expected a number that is not negative");
    const std::size_t start = at_;
    out = 0;
    for (; is_digit(peek()); ++at_) {
        const auto digit = static_cast<std::uint64_t>(peek() - '0');
        if (digit > value_max || out > (value_max - digit) / 10)
            return fail("number is too large");
        out = out * 10 + digit;
    }
    if (text_[start] == '0' && at_ - start > 1)
        return fail("number has a leading zero");
    if (peek() == '.' || peek() == 'e' || peek() == 'E')
        return fail("expected a whole number");
    return true;
}

bool JsonReader::read_bool(bool& out) {
    skip_space();
    if (failed())
        return false;
    out = peek() == 't';
    if (peek() != 't' && peek() != 'f')
        return fail("expected true or false");
    return read_word(out ? "true" : "false");
}

bool JsonReader::read_word(std::string_view word) {
    if (text_.substr(at_, word.size()) != word)
        return fail("unknown word");
    at_ += word.size();
    return true;
}

bool JsonReader::read_null() {
    skip_space();
    return !failed() && read_word("null");
}

bool JsonReader::read_number(std::string_view& out) {
    skip_space();
    const std::size_t start = at_;
    if (failed() || !skip_number())
        return false;
    out = text_.substr(start, at_ - start);
    return true;
}

char JsonReader::peek_value() noexcept {
    skip_space();
    return peek();
}

bool JsonReader::skip_value() {
    skip_space();
    if (failed())
        return false;
    std::string text;
    switch (peek()) {
    case '{':
        return skip_object();
    case '[':
        return skip_array();
    case '"':
        return read_string(text);
    case 't':
        return read_word("true");
    case 'f':
        return read_word("false");
    case 'n':
        return read_word("null");
    default:
        return skip_number();
    }
}

bool JsonReader::skip_object() {
    std::string name;
    if (!begin_object())
        return false;
    while (next_member(name))
        skip_value();
    return !failed();
}

bool JsonReader::skip_array() {
    if (!begin_array())
        return false;
    while (next_element())
        skip_value();
    return !failed();
}

bool JsonReader::skip_digits() {
    if (!is_digit(peek()))
        return fail("expected a value");
    while (is_digit(peek()))
        ++at_;
    return true;
}

bool JsonReader::skip_number() {
    if (peek() == '-')
        ++at_;
    const std::size_t start = at_;
    if (!skip_digits())
        return false;
    if (text_[start] == '0' && at_ - start > 1)
        return fail("number has a leading zero");
    if (peek() == '.') {
        ++at_;
        if (!skip_digits())
            return false;
    }
    if (peek() == 'e' || peek() == 'E') {
        ++at_;
        if (peek() == '+' || peek() == '-')
            ++at_;
        return skip_digits();
    }
    return true;
}

bool JsonReader::finish() {
    skip_space();
    if (!failed() && !at_end())
        return fail("text after the document");
    return !failed();
}

} // namespace hp::contract::detail
