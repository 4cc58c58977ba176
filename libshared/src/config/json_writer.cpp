// SPDX-License-Identifier: Apache-2.0
#include "json_writer.hpp"

#include <utility>

#include "hp/base/check.hpp"

namespace hp::config {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

void append_control(std::string& out, char c) {
    switch (c) {
    case '\b':
        out += "\\b";
        return;
    case '\t':
        out += "\\t";
        return;
    case '\n':
        out += "\\n";
        return;
    case '\f':
        out += "\\f";
        return;
    case '\r':
        out += "\\r";
        return;
    default:
        out += "\\u00";
        out += hex_digits[static_cast<unsigned char>(c) >> 4];
        out += hex_digits[static_cast<unsigned char>(c) & 15];
    }
}

} // namespace

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            append_control(out, c);
        } else {
            out += c;
        }
    }
    out += '"';
}

void JsonWriter::next_line() {
    out_ += '\n';
    out_.append(std::size_t{depth_} * 4, ' ');
}

void JsonWriter::begin(std::string_view name) {
    if (!empty_) {
        out_ += ',';
    }
    empty_ = false;
    next_line();
    append_json_string(out_, name);
    out_ += ": ";
}

void JsonWriter::text(std::string_view name, std::string_view value) {
    begin(name);
    append_json_string(out_, value);
}

void JsonWriter::number(std::string_view name, std::uint64_t value) {
    begin(name);
    out_ += std::to_string(value);
}

void JsonWriter::flag(std::string_view name, bool value) {
    begin(name);
    out_ += value ? "true" : "false";
}

void JsonWriter::open_object(std::string_view name) {
    begin(name);
    out_ += '{';
    ++depth_;
    empty_ = true;
}

void JsonWriter::open_array(std::string_view name) {
    begin(name);
    out_ += '[';
    ++depth_;
    empty_ = true;
}

void JsonWriter::item(std::string_view value) {
    if (!empty_) {
        out_ += ',';
    }
    empty_ = false;
    next_line();
    append_json_string(out_, value);
}

void JsonWriter::close(char bracket) {
    HP_CHECK(depth_ > 0, "more JSON brackets closed than opened");
    --depth_;
    if (!empty_) {
        next_line();
    }
    out_ += bracket;
    empty_ = false; // the one just closed is a member of what is now the innermost
}

std::string JsonWriter::finish() {
    close('}');
    HP_CHECK(depth_ == 0, "JSON brackets left open");
    return std::move(out_);
}

} // namespace hp::config
