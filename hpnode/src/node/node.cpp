// SPDX-License-Identifier: Apache-2.0
#include "node/node.hpp"

#include <algorithm>
#include <csignal>
#include <thread>

#include "hp/base/check.hpp"
#include "hp/base/limits.hpp"
#include "hp/base/version.hpp"

namespace hp::node {
namespace {

// Signatures are what a busy node spends most of its time on.
std::size_t verify_threads() {
    return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 16);
}

constexpr std::int64_t goodbye_us = 300'000; // for close frames on the way out

ledger::Retention retention(const config::Node& node) {
    return {node.history == config::History::full, node.max_primary_shards, node.max_raw_shards};
}

std::optional<state::Owner> contract_owner(const std::optional<config::RunAs>& run_as) {
    return run_as ? std::optional(state::Owner{run_as->uid, run_as->gid}) : std::nullopt;
}

std::vector<PublicKey> list(const std::set<PublicKey>& keys) {
    return {keys.begin(), keys.end()};
}

// A relative path in hp.cfg counts from the node's directory; empty means the default.
std::string resolve(const config::ContractDir& dir, const std::string& path,
                    const std::filesystem::path& standard) {
    return path.empty() ? standard.string() : (dir.root / path).string();
}

} // namespace

Node::Node(config::ContractDir dir, config::Config config, Launchers launchers, Log log)
    : dir_(dir), log_(log), consensus_log_(log.module("consensus")),
      started_mono_us_(clock_.now().mono_us), agreed_(dir, std::move(config), log.module("config")),
      known_peers_(agreed_.config().mesh.known_peers), launchers_(std::move(launchers)),
      wake_timer_(reactor_), stop_timer_(reactor_), verify_workers_(verify_threads(), "hp-verify"),
      storage_worker_(1, "hp-storage"), query_worker_(1, "hp-query") {}

Node::~Node() {
    // Runs must end before their threads can be joined.
    if (stop_runs_) {
        stop_runs_->request_stop();
    }
    close_status_socket(); // of a node that could not start
}

// --- start-up ------------------------------------------------------------------------------------

Status Node::start() {
    // Before recovery, which may take a while: a signal that comes meanwhile is answered once the
    // reactor runs, by the orderly stop.
    reactor_.on_signals({SIGINT, SIGTERM},
                        [this](int signal) { stop(0, "signal " + std::to_string(signal)); });
    HP_TRY(stop_runs_, contract::StopSource::make());
    HP_TRY_STATUS(open_storage());
    open_status_socket(); // before users can come: who sees the port open may ask
    return open_user_port();
}

Status Node::open_storage() {
    const ledger::Retention kept = retention(config().node);
    const std::string& id = config().contract.id;
    HP_TRY(ledgers_,
           ledger::Store::open(dir_.ledger_fs(), id, kept, ledger::Store::Mode::read_write));
    HP_TRY(query_ledgers_,
           ledger::Store::open(dir_.ledger_fs(), id, kept, ledger::Store::Mode::read_only));
    HP_TRY(consensus::Start start, load_start());
    consensus::Identity identity{
        config().node.keys.public_key, config().node.role == config::Role::validator, {}};
    crypto::random_bytes(identity.nonce_secret.data);
    consensus::Effects effects;
    engine_ = std::make_unique<consensus::Engine>(engine_params(), identity, std::move(start),
                                                  clock_.now(), effects);
    // Effects touch the user port, which opens last: perform them once the reactor runs.
    reactor_.post([this, effects = std::move(effects)] {
        for (const consensus::Effect& effect : effects) {
            std::visit([this](const auto& e) { perform(e); }, effect);
        }
    });
    return {};
}

