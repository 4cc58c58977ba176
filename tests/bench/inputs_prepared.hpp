// SPDX-License-Identifier: Apache-2.0
// Inputs that are encoded and signed before the clock starts. Each payload begins with its number,
// so that an echo tells which input it answers. Pure; any thread.
#pragma once

#include "hp/crypto/keys.hpp"
#include "hp/net/message_stream.hpp"
#include "hp/proto/user_message.hpp"

#include <optional>

namespace hp::bench {

struct PreparedInput {
    net::SharedBytes message; // a whole contract_input
    Hash32 hash;
};

// The payload is `payload_bytes` long, at least the eight bytes of the number.
PreparedInput prepare_input(const crypto::KeyPair& keys, std::uint64_t number, std::uint64_t nonce,
                            LedgerSeq max_ledger_seq, std::size_t payload_bytes);

// The number in an echoed payload; empty when it is none of ours.
std::optional<std::uint64_t> number_of(ByteView payload);

} // namespace hp::bench
