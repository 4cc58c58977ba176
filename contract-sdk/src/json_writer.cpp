// SPDX-License-Identifier: Apache-2.0
//
// Value to JSON text, in the layout of JSON.stringify. Numbers follow ECMAScript's
// Number::toString: the shortest digits that read back as the same double, with an exponent only
// beyond 21 digits or below 1e-6.
//
// Threads: pure functions.
#include <hp/contract/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace hp::contract {
namespace {

constexpr unsigned indent_max = 10; // as JSON.stringify

/// The decimal digits of a finite double and the power of ten of the first one.
struct Decimal {
    std::string digits;
    int exponent = 0;
};

Decimal shortest_decimal(double magnitude) {
    std::array<char, 32> buffer; // one digit, a point, 16 digits, "e-308"
    const auto [end, failed] = std::to_chars(buffer.data(), buffer.data() + buffer.size(),
                                             magnitude, std::chars_format::scientific);
    const std::string_view text(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
    const std::size_t mark = text.find('e');
    Decimal out;
    for (const char c : text.substr(0, mark))
        if (c != '.')
            out.digits += c;
    const bool negative = text[mark + 1] == '-'; // to_chars always writes a sign here
    std::from_chars(text.data() + mark + 2, end, out.exponent);
    if (negative)
        out.exponent = -out.exponent;
    return out;
}

void append_number(std::string& out, double value) {
    if (!std::isfinite(value)) {
        out += "null";
        return;
    }
    if (value == 0) { // minus zero too
        out += '0';
        return;
    }
    if (value < 0)
        out += '-';
    auto [digits, exponent] = shortest_decimal(std::abs(value));
    const auto count = static_cast<int>(digits.size());
    if (exponent >= 21 || exponent < -6) {
        if (count > 1)
            digits.insert(1, 1, '.');
        out += digits + (exponent < 0 ? "e-" : "e+") + std::to_string(std::abs(exponent));
    } else if (exponent < 0) {
        out += "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
    } else if (count <= exponent + 1) {
        out += digits + std::string(static_cast<std::size_t>(exponent + 1 - count), '0');
    } else {
        digits.insert(static_cast<std::size_t>(exponent + 1), 1, '.');
        out += digits;
    }
}

std::string hex_of(BytesView bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    out.reserve(2 * bytes.size());
    for (const std::byte byte : bytes) {
        out += digits[std::to_integer<unsigned>(byte) >> 4U];
        out += digits[std::to_integer<unsigned>(byte) & 0x0FU];
    }
    return out;
}

class Writer {
public:
    explicit Writer(unsigned indent) : indent_(std::min(indent, indent_max)) {}

    void write(const Value& value) {
        switch (value.type()) {
        case Value::Type::null:
            out_ += "null";
            return;
        case Value::Type::boolean:
            out_ += *value.boolean() ? "true" : "false";
            return;
        case Value::Type::integer:
            out_ += std::to_string(*value.integer());
            return;
        case Value::Type::number:
            return append_number(out_, *value.number());
        case Value::Type::text:
            out_ += json_quote(*value.text());
            return;
        case Value::Type::binary:
            out_ += '"' + hex_of(*value.binary()) + '"';
            return;
        case Value::Type::array:
            return write_array(value.items());
        case Value::Type::object:
            return write_object(value.members());
        }
    }

    std::string take() { return std::move(out_); }

private:
    void write_array(std::span<const Value> items) {
        out_ += '[';
        ++depth_;
        for (const Value& item : items) {
            begin_entry(&item == items.data());
            write(item);
        }
        end_entries(']', items.empty());
    }

    void write_object(std::span<const Member> members) {
        out_ += '{';
        ++depth_;
        for (const Member& member : members) {
            begin_entry(&member == members.data());
            out_ += json_quote(member.name);
            out_ += indent_ == 0 ? ":" : ": ";
            write(member.value);
        }
        end_entries('}', members.empty());
    }

    void begin_entry(bool first) {
        if (!first)
            out_ += ',';
        break_line();
    }

    void end_entries(char close, bool empty) {
        --depth_;
        if (!empty)
            break_line();
        out_ += close;
    }

    void break_line() {
        if (indent_ == 0)
            return;
        out_ += '\n';
        out_.append(depth_ * indent_, ' ');
    }

    std::string out_;
    std::size_t indent_;
    std::size_t depth_ = 0;
};

} // namespace

std::string encode_json(const Value& value, unsigned indent) {
    Writer writer(indent);
    writer.write(value);
    return writer.take();
}

} // namespace hp::contract
