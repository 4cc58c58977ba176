// SPDX-License-Identifier: Apache-2.0
//
// Access to a Value by type and by name.
//
// Threads: see value.hpp.
#include <hp/contract/value.hpp>

#include <algorithm>
#include <cmath>

namespace hp::contract {
namespace {

/// 2^63: the first double too large for an int64; its negative is the smallest that fits.
constexpr double int64_end = 9223372036854775808.0;

template <typename Members>
auto find_member(Members& members, std::string_view name) noexcept {
    return std::find_if(members.begin(), members.end(),
                        [name](const Member& member) { return member.name == name; });
}

} // namespace

Value Value::make_boolean(bool value) noexcept {
    Value out;
    out.content_ = value;
    return out;
}

Value Value::make_integer(std::int64_t value) noexcept {
    Value out;
    out.content_ = value;
    return out;
}

std::optional<bool> Value::boolean() const noexcept {
    const bool* const value = std::get_if<bool>(&content_);
    return value == nullptr ? std::nullopt : std::optional(*value);
}

std::optional<std::int64_t> Value::integer() const noexcept {
    if (const auto* value = std::get_if<std::int64_t>(&content_))
        return *value;
    const double* const value = std::get_if<double>(&content_);
    if (value == nullptr || !(*value >= -int64_end && *value < int64_end) ||
        std::trunc(*value) != *value)
        return std::nullopt;
    return static_cast<std::int64_t>(*value);
}

std::optional<double> Value::number() const noexcept {
    if (const auto* value = std::get_if<std::int64_t>(&content_))
        return static_cast<double>(*value);
    const double* const value = std::get_if<double>(&content_);
    return value == nullptr ? std::nullopt : std::optional(*value);
}

std::optional<std::string_view> Value::text() const noexcept {
    const auto* const value = std::get_if<std::string>(&content_);
    return value == nullptr ? std::nullopt : std::optional<std::string_view>(*value);
}

std::optional<BytesView> Value::binary() const noexcept {
    const auto* const value = std::get_if<Bytes>(&content_);
    return value == nullptr ? std::nullopt : std::optional<BytesView>(*value);
}

std::span<const Value> Value::items() const noexcept {
    const auto* const value = std::get_if<Array>(&content_);
    return value == nullptr ? std::span<const Value>() : std::span<const Value>(*value);
}

std::span<Value> Value::items() noexcept {
    auto* const value = std::get_if<Array>(&content_);
    return value == nullptr ? std::span<Value>() : std::span<Value>(*value);
}

std::span<const Member> Value::members() const noexcept {
    const auto* const value = std::get_if<Object>(&content_);
    return value == nullptr ? std::span<const Member>() : std::span<const Member>(*value);
}

std::span<Member> Value::members() noexcept {
    auto* const value = std::get_if<Object>(&content_);
    return value == nullptr ? std::span<Member>() : std::span<Member>(*value);
}

const Value* Value::find(std::string_view name) const noexcept {
    const auto all = members();
    const auto found = find_member(all, name);
    return found == all.end() ? nullptr : &found->value;
}

Value* Value::find(std::string_view name) noexcept {
    const auto all = members();
    const auto found = find_member(all, name);
    return found == all.end() ? nullptr : &found->value;
}

const Value& Value::operator[](std::string_view name) const noexcept {
    static const Value missing;
    const Value* const found = find(name);
    return found == nullptr ? missing : *found;
}

bool Value::contains(const Value& item) const noexcept {
    const auto all = items();
    return std::find(all.begin(), all.end(), item) != all.end();
}

void Value::set(std::string_view name, Value value) {
    if (Value* const found = find(name)) {
        *found = std::move(value);
        return;
    }
    if (type() != Type::object)
        content_ = Object();
    std::get_if<Object>(&content_)->push_back({std::string(name), std::move(value)});
}

bool Value::erase(std::string_view name) {
    auto* const object = std::get_if<Object>(&content_);
    if (object == nullptr)
        return false;
    const auto found = find_member(*object, name);
    if (found == object->end())
        return false;
    object->erase(found);
    return true;
}

void Value::push_back(Value value) {
    if (type() != Type::array)
        content_ = Array();
    std::get_if<Array>(&content_)->push_back(std::move(value));
}

bool operator==(const Value& a, const Value& b) noexcept {
    return a.content_ == b.content_;
}

} // namespace hp::contract