Result<consensus::Start> Node::load_start() {
    consensus::Start start;
    HP_TRY(start.head, ledgers_->head());
    lcl_time_ms_ = start.head ? start.head->header.timestamp_ms : 0;
    const LedgerSeq seq = start.head ? start.head->header.seq : 0;
    HP_TRY_STATUS(ledgers_->accepted_inputs(seq, [&](const ledger::AcceptedInput& input) {
        start.nonces.accept(input.user, input.nonce, input.hash, input.max_ledger_seq);
    }));
    start.nonces.expire(seq);

    HP_TRY(std::unique_ptr<state::Store> store,
           state::open_store(dir_.contract_fs(), log_.module("state"),
                             contract_owner(config().contract.run_as)));
    HP_TRY(const state::Recovered recovered, store->recover(seq));
    const auto agreed =
        start.head ? std::optional(AgreedHash{seq, start.head->header.config_hash}) : std::nullopt;
    HP_TRY_STATUS(agreed_.at_start(*store, agreed));
    roots_ = store->roots();

    HP_TRY(start.result, recovered_result(*store, recovered, start.head));
    log_.info("storage is ready", {{"ledger", seq}, {"state", store->roots().state.short_hex()}});

    if (const config::ContractLog& log = config().contract.log; log.enable) {
        run_log_.emplace(dir_.contract_log(), "rw", log);
        read_log_.emplace(dir_.contract_log(), "ro", log);
    }
    Executor::Callbacks callbacks;
    callbacks.on_done = [this](Execution execution) { on_executed(std::move(execution)); };
    callbacks.on_error = [this](const Error& error) { fatal(error); };
    callbacks.on_peer_changeset = [this](const contract::PeerChangeset& changes) {
        on_peer_changeset(changes);
    };
    executor_ = std::make_unique<Executor>(reactor_, *launchers_.consensus, *stop_runs_,
                                           std::move(store), config().node.keys,
                                           std::move(callbacks), log_.module("contract"));
    HP_TRY_STATUS(confine_contracts());
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
    return start;
}

// The result of the newest ledger's execution, null when it has to be executed again. A state that
// is not what the ledgers say is never adopted.
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
    const Hash32 expected = committed ? result.state_hash
                            : head    ? head->header.state_hash
                                      : roots.state;
    if (roots.state != expected) {
        return fail(Errc::corrupt, "the state in " + store.base_state_dir().string() +
                                       " was changed from outside: its hash is " +
                                       roots.state.hex() + ", ledger " + std::to_string(seq) +
                                       " says " + expected.hex() + "; restore it from a backup");
    }
    if (seq > 0 && !committed) {
        log_.info("executing the last ledger again", {{"seq", seq}});
        return proto::SharedResult{};
    }
    result.state_hash = roots.state;
    result.config_hash = roots.config; // hp.cfg may have been edited
    return std::make_shared<const proto::ExecutionResult>(std::move(result));
}

