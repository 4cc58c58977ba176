// SPDX-License-Identifier: Apache-2.0
// What the node tells about itself, in its log and to `hpnode status`, and the peers it knows.
#include <algorithm>
#include <map>

#include <unistd.h>

#include "hp/os/local_socket.hpp"
#include "node/node.hpp"

namespace hp::node {
// --- runs and quorum -----------------------------------------------------------------------------

// One line a run; only what is out of the ordinary is worth one at the usual log level.
void Node::note_run(const Execution& execution) {
    RunRecord run{execution.result->seq, execution.end,     execution.code,        execution.stats,
                  execution.post_exec,   execution.outputs, execution.void_reason, 0};
    // A round has to wait for the run of the one before it.
    run.budget_us = std::int64_t{config().contract.patch.consensus.roundtime} * us_per_ms;
    const auto write = run.is_normal() ? &Log::debug : &Log::info;
    (consensus_log_.*write)("contract run", {{"seq", run.seq},
                                             {"end", to_string(run.end)},
                                             {"code", run.code},
                                             {"wall_ms", run.stats.wall_us / us_per_ms},
                                             {"cpu_ms", run.stats.cpu_us / us_per_ms},
                                             {"max_rss_kib", run.stats.max_rss_kib},
                                             {"input_bytes", run.stats.input_bytes},
                                             {"output_bytes", run.stats.output_bytes},
                                             {"outputs", run.outputs},
                                             {"void", !run.void_reason.empty()},
                                             {"over_budget", run.is_over_budget()},
                                             {"ahead", run.stats.ahead}});
    if (run.is_over_budget()) {
        if (const auto left_out = log_limiter_.admit("budget", clock_.now().mono_ms())) {
            consensus_log_.warning("the contract ran longer than a round; the next ledger is late",
                                   {{"seq", run.seq},
                                    {"wall_ms", run.stats.wall_us / us_per_ms},
                                    {"budget_ms", run.budget_us / us_per_ms},
                                    {"not_logged", *left_out}});
        }
    }
    runs_.add(std::move(run));
}

// Users get no outputs then, and only the nodes know why. Who differs is in the block.
void Node::explain_disagreement(const consensus::Block& block) const {
    if (block.mode == consensus::ResultMode::certified) {
        return;
    }
    std::map<consensus::ResultClaim, std::string> members;
    for (const consensus::SignedResult& result : block.evidence) {
        members[result.claim] += " " + result.by.member.short_hex();
    }
    std::string results;
    for (const auto& [claim, keys] : members) {
        results += (results.empty() ? "state " : "; state ") + claim.state_hash.short_hex() +
                   " patch " + claim.config_hash.short_hex() + " outputs " +
                   claim.output_root.short_hex() + " on" + keys;
    }
    const bool most = block.mode == consensus::ResultMode::plurality;
    consensus_log_.warning("nodes disagree about what a run gave; its outputs are dropped",
                           {{"seq", block.header.seq - 1},
                            {"goes_on_with", most ? "the state of most" : "the state before it"},
                            {"results", results}});
}

// Whoever wrote the threshold thinks that fewer are enough. With the config that is in force.
void Node::explain_threshold() const {
    const config::Patch& patch = config().contract.patch;
    const std::size_t members = patch.unl.size();
    const std::size_t asked_for = consensus::by_threshold(members, patch.consensus.threshold);
    const std::size_t used = consensus::quorum(members, patch.consensus.threshold);
    if (asked_for < used) {
        consensus_log_.warning("contract.consensus.threshold is too low and not used: two groups "
                               "of so few members could close different ledgers; a majority has "
                               "to take part",
                               {{"threshold", patch.consensus.threshold},
                                {"would_be", asked_for},
                                {"used", used},
                                {"members", members}});
    }
}

// Silence would look like a hang: say why no ledger will close.
void Node::explain_no_quorum() const {
    if (const std::string why = no_quorum_reason(); !why.empty()) {
        consensus_log_.error("no ledger can close: " + why);
    }
}

std::string Node::no_quorum_reason() const {
    const consensus::Validators& validators = engine_->validators();
    const bool member = validators.contains(config().node.keys.public_key);
    const bool observer = config().node.role == config::Role::observer;
    const proto::VoteStatus vote = engine_->vote_status();
    // A node that is behind knows of ledgers that others closed; one that is suspended knows
    // nothing.
    if (decides_alone() || is_suspended() || vote == proto::VoteStatus::synced ||
        vote == proto::VoteStatus::desync) {
        return {};
    }
    return "the UNL has " + std::to_string(validators.size()) + " members, of which " +
           std::to_string(validators.quorum()) + " have to take part; heard from " +
           std::to_string(engine_->members_heard(clock_.now())) +
           (member && !observer ? ", this node included"
            : observer          ? ", this node is an observer"
                                : ", this node is not in the UNL");
}

// --- peers ---------------------------------------------------------------------------------------

// Contract-protocol.md 8.5.
void Node::on_peer_changeset(const contract::PeerChangeset& changes) {
    const TimeMs now = clock_.now().mono_ms();
    if (config().mesh.peer_discovery) {
        if (const auto left_out = log_limiter_.admit("peer_changeset", now)) {
            log_.warning("peer_changeset of the contract ignored: mesh.peer_discovery is enabled",
                         {{"not_logged", *left_out}});
        }
        return;
    }
    const KnownPeers::Change change =
        known_peers_.apply(changes.add, changes.remove, changes.remove_all);
    if (change.left_out > 0) {
        if (const auto left_out = log_limiter_.admit("known peers", now)) {
            log_.warning("the contract knows too many peers; the last ones are left out",
                         {{"known", known_peers_.list().size()},
                          {"left_out", change.left_out},
                          {"not_logged", *left_out}});
        }
    }
    if (change.added + change.removed > 0) {
        log_.info("known peers changed by the contract", {{"added", change.added},
                                                          {"removed", change.removed},
                                                          {"known", known_peers_.list().size()}});
    }
}

// Only in good order: a node that failed to write its storage has other worries.
void Node::save_known_peers() {
    if (!known_peers_.is_changed()) {
        return;
    }
    const auto saved = config::update(dir_, config(), [this](config::Config& stored) {
        stored.mesh.known_peers = known_peers_.to_store(stored.mesh.known_peers);
    });
    if (!saved) {
        log_.warning("hp.cfg was left without the peers known at the end",
                     {{"why", saved.err().context}});
    }
}

// --- status --------------------------------------------------------------------------------------

// Whoever may read the node's directory as its owner may ask it how it is. It runs without, too.
void Node::open_status_socket() {
    auto socket = os::listen_local(dir_.status_socket());
    if (!socket) {
        log_.warning("hpnode status will not work", {{"why", socket.err().context}});
        return;
    }
    status_server_ = std::make_unique<net::DocumentServer>(
        reactor_, std::move(*socket), [this] { return encode_status(status_report()); });
}

void Node::close_status_socket() {
    if (status_server_) {
        status_server_.reset();
        ::unlink(dir_.status_socket().c_str());
    }
}

StatusReport Node::status_report() const {
    const config::Patch& patch = config().contract.patch;
    const Instant now = clock_.now();
    StatusReport out;
    out.pid = ::getpid();
    out.uptime_ms = (now.mono_us - started_mono_us_) / us_per_ms;
    out.directory = dir_.root.string();
    out.key = config().node.keys.public_key;
    out.contract_id = config().contract.id;
    out.contract_version = patch.version;
    out.role = config().node.role;
    out.executes = config().contract.execute;
    out.ledger = engine_->lcl();
    out.ledger_age_ms = std::max<TimeMs>(0, now.wall_ms - lcl_time_ms_);
    out.vote_status = vote_status();
    out.suspended = suspended_why();
    out.no_quorum = no_quorum_reason();
    out.activity = activity();
    out.unl = patch.unl.size();
    out.attempt = engine_->attempt();
    out.members_heard = engine_->members_heard(clock_.now());
    out.inputs_waiting = engine_->candidates();
    out.committed_by = committed_by_;
    out.failed_attempts = failed_attempts_;
    out.eager = config::is_eager(config().node.pace, patch);
    out.roundtime_ms = patch.consensus.roundtime;
    out.users = users_->verified_sessions();
    out.user_port = users_->port();
    out.running = running_;
    out.state_hash = roots_.state;
    out.config_hash = roots_.config;
    out.runs = runs_;
    out.rejected_patch = agreed_.rejected();
    out.known_peers = known_peers_.list();
    out.connected_peers = peers_->connected();
    out.peer_port = peers_->port();
    out.traffic = peers_->traffic();
    out.peer_discovery = config().mesh.peer_discovery;
    out.protection = protection_;
    return out;
}

} // namespace hp::node
