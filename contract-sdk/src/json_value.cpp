// SPDX-License-Identifier: Apache-2.0
//
// JSON text to Value. The grammar is JsonReader's; this file only builds.
//
// Threads: pure functions.
#include "duplicate_names.hpp"
#include "json_reader.hpp"

#include <hp/contract/json.hpp>

#include <charconv>

namespace hp::contract {
namespace {

class ValueReader {
public:
    ValueReader(std::string_view text, DocumentLimits limits) noexcept
        : reader_(text, limits.depth_max), values_left_(limits.values_max) {}

    Result<Value> read_document() {
        Value value;
        if (read(value) && reader_.finish())
            return value;
        const auto code = reader_.refused() ? std::errc::value_too_large : std::errc::bad_message;
        return Error(code, reader_.error());
    }

private:
    bool read(Value& out) {
        if (values_left_ == 0)
            return reader_.refuse("too many values");
        --values_left_;
        switch (reader_.peek_value()) {
        case '{':
            return read_object(out);
        case '[':
            return read_array(out);
        case '"':
            return read_text(out);
        case 't':
        case 'f':
            return read_bool(out);
        case 'n':
            return reader_.read_null();
        default:
            return read_number(out);
        }
    }

    bool read_object(Value& out) {
        Value::Object members;
        std::string name;
        if (!reader_.begin_object())
            return false;
        while (reader_.next_member(name)) {
            Member& member = members.emplace_back();
            member.name = name;
            if (!read(member.value))
                return false;
        }
        if (const std::string* twice = detail::find_duplicate(members))
            return reader_.fail("member \"" + *twice + "\" appears twice");
        out = std::move(members);
        return !reader_.failed();
    }

    bool read_array(Value& out) {
        Value::Array items;
        if (!reader_.begin_array())
            return false;
        while (reader_.next_element())
            if (!read(items.emplace_back()))
                return false;
        out = std::move(items);
        return !reader_.failed();
    }

    bool read_text(Value& out) {
        std::string text;
        if (!reader_.read_string(text))
            return false;
        out = std::move(text);
        return true;
    }

    bool read_bool(Value& out) {
        bool value = false;
        if (!reader_.read_bool(value))
            return false;
        out = value;
        return true;
    }

    bool read_number(Value& out) {
        std::string_view text;
        if (!reader_.read_number(text))
            return false;
        const char* const end = text.data() + text.size();
        std::int64_t integer = 0;
        if (text.find_first_of(".eE") == std::string_view::npos &&
            std::from_chars(text.data(), end, integer).ec == std::errc{}) {
            out = integer;
            return true;
        }
        double number = 0;
        if (std::from_chars(text.data(), end, number).ec != std::errc{})
            return reader_.fail("number is out of range");
        out = number;
        return true;
    }

    detail::JsonReader reader_;
    std::size_t values_left_;
};

} // namespace

Result<Value> decode_json(std::string_view text, DocumentLimits limits) {
    return ValueReader(text, limits).read_document();
}

Value error_answer(std::string_view what) {
    return Value::Object{{"error", what}};
}

std::error_code send_json(User& user, const Value& value) {
    return user.send(encode_json(value));
}

std::error_code send_json_text(User& user, std::string_view text) {
    detail::JsonReader reader(text);
    if (!reader.skip_value() || !reader.finish())
        return std::make_error_code(std::errc::bad_message);
    return user.send(text);
}

} // namespace hp::contract
