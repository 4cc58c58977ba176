// SPDX-License-Identifier: Apache-2.0
// The messages of user-protocol.md sections 6, 7, 11, 12 and 13 as values, independent of their
// JSON or BSON form. Requests are what a client sends after the handshake, replies what a node
// sends. Values; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "hp/base/ids.hpp"
#include "hp/base/time.hpp"
#include "hp/crypto/merkle.hpp"

namespace hp::proto {

enum class Encoding : std::uint8_t { json, bson };

enum class RejectReason : std::uint8_t {
    bad_msg_format,
    invalid_msg_type,
    max_ledger_offset_exceeded,
    max_ledger_expired,
    round_inputs_overflow,
    nonce_expired,
    already_submitted,
    bad_sig,
};
std::string_view to_string(RejectReason reason);
std::optional<RejectReason> parse_reject_reason(std::string_view text);

enum class VoteStatus : std::uint8_t { unknown, unreliable, desync, synced };
std::string_view to_string(VoteStatus status);
std::optional<VoteStatus> parse_vote_status(std::string_view text);

enum class Channel : std::uint8_t { unl_change, ledger_event, health_event };
std::string_view to_string(Channel channel);
std::optional<Channel> parse_channel(std::string_view text);

// --- requests (section 6) ------------------------------------------------------------------------

struct StatRequest {};
struct LclRequest {};

struct InputRequest {
    Bytes container; // exactly the signed bytes
    Signature signature;
};

struct ReadRequest {
    std::string id;
    Bytes content;
};

struct SubscriptionRequest {
    Channel channel = Channel::unl_change;
    bool enabled = false;
};

struct LedgerQuery {
    std::string id;
    LedgerSeq seq = 0;
    bool inputs = false;
    bool outputs = false;
};

using UserRequest = std::variant<StatRequest, LclRequest, InputRequest, ReadRequest,
                                 SubscriptionRequest, LedgerQuery>;

// The signed content of a contract_input (8.1).
struct InputContainer {
    Bytes input;
    std::uint64_t nonce = 0; // > 0
    LedgerSeq max_ledger_seq = 0;
};

// --- replies (section 7) -------------------------------------------------------------------------

struct InputStatus {
    std::optional<RejectReason> rejected; // empty: accepted
    Bytes input_hash;                     // 32 bytes or empty
    LedgerId ledger;                      // accepted only
};

struct UnlSignature {
    PublicKey key;
    Signature signature;
};

struct ContractOutput {
    LedgerId ledger; // the ledger that confirmed the outputs
    std::vector<Bytes> outputs;
    Hash32 output_hash;
    crypto::TreeNode hash_tree;
    std::vector<UnlSignature> unl_signatures;
};

struct ReadResponse {
    std::string reply_for;
    Bytes content;
};

struct StatResponse {
    std::string hp_version;
    LedgerId ledger;
    VoteStatus vote_status = VoteStatus::unknown;
    std::uint32_t round_time_ms = 0;
    bool contract_execution_enabled = false;
    bool read_requests_enabled = false;
    bool is_full_history_node = false;
    bool weakly_connected = false;
    std::vector<PublicKey> current_unl; // ascending
    std::vector<std::string> peers;     // host:port
    std::string node_version;           // this project's own version; an extra field, may be empty
};

struct LclResponse {
    LedgerId ledger;
};

struct UnlChange {
    std::vector<PublicKey> unl; // ascending
};

// The nine documented fields of section 12.
struct LedgerHeader {
    LedgerSeq seq = 0;
    TimeMs timestamp_ms = 0;
    Hash32 hash;
    Hash32 prev_hash;
    Hash32 state_hash;
    Hash32 config_hash;
    Hash32 user_hash;
    Hash32 input_hash;
    Hash32 output_hash;
    bool operator==(const LedgerHeader&) const = default;
};

struct LedgerCreated {
    LedgerHeader ledger;
};

struct VoteStatusEvent {
    VoteStatus status = VoteStatus::unknown;
};

struct MinMaxAvg {
    std::uint64_t min = 0;
    std::uint64_t max = 0;
    std::uint64_t avg = 0;
};

struct ProposalHealth {
    MinMaxAvg comm_latency_ms;
    MinMaxAvg read_latency_ms;
    std::uint64_t batch_size = 0;
};

struct ConnectivityHealth {
    std::uint64_t peer_count = 0;
    bool weakly_connected = false;
};

struct QueriedInput {
    PublicKey key;
    Hash32 hash;
    std::uint64_t nonce = 0;
    Bytes blob;
};

struct QueriedOutput {
    PublicKey key;
    Hash32 hash;
    std::vector<Bytes> blobs;
};

struct QueriedLedger {
    LedgerHeader header;
    std::optional<std::vector<QueriedInput>> inputs;   // present only when asked for
    std::optional<std::vector<QueriedOutput>> outputs; // likewise
};

struct LedgerQueryResult {
    std::string reply_for;
    bool exec_failure = false;
    std::vector<QueriedLedger> results; // none or one
};

using ServerMessage = std::variant<InputStatus, ContractOutput, ReadResponse, StatResponse,
                                   LclResponse, UnlChange, LedgerCreated, VoteStatusEvent,
                                   ProposalHealth, ConnectivityHealth, LedgerQueryResult>;

} // namespace hp::proto
