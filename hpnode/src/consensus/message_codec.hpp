// SPDX-License-Identifier: Apache-2.0
// The bytes of messages between members, of stored certificates and of vote log records
// (docs/protocol/peer.md): the canonical encoding of base/codec.hpp, one form for each value.
// Decoding is strict: no list longer than its limit, no unsorted or repeated members, nothing
// behind the end. Digests are recomputed, never read. Signatures are not checked here. Any thread.
#pragma once

#include "consensus/agreement.hpp"
#include "consensus/messages.hpp"

namespace hp::consensus {

Bytes encode_message(const Message& message);
Result<Message> decode_message(ByteView bytes);

Bytes encode_record(const LogRecord& record);
Result<LogRecord> decode_record(ByteView bytes);

// What is stored beside a ledger so that it can be proven to others: its block and certificate.
// The inputs are stored with the ledger.
Bytes encode_proof(const Block& block, const Certificate& commit);
struct DecodedProof {
    SharedBlock block;
    SharedCertificate commit;
};
Result<DecodedProof> decode_proof(ByteView bytes);

Bytes encode_certificate(const Certificate& certificate);
Result<SharedCertificate> decode_certificate(ByteView bytes);

} // namespace hp::consensus
