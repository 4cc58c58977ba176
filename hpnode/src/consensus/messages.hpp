// SPDX-License-Identifier: Apache-2.0
// What members say to each other about one ledger (consensus.md 6.4.3), as values. Everything a
// member stands for is a signed statement over a domain-separated digest (6.4.2); the rest
// (certificates, bodies) proves itself. Encoding is peer_codec.hpp's. Values; any thread; large
// parts are shared and immutable.
#pragma once

#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "hp/proto/ledger.hpp"

namespace hp::consensus {

// Attempts at one height: 0, 1, 2...
using Attempt = std::uint32_t;

// First byte of every signed statement's tag. The numbers are on the wire and in the log.
enum class StatementKind : std::uint8_t {
    open = 1,
    propose = 2,
    prepare = 3,
    commit = 4,
    skip = 5,
    result = 6,
};

// Who says it. `signature` is over statement_digest() of the kind and body.
struct Signed {
    PublicKey member;
    Signature signature;
    bool operator==(const Signed&) const = default;
};

// Stage 0: where a member stands and what it brings along. A member may repeat it with a higher
// `version` (restart, more inputs): the highest counts; two different ones of one version are
// equivocation.
struct Open {
    LedgerSeq height = 0;
    Hash32 prev_hash; // of the ledger before
    std::uint64_t version = 0;
    TimeMs clock_ms = 0;
    Hash32 nonce;
    std::vector<PublicKey> users; // connected to this member, ascending
    std::vector<Hash32> inputs;   // candidates whose bodies it holds, ascending
    Signed by;
    Hash32 digest; // of all of the above but `by`; cited by blocks
};
using SharedOpen = std::shared_ptr<const Open>;

// What a member's execution of a ledger gave.
struct ResultClaim {
    LedgerId ledger;
    Hash32 state_hash;
    Hash32 config_hash;
    Hash32 output_root;
    auto operator<=>(const ResultClaim&) const = default;
};
struct SignedResult {
    ResultClaim claim;
    Signature root_signature; // raw, over the 32 bytes of output_root: what users verify
    Signed by;                // covers the claim only, so that equal claims make a certificate
};

// How a block continues from the execution of the ledger before (6.4.6).
enum class ResultMode : std::uint8_t { certified = 1, plurality = 2, void_run = 3 };

struct OpenRef {
    PublicKey member;
    Hash32 digest;
    bool operator==(const OpenRef&) const = default;
};

// What one attempt is about. The header's hash covers what users see; the digest covers the
// header's hash and everything else here, and is what votes name. It covers the list of inputs too
// (header.input_hash alone cannot be checked without their bodies), so that nobody can pass on a
// block under its digest with other content.
struct Block {
    proto::LedgerHeader header;
    Hash32 nonce;
    Hash32 recent_hash; // recent-inputs set after this ledger (recent_inputs.hpp)
    std::vector<PublicKey> users;
    std::vector<Hash32> inputs; // execution order
    std::vector<OpenRef> opens; // ascending by member, at least a quorum
    ResultMode mode = ResultMode::certified;
    std::vector<SignedResult> evidence; // ascending by member
    Hash32 rest_digest;                 // of inputs, opens, mode and evidence
    Hash32 digest;                      // B3(tag, header.hash, rest_digest)
};
using SharedBlock = std::shared_ptr<const Block>;

// A vote. `digest` is a block's digest, zeros for skip.
struct Vote {
    StatementKind kind = StatementKind::prepare;
    LedgerSeq height = 0;
    Attempt attempt = 0;
    Hash32 digest;
    Signed by;
};

// A quorum of equal votes (prepare, skip, commit).
struct Certificate {
    StatementKind kind = StatementKind::prepare;
    LedgerSeq height = 0;
    Attempt attempt = 0;
    Hash32 digest;
    std::vector<Signed> votes; // ascending by member
};
using SharedCertificate = std::shared_ptr<const Certificate>;

// Why a leader may propose this digest in attempt a > 0 (rule R3): a prepare certificate of an
// attempt a* < a for the same digest, or none, and a skip certificate for each attempt from a* + 1
// (or 0) to a - 1.
struct Justification {
    SharedCertificate prepared;
    std::vector<SharedCertificate> skipped; // ascending by attempt
};

struct Propose {
    LedgerSeq height = 0;
    Attempt attempt = 0;
    SharedBlock block;
    Justification why;
    Signed by; // over height, attempt and the block's digest
};

// Input bodies, as they arrive or on request.
struct Inputs {
    std::vector<proto::SharedInput> inputs;
};

// What such bodies take in memory, more or less.
std::size_t container_bytes(const std::vector<proto::SharedInput>& inputs);

// A decided ledger for members that missed it.
struct CertifiedLedger {
    SharedBlock block;
    SharedCertificate commit;
    std::vector<proto::SharedInput> inputs; // bodies, in the block's order
};
using SharedCertifiedLedger = std::shared_ptr<const CertifiedLedger>;

// Requests; answered if the receiver has it, else with silence.
struct GetInputs {
    std::vector<Hash32> hashes;
};
struct GetOpens {
    LedgerSeq height = 0;
    std::vector<OpenRef> opens;
};
struct GetBlock {
    LedgerSeq height = 0;
    Hash32 digest;
};
struct GetLedgers {
    LedgerSeq seq = 0;
    std::uint32_t count = 1; // from seq on; as many as fit into an answer
};
// The block alone, in answer to GetBlock: proves itself by its digest.
struct BlockBody {
    SharedBlock block;
};

using Message =
    std::variant<SharedOpen, SignedResult, Propose, Vote, SharedCertificate, Inputs,
                 SharedCertifiedLedger, BlockBody, GetInputs, GetOpens, GetBlock, GetLedgers>;

// --- digests ---------------------------------------------------------------------------------

// What a cluster's signatures are bound to: its contract, and who decides by which quorum.
struct Domain {
    Hash32 contract_id_hash; // B3 of the contract id's text
    Hash32 unl_hash;         // of members and quorum (validators.hpp)
    bool operator==(const Domain&) const = default;
};

// The bytes that are signed: 0xFF "hp2/" kind 0x00 contract_id_hash unl_hash body_digest. The first
// byte keeps them apart from everything users' clients make nodes sign (6.4.2).
Bytes statement_bytes(const Domain& domain, StatementKind kind, const Hash32& body_digest);

Hash32 open_digest(const Open& open);
Hash32 result_digest(const ResultClaim& claim);
Hash32 vote_digest(LedgerSeq height, Attempt attempt, const Hash32& digest); // also PROPOSE's
Hash32 block_rest_digest(const Block& block);
Hash32 block_digest(const Hash32& ledger_hash, const Hash32& rest_digest);

// Whether header.hash, rest_digest and digest are those of the block's content: a block from
// anybody is what its digest says. Whether header.input_hash fits shows with the bodies only.
Status verify_block_digest(const Block& block);

} // namespace hp::consensus
