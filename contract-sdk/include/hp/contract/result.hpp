// SPDX-License-Identifier: Apache-2.0
//
// Errors as values: a Result<T> holds either a T or an Error that says what kind of failure it was
// (for code) and what happened where (for people). The SDK's functions throw nothing of their own;
// only running out of memory leaves them as an exception.
//
//     if (auto text = read_file("total.txt"))
//         use(*text);
//     else
//         log(text.error().message);
//
// Threads: plain values.
#pragma once

#include <cassert>
#include <string>
#include <system_error>
#include <utility>
#include <variant>

namespace hp::contract {

struct Error {
    /// What kind of failure; compare it with std::errc values.
    std::error_code code;
    /// One or more lines for people, without a line break at the end.
    std::string message;

    Error(std::error_code error, std::string text) : code(error), message(std::move(text)) {}
    Error(std::errc error, std::string text)
        : code(std::make_error_code(error)), message(std::move(text)) {}
};

/// A T, or the Error why there is none.
template <typename T>
class [[nodiscard]] Result {
public:
    Result(T value) : content_(std::in_place_index<0>, std::move(value)) {}
    Result(Error error) : content_(std::in_place_index<1>, std::move(error)) {}

    [[nodiscard]] bool ok() const noexcept { return content_.index() == 0; }
    explicit operator bool() const noexcept { return ok(); }

    /// The value; asking for it when there is none is a bug in the caller, as with std::optional.
    T& operator*() & noexcept { return *value_pointer(); }
    const T& operator*() const& noexcept { return *value_pointer(); }
    T&& operator*() && noexcept { return std::move(*value_pointer()); }
    T* operator->() noexcept { return value_pointer(); }
    const T* operator->() const noexcept { return value_pointer(); }
    [[nodiscard]] T value_or(T other) const& { return ok() ? **this : std::move(other); }

    /// The error; only when ok() is false.
    [[nodiscard]] const Error& error() const noexcept {
        assert(!ok());
        return *std::get_if<1>(&content_);
    }

private:
    T* value_pointer() noexcept {
        assert(ok());
        return std::get_if<0>(&content_);
    }
    const T* value_pointer() const noexcept {
        assert(ok());
        return std::get_if<0>(&content_);
    }

    std::variant<T, Error> content_;
};

/// Success, or the Error of an operation that gives no value.
class [[nodiscard]] Status {
public:
    Status() = default;
    Status(Error error) : content_(std::in_place_index<1>, std::move(error)) {}

    [[nodiscard]] bool ok() const noexcept { return content_.index() == 0; }
    explicit operator bool() const noexcept { return ok(); }

    /// The error; only when ok() is false.
    [[nodiscard]] const Error& error() const noexcept {
        assert(!ok());
        return *std::get_if<1>(&content_);
    }

private:
    std::variant<std::monostate, Error> content_;
};

} // namespace hp::contract
