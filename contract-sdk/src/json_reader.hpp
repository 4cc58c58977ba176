// SPDX-License-Identifier: Apache-2.0
//
// Strict pull reader for one JSON document (RFC 8259), private to the SDK. It reads straight into
// the caller's structures: a document with 20 000 inputs would otherwise cost a tree of 60 000
// nodes before the contract can begin. The first error stops the reader for good; every later call
// then returns false, so callers check once at the end.
//
// Threads: one thread at a time.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hp::contract::detail {

class JsonReader {
public:
    /// No reader goes deeper, whatever it is asked for: values are read by recursion.
    static constexpr std::size_t depth_max = 64;

    /// `text` must outlive the reader. Nesting deeper than `depth` is refused.
    explicit JsonReader(std::string_view text, std::size_t depth = depth_max) noexcept
        : text_(text), depth_limit_(std::min(depth, depth_max)) {}

    bool begin_object() { return begin('{', "an object"); }
    bool begin_array() { return begin('[', "an array"); }

    /// Moves to the next member and reads its name; false at the end of the object or on error.
    bool next_member(std::string& name);
    /// Moves to the next element; false at the end of the array or on error.
    bool next_element();

    bool read_string(std::string& out);
    /// An integer in [0, `value_max`], written without fraction or exponent.
    bool read_uint(std::uint64_t& out, std::uint64_t value_max = UINT64_MAX);
    bool read_bool(bool& out);
    bool read_null();
    /// Any number, as it is written.
    bool read_number(std::string_view& out);
    /// The first character of the next value, '\0' at the end of the text.
    char peek_value() noexcept;
    /// Checks and drops one value of any type.
    bool skip_value();
    /// Checks that nothing but white space is left.
    bool finish();

    /// Records an error at the current position, unless there is one already. Returns false.
    bool fail(std::string_view what);
    /// The same for text that is well-formed but more than the caller takes.
    bool refuse(std::string_view what);
    [[nodiscard]] bool failed() const noexcept { return !error_.empty(); }
    [[nodiscard]] bool refused() const noexcept { return refused_; }
    [[nodiscard]] const std::string& error() const noexcept { return error_; }

private:
    bool begin(char open, std::string_view what);
    bool next(char close, std::string_view what);
    bool expect(char c, std::string_view what);
    bool read_word(std::string_view word);
    bool read_run(std::string& out);
    bool read_escape(std::string& out);
    bool read_hex4(std::uint32_t& out);
    bool skip_number();
    bool skip_digits();
    bool skip_object();
    bool skip_array();
    void skip_space() noexcept;

    [[nodiscard]] bool at_end() const noexcept { return at_ >= text_.size(); }
    [[nodiscard]] char peek() const noexcept { return at_end() ? '\0' : text_[at_]; }

    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t depth_ = 0;
    std::size_t depth_limit_;
    bool refused_ = false;
    std::array<bool, depth_max + 1> started_{};
    std::string error_;
};

} // namespace hp::contract::detail
