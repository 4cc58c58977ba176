// SPDX-License-Identifier: Apache-2.0
// Runs the contract for decided ledgers, one after another, on a thread of its own, and makes each
// run's effect durable before its result is told (consensus.md 6.4.6). The state store belongs to
// that thread after start(). Results come back on the reactor.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "contract/runner.hpp"
#include "hp/base/log.hpp"
#include "hp/net/reactor.hpp"
#include "hp/net/worker_pool.hpp"
#include "hp/proto/ledger.hpp"
#include "node/dev_orders.hpp"
#include "node/state_sync.hpp"
#include "node/warm_runs.hpp"
#include "state/store.hpp"

namespace hp::node {

struct Execution {
    proto::SharedResult result;
    std::optional<Bytes> patch; // content of patch.cfg, when its hash differs from before the run
    bool contract_ran = false;
    // Of the run, meaningful when there was one. It has ended as exited, signaled, timed_out or
    // not_started; everything else is repeated until it does.
    contract::RunEnd end = contract::RunEnd::exited;
    int code = 0;
    contract::RunStats stats;
    contract::PostExecResult post_exec;
    std::uint64_t outputs = 0; // messages
    std::string void_reason;   // not empty: outputs and changes were dropped, and why
};

class Executor {
public:
    struct Callbacks { // reactor thread
        std::function<void(Execution)> on_done;
        // Storage failed, or the contract cannot be run on this node; nothing more is executed.
        std::function<void(Error)> on_error;
        // The state is the one that was asked for with sync(); `patch` is its patch.cfg.
        std::function<void(proto::SharedResult, Bytes patch)> on_synced{};
        // How far it is, for people.
        std::function<void(std::string)> on_sync_progress{};
        std::function<void(PublicKey, Bytes)> send_state_request{};
        std::function<void(PublicKey, std::string)> on_bad_state{}; // of this peer, provably
        // What the contract says to those of other nodes, in its run for this ledger.
        std::function<void(LedgerId, Bytes)> on_npl{};
        // From a consensus run, while it goes on. A run that is repeated tells it again.
        std::function<void(contract::PeerChangeset)> on_peer_changeset{};
    };
    struct ViewEvents { // executor's thread; may be empty
        // What readers see, private files included, may change from now on...
        std::function<void()> changes{};
        // ... and will not until the next time.
        std::function<void()> settled{};
    };

    // All references must outlive the executor.
    Executor(net::Reactor& reactor, contract::Launcher& launcher, contract::StopSource& stop,
             std::unique_ptr<state::Store> store, crypto::KeyPair keys, Callbacks callbacks,
             Log log);

    // Both before the first execute(). start_ahead() is contract.warm_start: while nothing is
    // executed a process waits for the next run.
    void on_view(ViewEvents events) { view_ = std::move(events); }
    Status start_ahead();

    // Executes `ledger` with `spec` (everything but the users and their inputs filled in); without
    // a spec the contract is not run and the state stays. One at a time.
    void execute(proto::SharedLedger ledger, std::optional<contract::RunSpec> spec);

    // Development clusters: before the run for ledger `order.at` the state gets these files.
    void deploy(const DeployOrder& order);

    // The operator's edit of hp.cfg: patch.cfg is this before the run for ledger `at`.
    void edit_patch(LedgerSeq at, Bytes content);

    // Instead of a run: fetches the state after ledger `target.seq` from peers. on_synced() tells
    // when it is here, or when the state of an earlier target is: unless that is followed by
    // execute(), the newer one is fetched then.
    void sync(const StateSync::Target& target, std::vector<PublicKey> peers);
    // While a sync goes on; else they do nothing.
    void on_peer_up(const PublicKey& peer);
    void on_peer_down(const PublicKey& peer);
    void on_state_answer(const PublicKey& peer, Bytes answer);

    const state::KeptVersions& versions() const { return versions_; }

    // Thread-safe parts of the store, for read requests.
    std::filesystem::path base_state_dir() const { return base_state_dir_; }
    state::ReadGate& gate() { return gate_; }

    // What the contracts of other nodes send to this one's. Any thread: whoever receives messages
    // of peers checks that the sender is a UNL member and signed it, and pushes it here.
    contract::NplInlet& npl_inlet() { return npl_inlet_; }

private:
    // On the worker thread:
    Result<std::optional<Execution>> run(const proto::LedgerRecord& ledger,
                                         contract::RunSpec& spec);
    // False when the node is stopping before it is known which orders count.
    Result<bool> apply_orders(LedgerSeq seq);
    Result<bool> apply_deploys(LedgerSeq seq);
    Result<std::optional<bool>> await_decision(const DeployOrder& order) const;
    Execution pass_over(const proto::LedgerRecord& ledger);
    StateSync::Callbacks sync_callbacks();
    contract::RunHandlers run_handlers(const LedgerId& run);
    void log_faults(LedgerSeq seq, const contract::RunResult& result);
    void log_post_exec(LedgerSeq seq, const contract::PostExecResult& script);
    Result<contract::RunResult> run_until_it_counts(const contract::RunSpec& spec);
    Result<Execution> commit(const proto::LedgerRecord& ledger, contract::RunResult run,
                             std::uint64_t quota_bytes);
    Result<Execution> void_run(const proto::LedgerRecord& ledger, const contract::RunResult& run,
                               const std::string& why);
    proto::ExecutionResult make_result(LedgerSeq seq, const state::Roots& roots,
                                       std::vector<contract::UserOutputs> outputs) const;
    void keep_house(LedgerSeq seq);
    void advance_sync(Status so_far);
    void finish_sync();
    void go_on_syncing();
    // On the reactor thread:
    void tick_sync();
    void stop_sync_ticks();
    void prepare_next(contract::RunSpec spec);

    net::Reactor& reactor_;
    contract::Launcher& launcher_;
    contract::StopSource& stop_;
    std::unique_ptr<state::Store> store_;
    crypto::KeyPair keys_;
    Callbacks callbacks_;
    Log log_;
    std::filesystem::path base_state_dir_;
    state::ReadGate& gate_;
    const state::KeptVersions& versions_;
    StateSync sync_;
    std::uint64_t sync_begun_ = 0;
    std::uint64_t sync_number_ = 0; // reactor thread, of the sync asked for last
    bool sync_ticks_ = false;       // reactor thread
    LedgerSeq last_checkpoint_ = 0;
    LogLimiter log_limiter_;
    contract::NplInlet npl_inlet_;
    ViewEvents view_;
    std::optional<WarmRuns> warm_;                          // with contract.warm_start
    net::Timer sync_timer_;                                 // reactor thread
    std::vector<DeployOrder> deploys_;                      // worker thread
    std::optional<std::pair<LedgerSeq, Bytes>> patch_edit_; // worker thread
    net::Timer warm_timer_;                                 // reactor thread
    net::WorkerPool worker_; // last: its thread uses everything above
};

} // namespace hp::node