// A read request that writes must not damage what recovery starts from, and no contract has any
// business with keys, ledgers and logs.
Status Node::confine_contracts() {
    const config::Sandbox sandbox = config().contract.sandbox;
    HP_TRY(const contract::Protection runs,
           launchers_.consensus->confine(confine_consensus(dir_, sandbox)));
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

Status Node::start_contracts_ahead() {
    HP_TRY_STATUS(executor_->start_ahead());
    if (reads_) {
        HP_TRY_STATUS(reads_->start_ahead(dir_.contract_fs() / "seed"));
        executor_->on_view(
            {[this] { reads_->view_changes(); }, [this] { reads_->view_settled(); }});
    }
    return {};
}

Status Node::open_user_port() {
    UserPort::Events events;
    events.on_joined = [this](const PublicKey& key) { feed(consensus::UserJoined{key}); };
    events.on_left = [this](const PublicKey& key) { feed(consensus::UserLeft{key}); };
    events.on_request = [this](user::SessionId id, proto::UserRequest request) {
        on_request(id, std::move(request));
    };
    users_ = std::make_unique<UserPort>(reactor_, config(), clock_, std::move(events),
                                        log_.module("user"));
    if (!config().user.listen) {
        return {};
    }
    std::optional<net::TlsFiles> tls;
    if (!config().user.plain_ws) {
        tls = net::TlsFiles{resolve(dir_, config().user.tls_cert, dir_.tls_cert()),
                            resolve(dir_, config().user.tls_key, dir_.tls_key())};
    }
    HP_TRY_STATUS(users_->listen(tls));
    log_.info("listening for users",
              {{"port", users_->port()}, {"scheme", config().user.plain_ws ? "ws" : "wss"}});
    return {};
}

int Node::run() {
    reactor_.run();
    close_status_socket();
    if (exit_code_ == 0) {
        save_known_peers();
    }
    return exit_code_;
}

void Node::stop(int exit_code, const std::string& why) {
    if (stopping_) {
        return;
    }
    stopping_ = true;
    exit_code_ = exit_code;
    log_.info("stopping", {{"why", why}});
    wake_timer_.cancel();
    stop_runs_->request_stop();
    users_->stop();
    stop_timer_.arm_after(goodbye_us, [this] { reactor_.stop(); });
}

// A failed write is "unknown": only recovery at the next start may decide what it was.
void Node::fatal(const Error& error) {
    log_.error("cannot go on; stopping so that the next start can recover",
               {{"why", error.context}});
    int code = exit_storage;
    if (error.code == Errc::no_space) {
        code = exit_no_space;
    } else if (error.code == Errc::unavailable) {
        code = exit_cannot_run;
    }
    stop(code, error.context);
}

// --- engine --------------------------------------------------------------------------------------

consensus::Params Node::engine_params() const {
    const config::Patch& patch = config().contract.patch;
    consensus::Params params;
    params.roundtime_ms = patch.consensus.roundtime;
    params.eager = config::is_eager(config().node.pace, patch);
    params.threshold_percent = patch.consensus.threshold;
    params.unl = patch.unl;
    params.max_input_ledger_offset = patch.max_input_ledger_offset;
    params.user_input_bytes = patch.round_limits.user_input_bytes;
    return params;
}

// Performing an effect may produce further events; they wait their turn.
void Node::feed(consensus::Event event) {
    events_.push_back(std::move(event));
    if (feeding_ || stopping_) {
        return;
    }
    feeding_ = true;
    while (!events_.empty() && !stopping_) {
        const consensus::Event next = std::move(events_.front());
        events_.pop_front();
        consensus::Effects effects;
        engine_->step(clock_.now(), next, effects);
        for (const consensus::Effect& effect : effects) {
            std::visit([this](const auto& e) { perform(e); }, effect);
        }
    }
    feeding_ = false;
}

void Node::perform(const consensus::VerifyInput& effect) {
    verify_workers_.submit([this, input = effect.input] {
        const bool good = proto::verify_signature(*input);
        reactor_.post([this, input, good] { feed(consensus::InputVerified{input, good}); });
    });
}

void Node::perform(const consensus::TellStatus& effect) {
    users_->send_or_keep(effect.user, effect.status, sizeof(proto::InputStatus));
}

void Node::perform(const consensus::Persist& effect) {
    storage_worker_.submit([this, ledger = effect.ledger] {
        const auto stored = ledgers_->append(*ledger);
        if (!stored) {
            reactor_.post([this, error = stored.err()] { fatal(error); });
            return;
        }
        reactor_.post([this, seq = ledger->header.seq] { feed(consensus::Persisted{seq}); });
    });
}

void Node::perform(const consensus::Decided& effect) {
    const proto::LedgerHeader& header = effect.ledger->header;
    consensus_log_.info("****Ledger created****",
                        {{"lcl", std::to_string(header.seq) + "-" + header.hash.short_hex()},
                         {"state", header.state_hash.short_hex()},
                         {"patch", header.config_hash.short_hex()},
                         {"inputs", effect.ledger->inputs.size()}});
    lcl_time_ms_ = header.timestamp_ms;
    adopt_config(header);
    deliver_outputs(*effect.ledger);
    users_->publish(proto::Channel::ledger_event, proto::LedgerCreated{header});
    // One proposal, our own, which took no time to get here.
    users_->publish(proto::Channel::health_event, proto::ProposalHealth{{}, {}, 1});
    publish_connectivity();
}

void Node::perform(const consensus::Execute& effect) {
    if (!config().contract.execute) {
        executor_->execute(effect.ledger, std::nullopt);
        return;
    }
    const proto::LedgerHeader& header = effect.ledger->header;
    running_ = header.seq;
    contract::RunSpec spec = run_spec();
    spec.timestamp = header.timestamp_ms;
    spec.lcl = LedgerId{header.seq, header.hash};
    const PublicKey& self = config().node.keys.public_key;
    spec.npl_enabled = config().node.role == config::Role::validator &&
                       config().contract.patch.unl.count(self) != 0;
    if (run_log_) {
        spec.log = contract::RunLog{&*run_log_, contract::make_run_title(*spec.lcl)};
    }
    executor_->execute(effect.ledger, std::move(spec));
}

void Node::perform(const consensus::StatusChanged& effect) {
    consensus_log_.info("vote status", {{"status", proto::to_string(effect.status)}});
    users_->publish(proto::Channel::ledger_event, proto::VoteStatusEvent{effect.status});
    explain_no_quorum();
}

void Node::perform(const consensus::WakeAt& effect) {
    wake_timer_.arm_at(effect.mono_us, [this] { feed(consensus::Tick{}); });
}

// --- ledgers -------------------------------------------------------------------------------------

void Node::adopt_config(const proto::LedgerHeader& header) {
    const std::set<PublicKey> unl_before = config().contract.patch.unl;
    const auto changed = agreed_.decided(AgreedHash{header.seq, header.config_hash});
    if (!changed) {
        fatal(changed.err());
        return;
    }
    if (!*changed) {
        return;
    }
    feed(consensus::ConfigChanged{engine_params()});
    const std::set<PublicKey>& unl = config().contract.patch.unl;
    if (unl != unl_before) {
        users_->publish(proto::Channel::unl_change, proto::UnlChange{list(unl)});
    }
}

void Node::deliver_outputs(const proto::LedgerRecord& ledger) {
    if (!ledger.previous || ledger.previous->outputs.empty()) {
        return;
    }
    const proto::ExecutionResult& result = *ledger.previous;
    const std::vector<Hash32> leaves = proto::output_leaves(result.outputs, result.state_hash);
    const auto user_leaves = std::span(leaves).first(leaves.size() - 1);
    const crypto::OutputTree tree(leaves);
    for (const proto::UserOutput& output : result.outputs) {
        std::size_t bytes = 0;
        for (const Bytes& one : output.messages) {
            bytes += one.size();
        }
        if (bytes > limits::reply_bytes_max) {
            // Said before several copies of it are made only to be thrown away.
            log_.warning(
                "outputs are too large to be sent to their user",
                {{"seq", ledger.header.seq}, {"key", output.user.short_hex()}, {"bytes", bytes}});
            continue;
        }
        const auto leaf = std::lower_bound(user_leaves.begin(), user_leaves.end(), output.hash);
        proto::ContractOutput message;
        message.ledger = {ledger.header.seq, ledger.header.hash};
        message.outputs = output.messages;
        message.output_hash = output.hash;
        message.hash_tree = tree.collapse(static_cast<std::size_t>(leaf - user_leaves.begin()));
        message.unl_signatures = {{config().node.keys.public_key, result.root_signature}};
        users_->send_or_keep(output.user, message, bytes);
    }
}

void Node::on_executed(Execution execution) {
    running_.reset();
    roots_ = {execution.result->state_hash, execution.result->config_hash};
    if (execution.contract_ran) {
        note_run(execution);
    }
    if (execution.patch) {
        agreed_.pending(execution.result->config_hash, std::move(*execution.patch));
    }
    feed(consensus::ResultReady{execution.result});
}

// What both kinds of runs have in common.
contract::RunSpec Node::run_spec() const {
    const config::Contract& contract = config().contract;
    contract::RunSpec spec;
    spec.hp_version = hp_version;
    spec.contract_id = contract.id;
    spec.node_keys = config().node.keys;
    const auto& active_on = engine_->validators().active_on();
    for (const PublicKey& key : contract.patch.unl) {
        const auto known = active_on.find(key);
        spec.unl.push_back({key, known == active_on.end() ? 0 : known->second});
    }
    spec.bin_path = contract.patch.bin_path;
    spec.bin_args = contract.patch.bin_args;
    spec.environment = contract.patch.environment;
    spec.limits = contract.patch.round_limits;
    spec.run_as = contract.run_as;
    // Processes that wait need it; it must not make a difference whether one was used.
    spec.no_new_privs = contract.warm_start;
    return spec;
}

// --- users ---------------------------------------------------------------------------------------

void Node::on_request(user::SessionId id, proto::UserRequest request) {
    std::visit([&](auto& r) { handle(id, r); }, request);
}

void Node::handle(user::SessionId id, const proto::StatRequest&) {
    proto::StatResponse stat;
    stat.hp_version = hp_version;
    stat.ledger = engine_->lcl();
    stat.vote_status = engine_->vote_status();
    stat.round_time_ms = config().contract.patch.consensus.roundtime;
    stat.contract_execution_enabled = config().contract.execute;
    stat.read_requests_enabled = config().user.concurrent_read_requests != 0;
    stat.is_full_history_node = config().node.history == config::History::full;
    stat.weakly_connected = weakly_connected();
    stat.current_unl = list(config().contract.patch.unl);
    stat.node_version = version;
    users_->send(id, stat);
}

void Node::handle(user::SessionId id, const proto::LclRequest&) {
    users_->send(id, proto::LclResponse{engine_->lcl()});
}

void Node::handle(user::SessionId id, proto::InputRequest& request) {
    const user::Session* session = users_->find(id);
    if (session == nullptr) {
        return;
    }
    auto input = proto::make_signed_input(session->key(), session->encoding(),
                                          std::move(request.container), request.signature);
    if (!input) {
        const Hash32 hash = proto::input_hash(request.signature);
        users_->send(id, proto::InputStatus{proto::RejectReason::bad_msg_format,
                                            Bytes(hash.data.begin(), hash.data.end()),
                                            {}});
        users_->count_bad_message(id);
        return;
    }
    feed(consensus::InputIn{std::move(*input)});
}

void Node::handle(user::SessionId id, proto::ReadRequest& request) {
    const user::Session* session = users_->find(id);
    if (session == nullptr || !reads_ || !config().contract.execute) {
        return; // 6.5: ignored when reads are off
    }
    const PublicKey user = session->key();
    contract::RunSpec spec = run_spec();
    spec.readonly = true;
    spec.state_dir = executor_->base_state_dir();
    if (read_log_) {
        const std::string title = contract::make_read_title(engine_->lcl(), user, request.id);
        spec.log = contract::RunLog{&*read_log_, title};
    }
    spec.users.push_back({user, {std::make_shared<const Bytes>(std::move(request.content))}});
    const bool queued = reads_->submit(
        std::move(spec), [this, user, request_id = request.id](contract::RunResult result) {
            on_read_done(user, request_id, std::move(result));
        });
    if (queued) {
        return;
    }
    runs_.add_dropped_read();
    if (const auto left_out = log_limiter_.admit("read queue", clock_.now().mono_ms())) {
        log_.warning("read request dropped: too many waiting",
                     {{"user", user.short_hex()}, {"not_logged", *left_out}});
    }
}

void Node::on_read_done(const PublicKey& user, const std::string& request_id,
                        contract::RunResult result) {
    runs_.add_read(result);
    if (result.end != contract::RunEnd::exited || result.code != 0 || !result.notes.empty()) {
        const std::string end = contract::describe(result);
        if (const auto left_out = log_limiter_.admit(end, clock_.now().mono_ms())) {
            log_.warning("read request ended abnormally",
                         {{"user", user.short_hex()},
                          {"end", end},
                          {"note", result.notes.empty() ? std::string() : result.notes.front()},
                          {"not_logged", *left_out}});
        }
    }
    for (contract::UserOutputs& outputs : result.outputs) {
        for (Bytes& message : outputs.messages) {
            users_->send_to_user(user, proto::ReadResponse{request_id, std::move(message)});
        }
    }
}

void Node::handle(user::SessionId id, const proto::SubscriptionRequest& request) {
    if (user::Session* session = users_->find(id)) {
        session->subscribe(request.channel, request.enabled);
    }
}

void Node::handle(user::SessionId id, const proto::LedgerQuery& query) {
    const user::Session* session = users_->find(id);
    if (session == nullptr) {
        return;
    }
    const bool all_blobs = config().contract.patch.consensus.mode == config::Visibility::public_;
    query_worker_.submit([this, id, query, all_blobs, user = session->key()] {
        auto ledger = query_ledgers_->query(query.seq, query.inputs, query.outputs);
        proto::LedgerQueryResult result{query.id, !ledger, {}};
        if (ledger && *ledger) {
            if (!all_blobs) {
                ledger::hide_blobs_of_others(**ledger, user);
            }
            result.results.push_back(std::move(**ledger));
        }
        reactor_.post([this, id, result = std::move(result)] { users_->send(id, result); });
    });
}

// Connected UNL members, this node included, are fewer than 70 % (user-protocol.md section 11).
bool Node::weakly_connected() const {
    const std::set<PublicKey>& unl = config().contract.patch.unl;
    const std::size_t connected = unl.count(config().node.keys.public_key);
    return connected * 100 < unl.size() * 70;
}

void Node::publish_connectivity() {
    const bool weak = weakly_connected();
    if (last_weak_ != weak) {
        last_weak_ = weak;
        users_->publish(proto::Channel::health_event, proto::ConnectivityHealth{0, weak});
    }
}

} // namespace hp::node
