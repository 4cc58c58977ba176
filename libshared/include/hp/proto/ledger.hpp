// SPDX-License-Identifier: Apache-2.0
// A ledger as it is agreed on, hashed and stored: docs/protocol/ledger.md gives the exact bytes.
// Nothing local (files, retention) enters the hashes. Values; any thread; the big parts are
// shared and immutable so that engine, store and executor pass them around without copies.
#pragma once

#include <memory>
#include <vector>

#include "hp/base/result.hpp"
#include "hp/proto/user_message.hpp"

namespace hp::proto {

using SharedBytes = std::shared_ptr<const Bytes>;

// A user input as relayed (container and signature are never re-serialised) plus what its
// container says.
struct SignedInput {
    PublicKey user;
    Encoding encoding = Encoding::json;
    Bytes container;
    Signature signature;

    Hash32 hash; // B3(signature), section 8.2
    std::uint64_t nonce = 0;
    LedgerSeq max_ledger_seq = 0;
    SharedBytes payload; // what the contract gets
};
using SharedInput = std::shared_ptr<const SignedInput>;

// Decodes the container; the signature is not checked.
Result<SharedInput> make_signed_input(const PublicKey& user, Encoding encoding, Bytes container,
                                      const Signature& signature);
bool verify_signature(const SignedInput& input);

struct UserOutput {
    PublicKey user;
    Hash32 hash; // output_hash of section 9.4
    std::vector<Bytes> messages;
};

// What executing one ledger gave. The root is 32 zero bytes when no user has outputs.
struct ExecutionResult {
    LedgerSeq seq = 0;
    Hash32 state_hash;
    Hash32 config_hash;
    std::vector<UserOutput> outputs; // ascending by user
    Hash32 output_root;
    Signature root_signature; // by the executing node, over the 32 root bytes
};
using SharedResult = std::shared_ptr<const ExecutionResult>;

struct LedgerRecord {
    LedgerHeader header;
    Hash32 nonce;                    // group nonce, hashed but not shown to users
    Hash32 recent_hash;              // of the recent-inputs set with this ledger, likewise
    std::vector<PublicKey> users;    // ascending
    std::vector<SharedInput> inputs; // execution order: by user, then nonce, then hash
    SharedResult previous;           // outputs of this are what the ledger confirms; null for seq 1
};
using SharedLedger = std::shared_ptr<const LedgerRecord>;

// The leaves of the output tree in order: sorted user output hashes, then the state hash (9.4).
std::vector<Hash32> output_leaves(const std::vector<UserOutput>& outputs, const Hash32& state_hash);
Hash32 output_root(const std::vector<UserOutput>& outputs, const Hash32& state_hash);

// user_hash and input_hash of section 12.
Hash32 user_list_hash(const std::vector<PublicKey>& users);
Hash32 input_list_hash(const std::vector<SharedInput>& inputs);

// header.hash from all other fields and the two that users are not shown.
Hash32 ledger_hash(const LedgerHeader& header, const Hash32& nonce, const Hash32& recent_hash);

// --- stored forms (canonical encoding of base/codec.hpp) ---
Bytes encode_inputs(const std::vector<PublicKey>& users, const std::vector<SharedInput>& inputs);
struct DecodedInputs {
    std::vector<PublicKey> users;
    std::vector<SharedInput> inputs;
};
Result<DecodedInputs> decode_inputs(ByteView stored);

Bytes encode_result(const ExecutionResult& result);
Result<ExecutionResult> decode_result(ByteView stored);

} // namespace hp::proto
