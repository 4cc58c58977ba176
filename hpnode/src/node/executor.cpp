// SPDX-License-Identifier: Apache-2.0
#include "node/executor.hpp"

#include <utility>

#include "hp/base/check.hpp"
#include "hp/os/decision_file.hpp"
#include "node/dev_deploy.hpp"

namespace hp::node {
namespace {

// Ledgers between checkpoints of the state: a few deltas to replay after a crash, and the base
// view's sync stays off most rounds.
constexpr LedgerSeq checkpoint_interval = 32;

// Waits between attempts to run a contract on a node that is short of resources: 0.1 to 6.4 s.
constexpr int first_retry_ms = 100;
constexpr int last_retry_ms = 6400;

constexpr std::int64_t sync_tick_us = 200'000;

// Longer than anybody may take to give an order to all nodes (hpdev: 2 s a node, at the same time).
constexpr TimeMs decision_wait_ms = 3000;
constexpr int decision_look_ms = 2;

// From the end of a run to the start of the process for the next.
constexpr std::int64_t warm_delay_us = 30'000;

// Both the ledger's users and its inputs are ascending by key.
std::vector<contract::RunUser> run_users(const proto::LedgerRecord& ledger) {
    std::vector<contract::RunUser> users;
    auto next = ledger.inputs.begin();
    for (const PublicKey& key : ledger.users) {
        contract::RunUser user{key, {}};
        for (; next != ledger.inputs.end() && (*next)->user == key; ++next) {
            user.inputs.push_back((*next)->payload);
        }
        users.push_back(std::move(user));
    }
    HP_CHECK(next == ledger.inputs.end(), "an input of a user who is not in the ledger");
    return users;
}

TimeMs mono_now_ms() {
    return SystemClock().now().mono_ms();
}

contract::RunResult stopped_run() {
    contract::RunResult out;
    out.end = contract::RunEnd::stopped;
    return out;
}

void note_run(Execution& execution, const contract::RunResult& run) {
    execution.contract_ran = true;
    execution.end = run.end;
    execution.code = run.code;
    execution.stats = run.stats;
    execution.post_exec = run.post_exec;
    for (const contract::UserOutputs& user : run.outputs) {
        execution.outputs += user.messages.size();
    }
}

} // namespace

Executor::Executor(net::Reactor& reactor, contract::Launcher& launcher, contract::StopSource& stop,
                   std::unique_ptr<state::Store> store, crypto::KeyPair keys, Callbacks callbacks,
                   Log log)
    : reactor_(reactor), launcher_(launcher), stop_(stop), store_(std::move(store)), keys_(keys),
      callbacks_(std::move(callbacks)), log_(std::move(log)),
      base_state_dir_(store_->base_state_dir()), gate_(store_->gate()),
      versions_(store_->versions()), sync_(*store_, sync_callbacks(), log_), sync_timer_(reactor),
      warm_timer_(reactor), worker_(1, "hp-execute") {}

StateSync::Callbacks Executor::sync_callbacks() {
    StateSync::Callbacks callbacks;
    callbacks.send = [this](const PublicKey& peer, Bytes request) {
        reactor_.post([this, peer, request = std::move(request)]() mutable {
            callbacks_.send_state_request(peer, std::move(request));
        });
    };
    callbacks.report = [this](const std::string& progress) {
        reactor_.post([this, progress] { callbacks_.on_sync_progress(progress); });
    };
    callbacks.penalise = [this](const PublicKey& peer, const std::string& reason) {
        reactor_.post([this, peer, reason] { callbacks_.on_bad_state(peer, reason); });
    };
    return callbacks;
}

Status Executor::start_ahead() {
    HP_TRY(auto watch, contract::OpenWatch::make());
    warm_.emplace(launcher_, *store_, std::move(watch), log_);
    return {};
}

void Executor::execute(proto::SharedLedger ledger, std::optional<contract::RunSpec> spec) {
    warm_timer_.cancel();
    stop_sync_ticks();
    worker_.submit([this, ledger = std::move(ledger), spec = std::move(spec)]() mutable {
        sync_.stop(); // what is still being fetched is not needed any more
        const LedgerSeq seq = ledger->header.seq;
        if (!spec) {
            reactor_.post([this, done = pass_over(*ledger)] { callbacks_.on_done(done); });
            keep_house(seq);
            return;
        }
        auto done = run(*ledger, *spec);
        if (!done) {
            reactor_.post([this, error = done.err()] { callbacks_.on_error(error); });
            return;
        }
        if (!*done) {
            return; // stopped: the run is repeated after the next start
        }
        // A change of patch.cfg is likely to change what the next run is.
        const bool prepare = warm_ && !(*done)->patch;
        reactor_.post([this, execution = std::move(**done)] { callbacks_.on_done(execution); });
        keep_house(seq);
        if (prepare) {
            for (contract::RunUser& user : spec->users) {
                user.inputs.clear(); // only their number matters
            }
            reactor_.post([this, next = std::move(*spec)] { prepare_next(next); });
        }
    });
}

void Executor::deploy(const DeployOrder& order) {
    worker_.submit([this, order] { deploys_.push_back(order); });
}

void Executor::edit_patch(LedgerSeq at, Bytes content) {
    worker_.submit([this, at, content = std::move(content)]() mutable {
        patch_edit_.emplace(at, std::move(content));
    });
}

// Each time the run is tried: what was undone took the files with it. False: the node stops.
Result<bool> Executor::apply_orders(LedgerSeq seq) {
    if (patch_edit_ && patch_edit_->first == seq) {
        HP_TRY_STATUS(overwrite_patch(store_->live_patch_file(), patch_edit_->second));
    }
    return apply_deploys(seq);
}

// An order that cannot be carried out is one on every node, so the run goes on without it.
Result<bool> Executor::apply_deploys(LedgerSeq seq) {
    for (const DeployOrder& order : deploys_) {
        if (order.at != seq) {
            continue;
        }
        HP_TRY(const std::optional<bool> counts, await_decision(order));
        if (!counts) {
            return false;
        }
        if (!*counts) {
            log_.info("a bundle was not deployed: not every node had the order in time",
                      {{"seq", seq}, {"bundle", order.bundle.string()}});
            continue;
        }
        const auto done = apply_deploy(order, store_->live_state_dir(), store_->live_patch_file());
        if (!done && done.err().code != Errc::invalid) {
            return fail(done.err());
        }
        if (!done) {
            log_.error("a bundle was not deployed", {{"seq", seq}, {"why", done.err().context}});
        } else {
            log_.info("bundle deployed", {{"seq", seq}, {"bundle", order.bundle.string()}});
        }
    }
    return true;
}

// Whoever gives an order decides as soon as all nodes have it. If it has ended before that, the
// first node that has waited long enough decides for all.
Result<std::optional<bool>> Executor::await_decision(const DeployOrder& order) const {
    if (order.decision.empty()) {
        return std::optional(true);
    }
    const TimeMs deadline_ms = mono_now_ms() + decision_wait_ms;
    for (;;) {
        HP_TRY(const std::optional<bool> decided, os::read_decision(order.decision));
        if (decided) {
            return decided;
        }
        if (mono_now_ms() >= deadline_ms) {
            break;
        }
        if (stop_.wait(decision_look_ms)) {
            return std::optional<bool>();
        }
    }
    const auto decided = os::decide(order.decision, false);
    if (!decided && decided.err().code == Errc::not_found) {
        return std::optional(false); // its folder went with the bundle, which is too old
    }
    HP_TRY(const bool counts, decided);
    return std::optional(counts);
}

// A ledger without a run.
Execution Executor::pass_over(const proto::LedgerRecord& ledger) {
    npl_inlet_.begin({ledger.header.seq, ledger.header.hash});
    npl_inlet_.end();
    Execution execution;
    execution.result = std::make_shared<const proto::ExecutionResult>(
        make_result(ledger.header.seq, store_->roots(), {}));
    return execution;
}

Result<std::optional<Execution>> Executor::run(const proto::LedgerRecord& ledger,
                                               contract::RunSpec& spec) {
    spec.users = run_users(ledger);
    spec.state_dir = store_->live_state_dir();
    if (view_.changes) {
        view_.changes();
    }
    npl_inlet_.begin({ledger.header.seq, ledger.header.hash});
    auto run = run_until_it_counts(spec);
    npl_inlet_.end();
    HP_TRY(contract::RunResult result, std::move(run));
    if (result.end == contract::RunEnd::stopped) {
        return std::optional<Execution>{};
    }
    log_faults(ledger.header.seq, result);
    HP_TRY(Execution execution, commit(ledger, std::move(result), spec.limits.state_bytes));
    return std::optional(std::move(execution));
}

// A broken contract breaks every ledger: repeated faults are logged at a bounded rate.
void Executor::log_faults(LedgerSeq seq, const contract::RunResult& result) {
    const TimeMs now = mono_now_ms();
    for (const std::string& note : result.notes) {
        if (const auto left_out = log_limiter_.admit(note, now)) {
            log_.warning("contract", {{"seq", seq}, {"note", note}, {"not_logged", *left_out}});
        }
    }
    log_post_exec(seq, result.post_exec);
    const bool by_itself = result.end == contract::RunEnd::signaled && contract::is_success(result);
    if (by_itself || (result.end == contract::RunEnd::exited && result.code == 0)) {
        return;
    }
    const std::string end = contract::describe(result);
    if (const auto left_out = log_limiter_.admit(end, now)) {
        log_.warning("contract run ended abnormally; its outputs and state are kept",
                     {{"seq", seq}, {"end", end}, {"not_logged", *left_out}});
    }
}

void Executor::log_post_exec(LedgerSeq seq, const contract::PostExecResult& script) {
    if (script.verdict == contract::PostExecVerdict::failed) {
        const std::string end = "post_exec.sh: " + contract::describe(script);
        const TimeMs now = mono_now_ms();
        if (const auto left_out = log_limiter_.admit(end, now)) {
            log_.error(
                "post_exec.sh failed; the outputs of the run are dropped",
                {{"seq", seq}, {"end", contract::describe(script)}, {"not_logged", *left_out}});
        }
    } else if (script.verdict == contract::PostExecVerdict::done) {
        log_.info("post_exec.sh was executed and removed",
                  {{"seq", seq}, {"wall_us", script.wall_us}});
    } else if (script.verdict == contract::PostExecVerdict::again) {
        log_.debug("post_exec.sh was executed",
                   {{"seq", seq}, {"code", script.code}, {"wall_us", script.wall_us}});
    }
}

contract::RunHandlers Executor::run_handlers(const LedgerId& run) {
    contract::RunHandlers handlers;
    handlers.npl_inlet = &npl_inlet_;
    if (callbacks_.on_npl) {
        handlers.on_npl = [this, run](Bytes message) {
            reactor_.post([this, run, message = std::move(message)]() mutable {
                callbacks_.on_npl(run, std::move(message));
            });
        };
    }
    if (callbacks_.on_peer_changeset) {
        handlers.on_peer_changeset = [this](contract::PeerChangeset changes) {
            reactor_.post(
                [this, changes = std::move(changes)] { callbacks_.on_peer_changeset(changes); });
        };
    }
    return handlers;
}

// A run that failed for want of memory or descriptors on this node says nothing about the contract:
// it is undone and repeated a few times before the node gives up.
Result<contract::RunResult> Executor::run_until_it_counts(const contract::RunSpec& spec) {
    const LedgerSeq seq = spec.lcl ? spec.lcl->seq : 0;
    HP_TRY(bool ready, apply_orders(seq)); // a process that waits is not used then
    if (!ready) {
        return stopped_run();
    }
    std::optional<contract::StartedContract> ahead;
    if (warm_) {
        HP_TRY(ahead, warm_->take(spec));
    }
    contract::RunSpec attempt = spec;
    for (int wait_ms = first_retry_ms;; wait_ms *= 2) {
        contract::RunResult result =
            contract::run_contract(launcher_, attempt, run_handlers(spec.lcl.value_or(LedgerId())),
                                   stop_, log_, std::exchange(ahead, std::nullopt));
        if (result.end != contract::RunEnd::failed) {
            return result;
        }
        const std::string why = result.notes.empty() ? "no reason known" : result.notes.back();
        log_.error("contract run failed on this node and is undone", {{"why", why}});
        HP_TRY_STATUS(store_->discard());
        HP_TRY(ready, apply_orders(seq));
        attempt.tracked = false; // one thing less that can be short of something
        if (wait_ms > last_retry_ms || !launcher_.is_running()) {
            return fail(Errc::unavailable, "the contract cannot be run here: " + why);
        }
        if (stop_.wait(wait_ms) || !ready) {
            return stopped_run();
        }
    }
}

Result<Execution> Executor::commit(const proto::LedgerRecord& ledger, contract::RunResult run,
                                   std::uint64_t quota_bytes) {
    const state::Roots before = store_->roots();
    state::CaptureStats stats;
    const auto roots = store_->capture(stats, quota_bytes, run.written ? &*run.written : nullptr);
    if (!roots) {
        if (roots.err().code != Errc::too_large) {
            return fail(roots.err());
        }
        return void_run(ledger, run, roots.err().context);
    }
    Execution execution;
    note_run(execution, run);
    auto result = std::make_shared<const proto::ExecutionResult>(
        make_result(ledger.header.seq, *roots, std::move(run.outputs)));
    HP_TRY_STATUS(store_->commit(ledger.header.seq, proto::encode_result(*result)));
    execution.result = std::move(result);
    if (roots->config != before.config) {
        HP_TRY(Bytes patch, store_->patch_content());
        execution.patch = std::move(patch);
    }
    return execution;
}

// The run left a state that no node may keep: everything it did is undone (6.4.6 "void").
Result<Execution> Executor::void_run(const proto::LedgerRecord& ledger,
                                     const contract::RunResult& run, const std::string& why) {
    const TimeMs now = mono_now_ms();
    if (const auto left_out = log_limiter_.admit("void: " + why, now)) {
        log_.error("contract run is void; outputs and state changes are dropped",
                   {{"seq", ledger.header.seq}, {"why", why}, {"not_logged", *left_out}});
    }
    HP_TRY_STATUS(store_->discard());
    Execution execution;
    note_run(execution, run);
    execution.outputs = 0;
    execution.void_reason = why;
    execution.result = std::make_shared<const proto::ExecutionResult>(
        make_result(ledger.header.seq, store_->roots(), {}));
    return execution;
}

proto::ExecutionResult Executor::make_result(LedgerSeq seq, const state::Roots& roots,
                                             std::vector<contract::UserOutputs> outputs) const {
    proto::ExecutionResult result;
    result.seq = seq;
    result.state_hash = roots.state;
    result.config_hash = roots.config;
    for (contract::UserOutputs& output : outputs) {
        const Hash32 hash = crypto::output_hash(output.key, output.messages);
        result.outputs.push_back({output.key, hash, std::move(output.messages)});
    }
    result.output_root = proto::output_root(result.outputs, result.state_hash);
    if (!result.outputs.empty()) {
        result.root_signature = crypto::sign(keys_, result.output_root.view());
    }
    return result;
}

// Work that no round waits for. An error here shows again at the next commit, which stops the node.
void Executor::keep_house(LedgerSeq seq) {
    const auto applied = store_->apply_pending();
    if (!applied) {
        log_.error("cannot update the read-only view", {{"why", applied.err().context}});
        return;
    }
    if (*applied && view_.settled) {
        view_.settled();
    }
    if (*applied && seq >= last_checkpoint_ + checkpoint_interval) {
        // Deltas of the newest ledger stay: its outputs are not confirmed yet.
        if (const auto done = store_->checkpoint(seq - 1); !done) {
            log_.error("cannot checkpoint the state", {{"why", done.err().context}});
        }
        last_checkpoint_ = seq;
    }
}

// A little later: what the run has written must be old enough to be told from later changes, and
// when ledgers follow each other at once there is nothing to gain.
void Executor::prepare_next(contract::RunSpec spec) {
    warm_timer_.arm_after(warm_delay_us, [this, spec = std::move(spec)] {
        worker_.submit([this, spec] { warm_->prepare(spec); });
    });
}

// --- state sync ----------------------------------------------------------------------------------

void Executor::sync(const StateSync::Target& target, std::vector<PublicKey> peers) {
    warm_timer_.cancel();
    const std::uint64_t number = ++sync_number_;
    worker_.submit([this, number, target, peers = std::move(peers)] {
        if (view_.changes) {
            view_.changes();
        }
        sync_begun_ = number;
        advance_sync(sync_.begin(target, peers, mono_now_ms()));
    });
    if (!std::exchange(sync_ticks_, true)) {
        tick_sync();
    }
}

void Executor::on_peer_up(const PublicKey& peer) {
    if (sync_ticks_) {
        worker_.submit([this, peer] { advance_sync(sync_.on_peer_up(peer, mono_now_ms())); });
    }
}

void Executor::on_peer_down(const PublicKey& peer) {
    if (sync_ticks_) {
        worker_.submit([this, peer] { advance_sync(sync_.on_peer_down(peer, mono_now_ms())); });
    }
}

void Executor::on_state_answer(const PublicKey& peer, Bytes answer) {
    if (sync_ticks_) {
        worker_.submit([this, peer, answer = std::move(answer)] {
            advance_sync(sync_.on_answer(peer, answer, mono_now_ms()));
        });
    }
}

void Executor::tick_sync() {
    sync_timer_.arm_after(sync_tick_us, [this] {
        worker_.submit([this] { advance_sync({}); });
        tick_sync();
    });
}

void Executor::stop_sync_ticks() {
    sync_ticks_ = false;
    sync_timer_.cancel();
}

void Executor::advance_sync(Status so_far) {
    if (so_far && !sync_.is_active()) {
        return;
    }
    Result<bool> done = so_far ? sync_.on_tick(mono_now_ms()) : Result<bool>(fail(so_far.err()));
    if (!done) {
        reactor_.post([this, error = done.err()] { callbacks_.on_error(error); });
    } else if (*done) {
        finish_sync();
    }
}

void Executor::finish_sync() {
    auto patch = store_->patch_content();
    if (!patch) {
        reactor_.post([this, error = patch.err()] { callbacks_.on_error(error); });
        return;
    }
    auto result = std::make_shared<proto::ExecutionResult>();
    result->seq = sync_.target().seq;
    result->state_hash = sync_.target().roots.state;
    result->config_hash = sync_.target().roots.config;
    result->output_root = sync_.target().output_root;
    if (view_.settled) {
        view_.settled();
    }
    const std::uint64_t number = sync_.is_newest() ? sync_begun_ : 0;
    reactor_.post([this, number, result = proto::SharedResult(std::move(result)),
                   patch = std::move(*patch)]() mutable {
        if (number == sync_number_) {
            stop_sync_ticks();
        }
        callbacks_.on_synced(std::move(result), std::move(patch));
        worker_.submit([this] { go_on_syncing(); });
    });
}

// Whoever was told of the state has decided what is next.
void Executor::go_on_syncing() {
    Status status = sync_.go_on(mono_now_ms());
    if (sync_.is_active() && view_.changes) {
        view_.changes();
    }
    advance_sync(std::move(status));
}

} // namespace hp::node
