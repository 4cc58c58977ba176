// SPDX-License-Identifier: Apache-2.0
// One authenticated session with one node (user-protocol.md sections 3 to 13), from the user's
// side. Everything happens on the reactor thread; callbacks come from the reactor, never from
// inside the call that registers them. Destroying a Client inside one of its callbacks is allowed
// and drops the connection without further callbacks.
//
// The node is not believed: it proves its key in the handshake, expectations (contract, server
// keys) are checked before the session counts as connected, and every output carries its proof.
#pragma once

#include "hp/base/log.hpp"
#include "hp/base/result.hpp"
#include "hp/client/signer.hpp"
#include "hp/client/verify.hpp"
#include "hp/crypto/keys.hpp"
#include "hp/net/message_stream.hpp"
#include "hp/net/reactor.hpp"
#include "hp/proto/user_message.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace hp::client {

struct Options {
    std::string url;                                  // ws://host:port or wss://host:port
    Signer signer;                                    // a key pair, or who holds one
    proto::Encoding encoding = proto::Encoding::bson; // JSON cannot verify every output (9.7)

    // Expectations; absent means any.
    std::optional<std::string> contract_id;
    std::optional<std::string> contract_version;
    // When given, the server's key must be one of them, and outputs are counted against exactly
    // these. Otherwise they are counted against the UNL that the server announces, which shows
    // agreement among the nodes it names but trusts it for the names.
    std::vector<PublicKey> trusted_keys;
    double quorum = default_quorum;
    // Pins from an earlier session; absent means any.
    std::optional<PublicKey> server_key;
    std::string certificate_sha256; // lowercase hex
    // When given, outputs are counted against these, whatever the server announces.
    std::vector<PublicKey> validators;

    bool verify_certificate = false; // nodes use self-signed certificates
    std::string ca_file;             // PEM, with verify_certificate; empty: the system's

    std::string proxy; // socks5://host:port or http://host:port; empty: none

    // Every message as it goes over the wire, ours before it is sent.
    std::function<void(bool is_ours, ByteView message)> on_message;

    // Name lookup to the end of the handshake, but for the time that the signer takes.
    std::int64_t connect_timeout_ms = 5000;
    std::int64_t request_timeout_ms = 0; // stat, lcl, read, query; 0: as long as connected
};

struct ServerInfo {
    std::string hp_version;
    std::string contract_id;
    std::string contract_version;
    PublicKey key;
    std::vector<PublicKey> unl;     // as announced, ascending
    std::string certificate_sha256; // of the TLS certificate, lowercase hex; empty without TLS
    std::int64_t transport_us = 0;  // name lookup, TCP, TLS and upgrade took this long
    std::int64_t handshake_us = 0;  // and then the challenges this long
};

enum class ConnectProblem : std::uint8_t {
    transport,        // name, TCP, TLS, upgrade, time
    handshake,        // messages or signatures that are wrong
    version,          // a protocol version we do not speak
    contract,         // not the expected contract id or version
    untrusted_server, // a key that is not among the trusted ones
    refused,          // the node closed the session: this key is connected already, or a ban
    busy,             // the node is full, try later
    no_signature,     // whoever holds our key has not signed the challenge
};

struct ConnectError {
    ConnectProblem problem = ConnectProblem::transport;
    std::string message;
};

template <class T>
using Callback = std::function<void(Result<T>)>;

struct Submission {
    Bytes input;
    std::optional<std::uint64_t> nonce;      // absent: strictly increasing, from the wall clock
    std::optional<LedgerSeq> max_ledger_seq; // absent: `expire_after` ledgers from now
    // Below the servers' default limit of 10, so that a peer one ledger behind agrees (18, C10).
    LedgerSeq expire_after = 8;
};

struct SentInput {
    Hash32 hash; // the input's identity in statuses and ledgers
    std::uint64_t nonce = 0;
    LedgerSeq max_ledger_seq = 0;
};

// An input ready to be sent, as often as need be: the same bytes are the same input.
struct SignedInput {
    proto::InputRequest request;
    SentInput info;
};

// An error is the signer's.
Result<SignedInput> sign_input(const Signer& signer, proto::Encoding encoding, Bytes input,
                               std::uint64_t nonce, LedgerSeq max_ledger_seq);

struct InputOutcome {
    std::optional<proto::RejectReason> rejected; // absent: accepted
    LedgerId ledger;                             // accepted only
};

struct Output {
    proto::ContractOutput message;
    OutputProof proof;
};

// Unasked-for messages; unset members are skipped. Ledger, vote and health events, and the UNL
// with trusted keys, need subscribe().
struct Events {
    std::function<void(const Output&)> on_output;
    std::function<void(const proto::LedgerHeader&)> on_ledger;
    std::function<void(proto::VoteStatus)> on_vote_status;
    std::function<void(const std::vector<PublicKey>&)> on_unl_change;
    std::function<void(const proto::ProposalHealth&)> on_proposal_health;
    std::function<void(const proto::ConnectivityHealth&)> on_connectivity_health;
    // Every message after the handshake as it came, before anything else is made of it.
    std::function<void(ByteView)> on_raw;
    // Once per successful connect, after every pending call has failed with Errc::closed.
    std::function<void(const net::CloseInfo&)> on_closed;
};

class Client {
public:
    Client(net::Reactor& reactor, Options options, Events events, Log log);
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // Once per Client; exactly one of the callbacks is called.
    void connect(std::function<void(const ServerInfo&)> on_connected,
                 std::function<void(const ConnectError&)> on_failed);
    const ServerInfo& server() const; // after connecting

    // Sends what is queued, then closes; on_closed follows.
    void close();

    // `on_sent` tells how the input was sent, `on_outcome` what became of it: after a rejection
    // or the closing of its ledger. A failed `on_sent` is the last word. There is no receipt
    // before that and none at all if the node loses the input, so callers watch the ledgers
    // (receipt.hpp). Errc::denied: the signer has not signed.
    void submit(Submission submission, Callback<SentInput> on_sent,
                Callback<InputOutcome> on_outcome);

    // The same with an input that was signed before. Sending it again is harmless: a node takes an
    // input once.
    void submit(const SignedInput& input, Callback<InputOutcome> on_outcome);

    // The outcome of an input that an earlier session sent, should this node still tell it.
    void await_outcome(const Hash32& input, Callback<InputOutcome> on_outcome);

    // The first output of the contract's read run. Errc::timeout also when it wrote nothing:
    // the protocol cannot tell.
    void read(Bytes content, Callback<Bytes> on_done);

    void stat(Callback<proto::StatResponse> on_done);
    void lcl(Callback<LedgerId> on_done);

    // Empty result when the node does not have that ledger.
    void query(LedgerSeq seq, bool inputs, bool outputs,
               Callback<std::optional<proto::QueriedLedger>> on_done);

    // A message that the caller has encoded, sent as it is.
    void send_raw(Bytes message);

    // Of what was sent, what the kernel has not taken yet.
    std::size_t unsent_bytes() const;

    // The protocol confirms nothing here.
    void subscribe(proto::Channel channel, bool enabled);

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;
};

} // namespace hp::client
