// SPDX-License-Identifier: Apache-2.0
#include "node/node.hpp"

#include <algorithm>
#include <csignal>
#include <thread>

#include "consensus/message_codec.hpp"
#include "hp/base/limits.hpp"
#include "hp/base/version.hpp"

namespace hp::node {
namespace {

// Signatures are what a busy node spends most of its time on.
std::size_t verify_threads() {
    return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 16);
}

constexpr std::int64_t goodbye_us = 300'000; // for close frames on the way out

std::vector<ledger::RecentUser> recent_users(const consensus::Snapshot& snapshot) {
    std::vector<ledger::RecentUser> out;
    for (const consensus::RecentUser& user : snapshot.recent) {
        out.push_back({user.user, user.last_nonce, user.expires});
    }
    return out;
}

} // namespace

Node::Node(config::ContractDir dir, config::Config config, Launchers launchers, Log log)
    : dir_(dir), log_(log), consensus_log_(log.module("consensus")),
      started_mono_us_(clock_.now().mono_us), agreed_(dir, std::move(config), log.module("config")),
      disk_room_({dir.ledger_fs(), dir.contract_fs()},
                 agreed_.config().node.disk_reserve_mbytes * limits::mib),
      known_peers_(agreed_.config().mesh.known_peers), launchers_(std::move(launchers)),
      wake_timer_(reactor_), stop_timer_(reactor_), config_timer_(reactor_),
      discovery_timer_(reactor_), inputs_timer_(reactor_), disk_timer_(reactor_),
      signer_(agreed_.config().node.keys), verify_workers_(verify_threads(), "hp-verify"),
      storage_worker_(1, "hp-storage"), query_worker_(1, "hp-query"), sync_worker_(1, "hp-sync") {}

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
    open_status_socket();
    if (dev_) {
        HP_TRY_STATUS(open_dev_port());
    }
    HP_TRY_STATUS(open_peer_port());
    HP_TRY_STATUS(open_user_port()); // last: who finds it open may use all the others
    watch_disk();
    return {};
}

