// SPDX-License-Identifier: Apache-2.0
//
// JSON in and out, for contracts whose users speak it (contract protocol section 8.3). A node hands
// output that looks like JSON to JSON users verbatim and everything else as a string, so send JSON
// through these functions and it arrives as what it is.
//
// Reading is strict RFC 8259: UTF-8, no comments, no trailing commas, no duplicate names, no lone
// surrogates. Writing gives byte for byte what JSON.stringify(value, null, indent) of Node.js gives
// for the same document, so contracts in both languages can share files and hashes. Two exceptions:
// integers beyond 2^53 are exact here, and JavaScript moves members whose names are whole numbers
// to the front.
//
// Threads: pure functions, safe from any thread; sending follows the rule of User.
#pragma once

#include <hp/contract/result.hpp>
#include <hp/contract/user.hpp>
#include <hp/contract/value.hpp>

#include <string>
#include <string_view>
#include <system_error>

namespace hp::contract {

/// The document in `text`. A number written without fraction and exponent that fits 64 bits becomes
/// an integer, every other one a number. Errors: errc::bad_message with the offset in bytes
/// (malformed, a number out of a double's range), errc::value_too_large (`limits`).
[[nodiscard]] Result<Value> decode_json(std::string_view text, DocumentLimits limits = {});

/// `value` as JSON text: compact, or with every member and item on a line of its own and `indent`
/// spaces (at most 10) per level. What JSON cannot say is written as JSON.stringify would: NaN and
/// infinities as null. Text that is not UTF-8 gets U+FFFD for each wrong byte. Binary becomes a
/// string of lowercase hex digits.
[[nodiscard]] std::string encode_json(const Value& value, unsigned indent = 0);

/// {"error":"what"}, as contracts usually refuse a request.
[[nodiscard]] Value error_answer(std::string_view what);

/// Sends `value` as one compact JSON message. A text value arrives as a JSON string. Errors: those
/// of User::send.
std::error_code send_json(User& user, const Value& value);

/// Sends text that is JSON already, unchanged. Errors: errc::bad_message if it is not one valid
/// JSON document (nothing is sent: the node would pass a broken message on), those of User::send.
std::error_code send_json_text(User& user, std::string_view text);

} // namespace hp::contract
