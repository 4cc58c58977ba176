// SPDX-License-Identifier: Apache-2.0
//
// BSON in and out (bsonspec.org, version 1.1), for contracts whose users speak it. A node treats
// the payload of BSON users as plain bytes; by convention it is one BSON document.
//
// Types: null, boolean, 32 and 64 bit integer, double, string, binary, array and document. Integers
// are written with 32 bits when they fit, as the JavaScript library does. On reading, `undefined`
// counts as null and a date as an integer (ms since the epoch); binary subtypes are not kept. All
// other types are refused, because a Value could not give them back.
//
// Threads: pure functions, safe from any thread; sending follows the rule of User.
#pragma once

#include <hp/contract/result.hpp>
#include <hp/contract/user.hpp>
#include <hp/contract/value.hpp>

#include <system_error>

namespace hp::contract {

/// The document in `bytes`, always an object. Strict: every length must fit exactly, text must be
/// UTF-8, names must differ, array items must be numbered 0, 1, 2... Errors: errc::bad_message with
/// the offset in bytes, errc::not_supported (another BSON type), errc::value_too_large (`limits`).
[[nodiscard]] Result<Value> decode_bson(BytesView bytes, DocumentLimits limits = {});

/// `value` as BSON. Errors: errc::invalid_argument if it is no object, has a name with a NUL byte
/// or text that is not UTF-8; errc::message_size if it needs 2^31 bytes or more.
[[nodiscard]] Result<Bytes> encode_bson(const Value& value);

/// Sends `value` as one BSON message. Errors: those of encode_bson (nothing is sent) and
/// User::send.
std::error_code send_bson(User& user, const Value& value);

} // namespace hp::contract
