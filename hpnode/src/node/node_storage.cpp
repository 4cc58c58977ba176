// SPDX-License-Identifier: Apache-2.0
// A node's start-up: what ledgers, state and configuration say after whatever happened before, and
// where the engine goes on from there.
#include "consensus/message_codec.hpp"
#include "hp/crypto/blake3.hpp"
#include "hp/os/files.hpp"
#include "node/node.hpp"

namespace hp::node {
namespace {

ledger::Retention retention(const config::Node& node) {
    return {node.history == config::History::full, node.max_primary_shards, node.max_raw_shards};
}

std::optional<state::Owner> contract_owner(const std::optional<config::RunAs>& run_as) {
    return run_as ? std::optional(state::Owner{run_as->uid, run_as->gid}) : std::nullopt;
}

// A node whose ledgers and votes are lost must not take itself for a new one: it may have voted on
// the ledger that is being agreed on.
bool has_voted(const config::ContractDir& dir, const PublicKey& key) {
    const auto noted = os::read_file(dir.voted(), 2 * PublicKey::size + 1);
    return noted && as_text(*noted).substr(0, 2 * PublicKey::size) == key.hex();
}

Status note_votes(const config::ContractDir& dir, const PublicKey& key) {
    return has_voted(dir, key) ? Status()
                               : os::replace_file(dir.voted(), as_bytes(key.hex() + "\n"), 0644);
}

} // namespace

Status Node::open_storage() {
    const ledger::Retention kept = retention(config().node);
    const std::string& id = config().contract.id;
    HP_TRY(ledgers_,
           ledger::Store::open(dir_.ledger_fs(), id, kept, ledger::Store::Mode::read_write));
    HP_TRY(query_ledgers_,
           ledger::Store::open(dir_.ledger_fs(), id, kept, ledger::Store::Mode::read_only));
    HP_TRY(consensus::Start start, load_start());
    consensus::Identity identity;
    identity.self = config().node.keys.public_key;
    identity.validator = config().node.role == config::Role::validator;
    identity.contract_id_hash = crypto::b3(as_bytes(id));
    crypto::random_bytes(identity.nonce_secret.data);
    HP_TRY_STATUS(open_vote_log(start, identity));
    explain_threshold();
    consensus::Effects effects;
    engine_ = std::make_unique<consensus::Engine>(engine_params(), identity, signer_,
                                                  std::move(start), clock_.now(), effects);
    // Effects touch the user port, which opens last: perform them once the reactor runs.
    reactor_.post([this, effects = std::move(effects)]() mutable { begin(std::move(effects)); });
    return {};
}

Result<consensus::Start> Node::load_start() {
    consensus::Start start;
    HP_TRY(ledger::Store::Head head, ledgers_->head());
    start.head = head.ledger;
    if (head.ledger) {
        HP_TRY(const consensus::DecodedProof proof, consensus::decode_proof(head.proof));
        start.certified = std::make_shared<const consensus::CertifiedLedger>(
            consensus::CertifiedLedger{proof.block, proof.commit, head.ledger->inputs});
    }
    lcl_time_ms_ = head.ledger ? head.ledger->header.timestamp_ms : 0;
    HP_TRY(start.nonces, load_nonces(head.ledger));

    const LedgerSeq seq = head.ledger ? head.ledger->header.seq : 0;
    if (!head.ledger) {
        // A node that lost its disk has its configuration only, and gets the rest from its peers.
        HP_TRY_STATUS(os::make_directories(dir_.contract_fs() / "seed" / "state"));
    }
    HP_TRY(std::unique_ptr<state::Store> store,
           state::open_store(dir_.contract_fs(), log_.module("state"),
                             contract_owner(config().contract.run_as)));
    HP_TRY(const state::Recovered recovered, store->recover(seq));
    const auto agreed = head.ledger
                            ? std::optional(AgreedHash{seq, head.ledger->header.config_hash})
                            : std::nullopt;
    std::optional<Bytes> in_force;
    if (agreed) {
        HP_TRY(in_force, ledgers_->config(agreed->config));
    }
    HP_TRY_STATUS(agreed_.at_start(*store, agreed, in_force));
    roots_ = store->roots();
    HP_TRY(const Bytes patch, store->patch_content());
    HP_TRY_STATUS(ledgers_->keep_config(roots_.config, patch));
    HP_TRY(start.result, recovered_result(*store, recovered, start.head));
    log_.info("storage is ready", {{"ledger", seq}, {"state", roots_.state.short_hex()}});
    HP_TRY_STATUS(start_executor(std::move(store)));
    return start;
}

Result<consensus::NonceRecords> Node::load_nonces(const proto::SharedLedger& head) {
    consensus::NonceRecords nonces;
    HP_TRY_STATUS(ledgers_->recent_users([&](const ledger::RecentUser& user) {
        nonces.restore({user.user, user.last_nonce, user.expires});
    }));
    const LedgerSeq seq = head ? head->header.seq : 0;
    HP_TRY_STATUS(ledgers_->accepted_inputs(seq, [&](const ledger::AcceptedInput& input) {
        nonces.remember(input.user, input.nonce, input.hash);
    }));
    if (head && nonces.digest() != head->recent_hash) {
        return fail(Errc::corrupt, "ledger " + std::to_string(seq) +
                                       ": the record of recent inputs does not match it");
    }
    return nonces;
}

Status Node::start_executor(std::unique_ptr<state::Store> store) {
    if (const config::ContractLog& log = config().contract.log; log.enable) {
        run_log_.emplace(dir_.contract_log(), "rw", log);
        read_log_.emplace(dir_.contract_log(), "ro", log);
    }
    Executor::Callbacks callbacks;
    callbacks.on_done = [this](Execution execution) { on_executed(std::move(execution)); };
    callbacks.on_error = [this](const Error& error) { fatal(error); };
    callbacks.on_synced = [this](const proto::SharedResult& result, Bytes patch) {
        on_synced(result, std::move(patch));
    };
    callbacks.on_sync_progress = [this](std::string progress) {
        state_progress_ = std::move(progress);
    };
    callbacks.send_state_request = [this](const PublicKey& peer, Bytes request) {
        send_state_request(peer, std::move(request));
    };
    callbacks.on_bad_state = [this](const PublicKey& peer, const std::string& why) {
        peers_->offends(peer, PeerPort::Offence::bad_message, why);
    };
    callbacks.on_npl = [this](const LedgerId& run, Bytes message) {
        on_npl(run, std::move(message));
    };
    callbacks.on_peer_changeset = [this](const contract::PeerChangeset& changes) {
        on_peer_changeset(changes);
    };
    const std::uint64_t largest_file_bytes = store->largest_file_bytes();
    executor_ = std::make_unique<Executor>(reactor_, *launchers_.consensus, *stop_runs_,
                                           std::move(store), config().node.keys,
                                           std::move(callbacks), log_.module("contract"));
    if (config().dev.enabled) {
        HP_TRY(dev_, DevPort::open(dir_, log_.module("dev")));
        for (const DeployOrder& order : dev_->deploys()) {
            executor_->deploy(order);
        }
    }
    state_server_ = std::make_unique<state::sync::Server>(executor_->versions());
    HP_TRY_STATUS(confine_contracts(largest_file_bytes));
    if (config().user.concurrent_read_requests > 0) {
        reads_ = std::make_unique<ReadRequests>(
            reactor_, *launchers_.reads, *stop_runs_, executor_->gate(),
            config().user.concurrent_read_requests, log_.module("read"),
            [this](const contract::PeerChangeset& changes) { on_peer_changeset(changes); });
    } else {
        protection_.reads = "read requests are off";
    }
    if (config().contract.warm_start) {
        HP_TRY_STATUS(start_contracts_ahead());
    }
    return {};
}

bool Node::decides_alone() const {
    const config::Patch& patch = config().contract.patch;
    return consensus::quorum(patch.unl.size(), patch.consensus.threshold) == 1 &&
           is_member(config().node.keys.public_key) &&
           config().node.role == config::Role::validator;
}

// What this node has promised at the height after the newest ledger, and whether it knows all of
// it.
Status Node::open_vote_log(consensus::Start& start, consensus::Identity& identity) {
    HP_TRY(vote_directory_, os::open_store_directory(dir_.ledger_fs() / "votes"));
    ledger::VoteLog::Past past;
    HP_TRY(past.mark, ledgers_->vote_log_mark());
    past.head = start.head ? start.head->header.seq : 0;
    past.any = start.head != nullptr || has_voted(dir_, identity.self);
    ledger::VoteLog::Options options;
    options.now_s = static_cast<std::uint64_t>(clock_.now().wall_ms / 1000);
    crypto::random_bytes(options.entropy.data);
    // A node that decides alone has its promises in its ledgers.
    options.vouched = decides_alone();
    HP_TRY(ledger::VoteLog::Opened opened, ledger::VoteLog::open(*vote_directory_, past, options));
    HP_TRY_STATUS(ledgers_->set_vote_log_mark(opened.mark));
    HP_TRY_STATUS(note_votes(dir_, identity.self)); // before the first one
    if (!opened.problem.empty()) {
        log_.error("votes may be missing; following until none of them can matter any more",
                   {{"why", opened.problem}});
    }
    votes_ = std::move(opened.log);
    identity.incarnation = votes_->incarnation();
    votes_complete_ = votes_->is_complete();
    identity.may_have_forgotten = !votes_complete_;
    for (const ledger::VoteRecord& record : opened.records) {
        HP_TRY(consensus::LogRecord decoded, consensus::decode_record(record.bytes));
        start.log.push_back(std::move(decoded));
    }
    return {};
}

// What the state reflects: the newest ledger, or the one before when the run was cut off. A state
// that is not what the ledgers say is never adopted.
Result<proto::SharedResult> Node::recovered_result(const state::Store& store,
                                                   const state::Recovered& recovered,
                                                   const proto::SharedLedger& head) const {
    proto::ExecutionResult result;
    const state::Roots& roots = store.roots();
    const LedgerSeq seq = head ? head->header.seq : 0;
    const bool committed = seq > 0 && recovered.committed_seq == seq;
    if (committed) {
        HP_TRY(result, proto::decode_result(recovered.record));
    }
    if (committed && roots.state == result.state_hash) {
        result.config_hash = roots.config; // hp.cfg may have been edited
    } else if (!head) {
        result.state_hash = roots.state;
        result.config_hash = roots.config;
    } else if (!committed && roots.state == head->header.state_hash) {
        log_.info("executing the last ledger again", {{"seq", seq}});
        result.seq = seq - 1;
        result.state_hash = head->header.state_hash;
        result.config_hash = head->header.config_hash;
        result.output_root = head->header.output_hash;
    } else if (decides_alone()) {
        const Hash32& expected = committed ? result.state_hash : head->header.state_hash;
        return fail(Errc::corrupt, "the state in " + store.base_state_dir().string() +
                                       " was changed from outside: its hash is " +
                                       roots.state.hex() + ", ledger " + std::to_string(seq) +
                                       " says " + expected.hex() + "; restore it from a backup");
    } else {
        log_.info("the state is behind the ledgers",
                  {{"seq", seq}, {"state", roots.state.short_hex()}});
        result = {};
        result.seq = seq - 1; // of which it is not the state: peers have it
        result.state_hash = roots.state;
        result.config_hash = roots.config;
    }
    return std::make_shared<const proto::ExecutionResult>(std::move(result));
}

// A read request that writes must not damage what recovery starts from, and no contract has any
// business with keys, ledgers and logs.
Status Node::confine_contracts(std::uint64_t largest_file_bytes) {
    const config::Sandbox sandbox = config().contract.sandbox;
    const config::StateBackend backend = config().state.backend;
    contract::Confinement confinement = confine_consensus(dir_, sandbox);
    confinement.track = backend == config::StateBackend::tracked ||
                        (backend == config::StateBackend::automatic &&
                         largest_file_bytes > limits::tracked_auto_bytes);
    HP_TRY(const contract::Protection runs, launchers_.consensus->confine(confinement));
    HP_TRY_STATUS(choose_backend(runs, largest_file_bytes));
    HP_TRY(const contract::Protection reads,
           launchers_.reads->confine(confine_reads(dir_, sandbox)));
    protection_.sandbox = config::to_string(sandbox) + ": " + contract::describe(runs);
    protection_.reads = contract::describe(reads);
    log_.info("contracts are confined",
              {{"sandbox", protection_.sandbox}, {"reads", protection_.reads}});
    if (!reads.keeps_writes_out()) {
        log_.warning("read requests run in a view that is not write-protected",
                     {{"why", contract::describe(reads)}});
    }
    return {};
}

// Both give the same hashes; a node may change from one to the other with every start.
Status Node::choose_backend(const contract::Protection& runs, std::uint64_t largest_file_bytes) {
    tracked_ = runs.tracking;
    const config::StateBackend backend = config().state.backend;
    if (backend == config::StateBackend::tracked && !tracked_) {
        refusal_code_ = exit_environment;
        return fail(Errc::unsupported,
                    "state.backend is tracked, but not possible here: " + runs.no_tracking);
    }
    if (!runs.no_tracking.empty()) {
        log_.warning("large files of the state are read as a whole when they change: what a run "
                     "writes cannot be recorded here",
                     {{"why", runs.no_tracking}});
    }
    log_.info("state backend", {{"backend", tracked_ ? "tracked" : "plain"},
                                {"asked_for", config::to_string(backend)},
                                {"largest_file", largest_file_bytes}});
    return {};
}

Status Node::start_contracts_ahead() {
    HP_TRY_STATUS(executor_->start_ahead());
    if (reads_) {
        HP_TRY_STATUS(reads_->start_ahead(dir_.contract_fs() / "seed"));
        executor_->on_view(
            {[this] { reads_->view_changes(); }, [this] { reads_->view_settled(); }});
    }
    return {};
}

} // namespace hp::node
