// SPDX-License-Identifier: Apache-2.0
// What must hold for any bytes that arrive as a user protocol message, whoever sent them
// (user-protocol.md section 5). Each check aborts when it does not hold. Any thread.
#pragma once

#include "hp/proto/user_codec.hpp"

namespace hp::fuzz {

// As a request and as an input container: what a node does with them.
void check_request(proto::Encoding encoding, ByteView bytes);
void check_container(proto::Encoding encoding, ByteView bytes);

// As a message from a node: what a client does with it.
void check_message(proto::Encoding encoding, ByteView bytes);

} // namespace hp::fuzz
