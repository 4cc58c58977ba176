// SPDX-License-Identifier: Apache-2.0
// User protocol messages between bytes and values, JSON or BSON (user-protocol.md section 5).
// decode_* takes bytes from strangers: strict, bounded (limits.hpp), never throws. encode_* is
// total. Any thread.
#pragma once

#include "hp/base/result.hpp"
#include "hp/proto/user_message.hpp"

namespace hp::proto {

// Why a client message was not understood; decides the reply (6.1).
enum class RequestError : std::uint8_t {
    bad_message,      // no object, or no string "type": bad_msg_format with empty hash
    unknown_type,     // invalid_msg_type with empty hash
    bad_input_fields, // contract_input without usable container and sig: bad_msg_format, B3("")
    bad_read_fields,  // bad_msg_format with empty hash
    bad_subscription, // silence
    bad_query,        // silence
};

using DecodedRequest = tl::expected<UserRequest, RequestError>;

DecodedRequest decode_request(Encoding encoding, ByteView message);
Result<InputContainer> decode_container(Encoding encoding, ByteView container);

Bytes encode_message(Encoding encoding, const ServerMessage& message);

// --- the client's side ---
Bytes encode_request(Encoding encoding, const UserRequest& request);
Bytes encode_container(Encoding encoding, const InputContainer& container);

// In JSON, contract content that is a JSON value arrives re-serialised as its text.
// Errc::unsupported for a message type this version does not know (clients ignore those).
Result<ServerMessage> decode_message(Encoding encoding, ByteView message);

// --- shared facts of section 8.2 ---
// input_hash = B3(sig).
Hash32 input_hash(const Signature& signature);

} // namespace hp::proto
