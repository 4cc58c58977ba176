// SPDX-License-Identifier: Apache-2.0
// Making the node's own certificate. Any thread; pure except for the two files written.
#pragma once

#include <string>

#include "hp/base/result.hpp"
#include "hp/net/message_stream.hpp"

namespace hp::net {

// Writes a new ECDSA P-256 key (mode 0600) and a self-signed certificate for it, valid ten years,
// with `node_name` in the subject's common name (cut to 64 characters) and localhost, 127.0.0.1
// and ::1 in the alternative names. Fails if either file exists.
Status make_self_signed(const TlsFiles& files, const std::string& node_name);

} // namespace hp::net
