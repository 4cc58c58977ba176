// SPDX-License-Identifier: Apache-2.0
// The ledgers of this node in one SQLite database (WAL mode, synced on every append):
// ledger_fs/ledger.db. Primary rows are the headers; raw rows hold inputs and outputs, kept
// according to node.history, but always for the newest ledger, because that one may have to be
// executed again after a crash. Retention is local and never enters what nodes agree on.
//
// Thread rule: a Store belongs to the thread that uses it; a second Store opened read_only on the
// same file may serve queries from another thread at the same time.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "hp/base/result.hpp"
#include "hp/proto/ledger.hpp"
#include "ledger/sqlite.hpp"
#include "ledger/vote_log.hpp"

namespace hp::ledger {

// node.history and node.history_config (contract-protocol.md 4.1), in ledgers.
struct Retention {
    bool full = false;
    std::uint64_t primary_shards = 1;
    std::uint64_t raw_shards = 0;
    LedgerSeq primary_shard_ledgers = 262'144;
    LedgerSeq raw_shard_ledgers = 4'096;
};

// Raw rows of this many newest ledgers are kept whatever the settings say, so that nodes which were
// away for a while get them; users do not see those.
inline constexpr LedgerSeq raw_ledgers_min = 512;

// The oldest ledger kept when `newest` is the last one; newest + 1 when none is.
LedgerSeq oldest_kept(LedgerSeq newest, LedgerSeq shard_ledgers, std::uint64_t shards);

// What every member remembers of a user so that no input is accepted twice; the header's
// recent-inputs digest is over these (docs/protocol/ledger.md).
struct RecentUser {
    PublicKey user;
    std::uint64_t last_nonce = 0;
    LedgerSeq expires = 0;
};

// An accepted input as far as it takes to tell a repetition from an outdated nonce.
struct AcceptedInput {
    PublicKey user;
    std::uint64_t nonce = 0;
    Hash32 hash;
    LedgerSeq max_ledger_seq = 0;
};

// Private consensus mode: users see keys, hashes and nonces of others, but not their content.
void hide_blobs_of_others(proto::QueriedLedger& ledger, const PublicKey& user);

class Store {
public:
    enum class Mode { read_write, read_only };

    // Creates the database in read_write mode when it is missing. Errc::corrupt when it belongs to
    // another contract or format.
    static Result<std::unique_ptr<Store>> open(const std::filesystem::path& ledger_fs,
                                               const std::string& contract_id,
                                               const Retention& retention, Mode mode);

    // Durable when it returns. `proof` is what shows to others that the ledger was agreed on; it is
    // kept as long as the header. `link` is kept for ever if this ledger names another
    // configuration than the one before. A failure means "unknown": stop and recover, never retry.
    Status append(const proto::LedgerRecord& ledger, ByteView proof, ByteView link = {});

    // The same for a ledger whose predecessors are not here: the chain begins anew with it, and the
    // recent-inputs set of it replaces what was remembered.
    Status join(const proto::LedgerRecord& ledger, ByteView proof,
                const std::vector<RecentUser>& recent);

    // The newest ledger with its inputs; `ledger` is null at genesis. `previous` is not filled in.
    struct Head {
        proto::SharedLedger ledger;
        Bytes proof;
    };
    Result<Head> head();

    // A ledger with its inputs, for a node that lacks it; `ledger` is null when it is not kept.
    Result<Head> ledger(LedgerSeq seq);

    // What ledger `seq` confirms of the run before it, as of proto::encode_result(); empty when it
    // is not here. keep_outputs() adds it to a ledger that was stored without.
    Result<Bytes> outputs(LedgerSeq seq);
    Status keep_outputs(LedgerSeq seq, ByteView outputs);
    // Whether users may ask for raw data of this ledger.
    bool raw_is_kept(LedgerSeq seq, LedgerSeq newest) const;

    // Contents of patch.cfg that ledgers agreed on, by the hash that is in their headers: nodes
    // that have not executed what made them ask for them. Kept for ever, changes are rare.
    Status keep_config(const Hash32& hash, ByteView content);
    Result<std::optional<Bytes>> config(const Hash32& hash);

    // Links of the epoch chain (consensus/epoch_chain.hpp), opaque here: of ledgers above `above`,
    // the oldest first, with the configurations they name as far as these are here.
    struct Epoch {
        LedgerSeq seq = 0;
        Bytes link;
        Bytes config;
    };
    Status keep_link(LedgerSeq seq, const Hash32& config_hash, ByteView link);
    Result<std::vector<Epoch>> epochs(LedgerSeq above, std::size_t count_max);

    // The newest ledger and what is remembered with it, as of one moment.
    struct Newest {
        Head head;
        std::vector<RecentUser> recent;
    };
    Result<Newest> newest_with_recent();

    // The recent-inputs set as of the newest ledger.
    Status recent_users(const std::function<void(const RecentUser&)>& visit);

    // Calls `visit` for every accepted input, oldest ledger first, of ledgers that hold at least
    // one whose max_ledger_seq_no is above `lcl`.
    Status accepted_inputs(LedgerSeq lcl, const std::function<void(const AcceptedInput&)>& visit);

    // One ledger as clients see it; empty when unknown or pruned. Raw parts that are asked for but
    // not kept come back as empty lists (user-protocol.md section 13).
    Result<std::optional<proto::QueriedLedger>> query(LedgerSeq seq, bool inputs, bool outputs);

    // What ties the vote log to these ledgers; empty before the first start. Durable when set.
    Result<std::optional<VoteLogMark>> vote_log_mark();
    Status set_vote_log_mark(const VoteLogMark& mark);

    // Recomputes every stored ledger: hashes, links, signatures and output roots where raw data is
    // kept. Ledgers may be missing before one that join() stored. `check_proof` gets every header
    // with its proof. Returns how many were checked;
    // Errc::corrupt names the first bad one.
    struct Verified {
        LedgerSeq first = 0;
        LedgerSeq last = 0;
        std::uint64_t count = 0;
        std::uint64_t raw = 0; // of them with inputs and outputs
    };
    using CheckProof = std::function<Status(const proto::LedgerHeader&, ByteView proof)>;
    Result<Verified> verify(const CheckProof& check_proof,
                            const std::function<void(LedgerSeq)>& progress);

private:
    explicit Store(Database database, const Retention& retention)
        : database_(std::move(database)), retention_(retention) {}

    Status prepare_schema(const std::string& contract_id, Mode mode);
    Status prepare_statements(Mode mode);
    Status in_transaction(const std::function<Status()>& write);
    Status insert(const proto::LedgerRecord& ledger, ByteView proof);
    Status insert_link(const proto::LedgerHeader& header, ByteView link);
    Status replace_recent(const std::vector<RecentUser>& recent);
    Result<bool> is_joined(LedgerSeq seq);
    Status insert_recent(const proto::LedgerRecord& ledger);
    Status prune(LedgerSeq newest);
    Result<LedgerSeq> newest();

    Database database_;
    Retention retention_;
    std::optional<Statement> insert_ledger_;
    std::optional<Statement> insert_raw_;
    std::optional<Statement> insert_accepted_;
    std::optional<Statement> insert_recent_;
    std::optional<Statement> insert_link_;
    std::optional<Statement> expire_recent_;
    std::optional<Statement> prune_ledgers_;
    std::optional<Statement> prune_raw_;
    std::optional<Statement> prune_accepted_;
    std::optional<Statement> select_ledger_;
    std::optional<Statement> select_raw_;
    std::optional<Statement> select_newest_;
};

} // namespace hp::ledger
