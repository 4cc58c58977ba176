// SPDX-License-Identifier: Apache-2.0
//
// A small document: what JSON and BSON have in common. json.hpp and bson.hpp turn it into bytes and
// back. Members keep the order they were added in, because the order is part of the bytes and the
// bytes of an output are what the nodes agree on.
//
//     const Value answer = Value::Object{{"total", 5}, {"names", Value::Array{"a", "b"}}};
//
// Threads: plain values; one thread at a time while one of them changes.
#pragma once

#include <hp/contract/bytes.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace hp::contract {

struct Member;

class Value {
public:
    using Array = std::vector<Value>;
    using Object = std::vector<Member>;

    /// integer: 64 bits, signed. number: any other number, an IEEE 754 double.
    enum class Type : std::uint8_t { null, boolean, integer, number, text, binary, array, object };

    Value() noexcept;
    Value(const Value& other);
    Value(Value&& other) noexcept;
    Value& operator=(const Value& other);
    Value& operator=(Value&& other) noexcept;
    ~Value();

    Value(std::nullptr_t) noexcept;
    Value(std::same_as<bool> auto value) noexcept : Value(make_boolean(value)) {}
    Value(double value) noexcept;
    Value(std::string value) noexcept;
    Value(std::string_view value);
    Value(const char* value);
    Value(Bytes value) noexcept;
    Value(Array value) noexcept;
    Value(Object value) noexcept;

    /// An unsigned value of 2^63 and more becomes a number, which is then not exact.
    template <std::integral T>
    requires(!std::same_as<T, bool> && !std::same_as<T, char>) Value(T value)
    noexcept
        : Value(std::in_range<std::int64_t>(value) ? make_integer(static_cast<std::int64_t>(value))
                                                   : Value(static_cast<double>(value))) {}

    [[nodiscard]] Type type() const noexcept { return static_cast<Type>(content_.index()); }
    [[nodiscard]] bool is_null() const noexcept { return type() == Type::null; }

    // Each accessor gives nothing (or an empty view) when the value is of another type. Views live
    // as long as the Value and until it changes.
    [[nodiscard]] std::optional<bool> boolean() const noexcept;
    /// Also a number without fraction that fits, such as 5.0: JavaScript does not tell them apart.
    [[nodiscard]] std::optional<std::int64_t> integer() const noexcept;
    /// Also an integer, rounded to a double if it must be.
    [[nodiscard]] std::optional<double> number() const noexcept;
    [[nodiscard]] std::optional<std::string_view> text() const noexcept;
    [[nodiscard]] std::optional<BytesView> binary() const noexcept;
    [[nodiscard]] std::span<const Value> items() const noexcept;
    [[nodiscard]] std::span<Value> items() noexcept;
    [[nodiscard]] std::span<const Member> members() const noexcept;
    [[nodiscard]] std::span<Member> members() noexcept;

    /// The member of that name, or nullptr if there is none or this is no object. Takes time in
    /// proportion to the number of members.
    [[nodiscard]] const Value* find(std::string_view name) const noexcept;
    [[nodiscard]] Value* find(std::string_view name) noexcept;
    /// The same, with null for a missing member: request["user"]["name"].text().
    [[nodiscard]] const Value& operator[](std::string_view name) const noexcept;

    /// True if one of the items equals `item`.
    [[nodiscard]] bool contains(const Value& item) const noexcept;

    /// Replaces a member where it stands, or adds it at the end. What is no object becomes one.
    void set(std::string_view name, Value value);
    /// Removes a member; false if there was none.
    bool erase(std::string_view name);
    /// Adds an item at the end. What is no array becomes one.
    void push_back(Value value);

    /// Same type, same content, members in the same order. NaN equals nothing.
    friend bool operator==(const Value& a, const Value& b) noexcept;

private:
    static Value make_boolean(bool value) noexcept;
    static Value make_integer(std::int64_t value) noexcept;

    std::variant<std::monostate, bool, std::int64_t, double, std::string, Bytes, Array, Object>
        content_;
};

/// One member of an object. Names within an object differ; set() and the decoders see to that.
struct Member {
    std::string name;
    Value value;

    friend bool operator==(const Member& a, const Member& b) noexcept {
        return a.name == b.name && a.value == b.value;
    }
};

// Here, because the compiler must know Member before it can make a Value.
inline Value::Value() noexcept = default;
inline Value::Value(const Value& other) = default;
inline Value::Value(Value&& other) noexcept = default;
inline Value& Value::operator=(const Value& other) = default;
inline Value& Value::operator=(Value&& other) noexcept = default;
inline Value::~Value() = default;
inline Value::Value(std::nullptr_t) noexcept {}
inline Value::Value(double value) noexcept : content_(value) {}
inline Value::Value(std::string value) noexcept : content_(std::move(value)) {}
inline Value::Value(std::string_view value) : content_(std::string(value)) {}
inline Value::Value(const char* value) : content_(std::string(value)) {}
inline Value::Value(Bytes value) noexcept : content_(std::move(value)) {}
inline Value::Value(Array value) noexcept : content_(std::move(value)) {}
inline Value::Value(Object value) noexcept : content_(std::move(value)) {}

/// What decode_json() and decode_bson() accept at most; beyond it they return errc::value_too_large
/// before memory is spent. Each value takes some 40 bytes of memory beside its text.
struct DocumentLimits {
    std::size_t depth_max = 64;         ///< arrays and objects within each other, at most 64
    std::size_t values_max = 1'000'000; ///< values and members of the whole document
};

} // namespace hp::contract