Status Node::open_dev_port() {
    DevPort::Handlers handlers;
    handlers.lcl = [this] { return engine_->lcl().seq; };
    handlers.deploy = [this](const DeployOrder& order) { executor_->deploy(order); };
    handlers.faults = [this](const FaultOrder& order) {
        peers_->set_faults(LinkFaults(order.links, order.seed));
    };
    return dev_->listen(reactor_, std::move(handlers));
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
    peers_->stop();
    catch_up_->stop();
    late_outputs_->stop();
    config_timer_.cancel();
    discovery_timer_.cancel();
    inputs_timer_.cancel();
    disk_timer_.cancel();
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

void Node::post_fatal(const Error& error) {
    reactor_.post([this, error] { fatal(error); });
}

// --- engine --------------------------------------------------------------------------------------

consensus::Params Node::engine_params() const {
    const config::Patch& patch = config().contract.patch;
    consensus::Params params;
    params.roundtime_ms = patch.consensus.roundtime;
    params.eager = config::is_eager(config().node.pace, patch);
    params.stage_slice = patch.consensus.stage_slice;
    params.threshold_percent = patch.consensus.threshold;
    params.unl = patch.unl;
    params.max_input_ledger_offset = patch.max_input_ledger_offset;
    params.user_input_bytes = patch.round_limits.user_input_bytes;
    return params;
}

// Performing an effect may produce further events; they wait their turn.
void Node::feed(consensus::Event event) {
    if (is_suspended()) {
        held_.hold(std::move(event));
        return;
    }
    events_.push_back(std::move(event));
    if (feeding_ || stopping_) {
        return;
    }
    feeding_ = true;
    while (!events_.empty() && !stopping_) {
        const consensus::Event next = std::move(events_.front());
        events_.pop_front();
        const auto* message = std::get_if<consensus::MessageIn>(&next);
        if (message != nullptr && !engine_->may_have_forgotten() &&
            !engine_->remembers(message->message)) {
            step(consensus::VotesForgotten{});
        }
        step(next);
    }
    feeding_ = false;
}

void Node::step(const consensus::Event& event) {
    consensus::Effects effects;
    engine_->step(clock_.now(), event, effects);
    remember_forgetting();
    perform_all(effects);
    watch_distance();
}

// Whether the vote log is whole outlives this process. What is appended later comes after it.
void Node::remember_forgetting() {
    if (votes_complete_ != engine_->may_have_forgotten()) {
        return;
    }
    votes_complete_ = !votes_complete_;
    storage_worker_.submit([this, complete = votes_complete_] {
        if (const auto stored = votes_->set_complete(complete); !stored) {
            post_fatal(stored.err());
        }
    });
}

void Node::perform_all(const consensus::Effects& effects) {
    for (const consensus::Effect& effect : effects) {
        std::visit([this](const auto& e) { perform(e); }, effect);
    }
}

// In order, because it is in this order that the others hear of them: of two inputs of a user the
// one with the lower nonce must not come second.
void Node::perform(const consensus::VerifyInput& effect) {
    verify_workers_.submit([this, input = effect.input, number = verdicts_.expect()] {
        const bool good = proto::verify_signature(*input);
        reactor_.post([this, input, good, number] {
            for (consensus::InputVerified& next : verdicts_.arrived(number, {input, good})) {
                feed(std::move(next));
            }
        });
    });
}

void Node::perform(const consensus::TellStatus& effect) {
    users_->send_or_keep(effect.user, effect.status, sizeof(proto::InputStatus));
}

void Node::perform(const consensus::AppendLog& effect) {
    std::vector<ledger::VoteRecord> records;
    for (const consensus::LogRecord& record : effect.records) {
        records.push_back({record.height, consensus::encode_record(record)});
    }
    storage_worker_.submit([this, number = effect.number, records = std::move(records)] {
        if (const auto stored = votes_->append(records); !stored) {
            post_fatal(stored.err());
            return;
        }
        reactor_.post([this, number] { feed(consensus::Logged{number}); });
    });
}

void Node::perform(const consensus::Persist& effect) {
    committed_by_.clear();
    for (const consensus::Signed& vote : effect.certified->commit->votes) {
        committed_by_.push_back(vote.member);
    }
    failed_attempts_ += effect.certified->commit->attempt;
    explain_disagreement(*effect.certified->block);
    storage_worker_.submit(
        [this, ledger = effect.ledger, certified = effect.certified, joined = effect.joined] {
            const Bytes proof = consensus::encode_proof(*certified->block, *certified->commit);
            const Bytes link =
                consensus::encode_link(consensus::make_link(*certified->block, certified->commit));
            const auto stored = joined ? ledgers_->join(*ledger, proof, recent_users(*joined))
                                       : ledgers_->append(*ledger, proof, link);
            if (!stored) {
                post_fatal(stored.err());
                return;
            }
            votes_->decided(ledger->header.seq);
            reactor_.post([this, seq = ledger->header.seq, certified] {
                feed(consensus::Persisted{seq});
                tell_followers(certified);
            });
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
    took_part_in_ = effect.took_part ? header.seq : 0;
    look_at_disk();
    prepare_joined_config({header.seq, header.config_hash});
    adopt_config({header.seq, header.config_hash});
    on_outputs_agreed(effect);
    users_->publish(proto::Channel::ledger_event, proto::LedgerCreated{header});
    users_->publish(proto::Channel::health_event, proposals_.take());
    publish_connectivity();
}

void Node::perform(const consensus::Execute& effect) {
    if (!config().contract.execute) {
        executor_->execute(effect.ledger, std::nullopt);
        return;
    }
    const proto::LedgerHeader& header = effect.ledger->header;
    running_ = header.seq;
    contract::RunSpec spec = run_spec(effect.unl_active_on);
    spec.timestamp = header.timestamp_ms;
    spec.lcl = LedgerId{header.seq, header.hash};
    spec.tracked = tracked_;
    const PublicKey& self = config().node.keys.public_key;
    spec.npl_enabled = config().node.role == config::Role::validator &&
                       config().contract.patch.unl.count(self) != 0;
    if (run_log_) {
        spec.log = contract::RunLog{&*run_log_, contract::make_run_title(*spec.lcl)};
    }
    if (dev_) {
        dev_->distort(spec);
    }
    if (took_part_in_ == header.seq) {
        if (auto patch = agreed_.propose_edit(header.seq)) {
            executor_->edit_patch(header.seq, std::move(*patch));
        }
    }
    executor_->execute(effect.ledger, std::move(spec));
}

void Node::perform(const consensus::Report& effect) {
    if (effect.members.empty()) { // about this node
        consensus_log_.warning(effect.what);
        return;
    }
    std::string members;
    for (const PublicKey& member : effect.members) {
        members += (members.empty() ? "" : " ") + member.hex();
    }
    consensus_log_.error("a member contradicts itself or others",
                         {{"what", effect.what}, {"members", members}});
}

void Node::perform(const consensus::StatusChanged& effect) {
    consensus_log_.info("vote status", {{"status", proto::to_string(effect.status)}});
    if (is_suspended()) {
        return; // users were told that, too
    }
    users_->publish(proto::Channel::ledger_event, proto::VoteStatusEvent{effect.status});
    explain_no_quorum();
}

void Node::perform(const consensus::WakeAt& effect) {
    wake_timer_.arm_at(effect.mono_us, [this] { feed(consensus::Tick{}); });
}

// --- ledgers -------------------------------------------------------------------------------------

// The engine goes on to the next height when the configuration of it is known.
void Node::adopt_config(const AgreedHash& ledger) {
    const std::set<PublicKey> unl_before = config().contract.patch.unl;
    const std::uint32_t threshold_before = config().contract.patch.consensus.threshold;
    const auto outcome = agreed_.decided(ledger);
    if (!outcome) {
        fatal(outcome.err());
        return;
    }
    if (*outcome == AgreedConfig::Outcome::unknown && !decides_alone()) {
        wanted_config_ = ledger;
        log_.info("asking peers for the configuration of a ledger", {{"seq", ledger.seq}});
        ask_for_config();
        return;
    }
    feed(consensus::ConfigInForce{engine_params()});   // of every ledger, changed or not
    reactor_.post([this] { check_early_messages(); }); // once the engine is at the next height
    if (*outcome != AgreedConfig::Outcome::changed) {
        return;
    }
    const std::set<PublicKey>& unl = config().contract.patch.unl;
    if (unl.size() != unl_before.size() ||
        config().contract.patch.consensus.threshold != threshold_before) {
        explain_threshold();
    }
    if (unl != unl_before) {
        users_->publish(proto::Channel::unl_change, proto::UnlChange{{unl.begin(), unl.end()}});
    }
}

void Node::on_executed(Execution execution) {
    running_.reset();
    roots_ = {execution.result->state_hash, execution.result->config_hash};
    late_outputs_->on_own(execution.result);
    if (execution.contract_ran) {
        note_run(execution);
    }
    if (execution.patch) {
        keep_config(execution.result->config_hash, *execution.patch);
        agreed_.pending(execution.result->config_hash, std::move(*execution.patch));
    }
    feed(consensus::ResultReady{execution.result});
}

// What both kinds of runs have in common.
contract::RunSpec Node::run_spec(const std::map<PublicKey, TimeMs>& active_on) const {
    const config::Contract& contract = config().contract;
    contract::RunSpec spec;
    spec.hp_version = hp_version;
    spec.contract_id = contract.id;
    spec.node_keys = config().node.keys;
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

// Connected UNL members, this node included, are fewer than 70 % (user-protocol.md section 11).
bool Node::weakly_connected() const {
    const std::set<PublicKey>& unl = config().contract.patch.unl;
    const auto connected = std::count_if(unl.begin(), unl.end(), [this](const PublicKey& key) {
        return key == config().node.keys.public_key || inboxes_.count(key) != 0;
    });
    return static_cast<std::size_t>(connected) * 100 < unl.size() * 70;
}

void Node::publish_connectivity() {
    ask_to_forward();
    const bool weak = weakly_connected();
    if (last_weak_ != weak) {
        last_weak_ = weak;
        users_->publish(proto::Channel::health_event,
                        proto::ConnectivityHealth{inboxes_.size(), weak});
    }
}

} // namespace hp::node
