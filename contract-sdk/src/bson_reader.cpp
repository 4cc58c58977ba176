// SPDX-License-Identifier: Apache-2.0
//
// BSON to Value. Every length is checked against the end of the document around it before a byte is
// taken, so nothing is read or reserved that is not there.
//
// Threads: pure functions.
#include "bson_types.hpp"
#include "duplicate_names.hpp"

#include <hp/contract/bson.hpp>

#include <algorithm>
#include <bit>

namespace hp::contract {
namespace {

using detail::BsonType;

class BsonReader {
public:
    BsonReader(BytesView bytes, DocumentLimits limits) noexcept
        : bytes_(bytes), limits_(limits), values_left_(limits.values_max) {}

    Result<Value> read() {
        Value value;
        end_ = bytes_.size();
        if (read_object(value) && at_ != bytes_.size())
            fail("bytes after the document");
        if (error_.empty())
            return value;
        return Error(code_, error_);
    }

private:
    bool fail(std::string_view what, std::errc code = std::errc::bad_message) {
        if (error_.empty()) {
            error_ = "offset " + std::to_string(at_) + ": ";
            error_ += what;
            code_ = code;
        }
        return false;
    }

    [[nodiscard]] std::size_t left() const noexcept { return end_ - at_; }

    /// Little-endian, any width.
    template <typename T>
    bool read_fixed(T& out) {
        if (left() < sizeof(T))
            return fail("the document ends too early");
        std::uint64_t value = 0;
        for (std::size_t i = sizeof(T); i > 0; --i)
            value = value << 8U | std::to_integer<std::uint64_t>(bytes_[at_ + i - 1]);
        at_ += sizeof(T);
        out = static_cast<T>(value);
        return true;
    }

    /// A length field, at least `min` and at most what is left.
    bool read_length(std::size_t& out, std::size_t min) {
        std::int32_t value = 0;
        if (!read_fixed(value))
            return false;
        if (value < 0 || static_cast<std::size_t>(value) < min ||
            static_cast<std::size_t>(value) > left())
            return fail("wrong length");
        out = static_cast<std::size_t>(value);
        return true;
    }

    BytesView take(std::size_t size) {
        const BytesView out = bytes_.subspan(at_, size);
        at_ += size;
        return out;
    }

    bool read_name(std::string& out) {
        const BytesView rest = bytes_.subspan(at_, left());
        const auto nul = std::find(rest.begin(), rest.end(), std::byte{0});
        if (nul == rest.end())
            return fail("a name does not end");
        out = as_text(rest.first(static_cast<std::size_t>(nul - rest.begin())));
        if (!valid_utf8(out))
            return fail("a name is not UTF-8");
        at_ += out.size() + 1;
        return true;
    }

    bool read_text(Value& out) {
        std::size_t size = 0;
        if (!read_length(size, 1))
            return false;
        const std::string_view text = as_text(bytes_.subspan(at_, size - 1));
        if (bytes_[at_ + size - 1] != std::byte{0})
            return fail("a string does not end with NUL");
        if (!valid_utf8(text))
            return fail("a string is not UTF-8");
        at_ += size;
        out = text;
        return true;
    }

    bool read_binary(Value& out) {
        constexpr std::uint8_t old_binary = 2; // has its length twice
        std::int32_t length = 0;
        std::uint8_t subtype = 0;
        if (!read_fixed(length) || !read_fixed(subtype))
            return false;
        if (length < 0 || static_cast<std::size_t>(length) > left())
            return fail("wrong length");
        auto size = static_cast<std::size_t>(length);
        if (subtype == old_binary) {
            std::size_t inner = 0;
            if (size < sizeof length || !read_length(inner, 0) || inner != size - sizeof length)
                return fail("wrong length");
            size = inner;
        }
        const BytesView bytes = take(size);
        out = Bytes(bytes.begin(), bytes.end());
        return true;
    }

    bool read_bool(Value& out) {
        std::uint8_t value = 0;
        if (!read_fixed(value))
            return false;
        if (value > 1)
            return fail("a boolean is neither 0 nor 1");
        out = value == 1;
        return true;
    }

    template <typename T>
    bool read_integer(Value& out) {
        T value = 0;
        if (!read_fixed(value))
            return false;
        out = value;
        return true;
    }

    bool read_double(Value& out) {
        std::uint64_t bits = 0;
        if (!read_fixed(bits))
            return false;
        out = std::bit_cast<double>(bits);
        return true;
    }

    /// Enters the document at the cursor and calls `on_element(type)` for each of its elements.
    template <typename OnElement>
    bool read_elements(const OnElement& on_element) {
        const std::size_t outer_end = end_;
        const std::size_t start = at_;
        std::int32_t size = 0;
        if (depth_ == limits_.depth_max || depth_ == detail::bson_depth_max)
            return fail("nested too deep", std::errc::value_too_large);
        if (!read_fixed(size))
            return false;
        if (size < 5 || static_cast<std::size_t>(size) > outer_end - start)
            return fail("wrong length");
        end_ = start + static_cast<std::size_t>(size);
        ++depth_;
        for (std::uint8_t type = 0; read_fixed(type) && type != 0;)
            if (!on_element(static_cast<BsonType>(type)))
                return false;
        --depth_;
        if (error_.empty() && at_ != end_)
            return fail("a document ends before its length says");
        end_ = outer_end;
        return error_.empty();
    }

    bool read_object(Value& out) {
        Value::Object members;
        const bool done = read_elements([this, &members](BsonType type) {
            Member& member = members.emplace_back();
            return read_name(member.name) && read_value(type, member.value);
        });
        if (!done)
            return false;
        if (const std::string* twice = detail::find_duplicate(members))
            return fail("member \"" + *twice + "\" appears twice");
        out = std::move(members);
        return true;
    }

    bool read_array(Value& out) {
        Value::Array items;
        std::string name;
        const bool done = read_elements([this, &items, &name](BsonType type) {
            if (!read_name(name))
                return false;
            if (name != std::to_string(items.size()))
                return fail("array items are not numbered 0, 1, 2...");
            return read_value(type, items.emplace_back());
        });
        if (done)
            out = std::move(items);
        return done;
    }

    bool read_value(BsonType type, Value& out) {
        if (values_left_ == 0)
            return fail("too many values", std::errc::value_too_large);
        --values_left_;
        switch (type) {
        case BsonType::number:
            return read_double(out);
        case BsonType::text:
            return read_text(out);
        case BsonType::object:
            return read_object(out);
        case BsonType::array:
            return read_array(out);
        case BsonType::binary:
            return read_binary(out);
        case BsonType::undefined:
        case BsonType::null:
            return true;
        case BsonType::boolean:
            return read_bool(out);
        case BsonType::int32:
            return read_integer<std::int32_t>(out);
        case BsonType::date_ms:
        case BsonType::int64:
            return read_integer<std::int64_t>(out);
        }
        return fail("BSON type " + std::to_string(static_cast<unsigned>(type)) +
                        " is not supported",
                    std::errc::not_supported);
    }

    BytesView bytes_;
    DocumentLimits limits_;
    std::size_t values_left_;
    std::size_t at_ = 0;
    std::size_t end_ = 0; ///< of the document the cursor is in
    std::size_t depth_ = 0;
    std::string error_;
    std::errc code_ = std::errc::bad_message;
};

} // namespace

Result<Value> decode_bson(BytesView bytes, DocumentLimits limits) {
    return BsonReader(bytes, limits).read();
}

} // namespace hp::contract
