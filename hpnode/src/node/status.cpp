// SPDX-License-Identifier: Apache-2.0
#include "node/status.hpp"

#include <nlohmann/json.hpp>

#include "hp/base/version.hpp"

namespace hp::node {
namespace {

using Json = nlohmann::ordered_json;

Json run_json(const RunRecord& run) {
    Json out = {{"seq", run.seq},
                {"end", to_string(run.end)},
                {"code", run.code},
                {"what", contract::describe(as_result(run))},
                {"wall_ms", run.stats.wall_us / us_per_ms},
                {"cpu_ms", run.stats.cpu_us / us_per_ms},
                {"max_rss_kib", run.stats.max_rss_kib},
                {"input_bytes", run.stats.input_bytes},
                {"output_bytes", run.stats.output_bytes},
                {"outputs", run.outputs},
                {"budget_ms", run.budget_us / us_per_ms},
                {"over_budget", run.is_over_budget()},
                {"ahead", run.stats.ahead},
                {"post_exec", contract::to_string(run.post_exec.verdict)},
                {"void", !run.void_reason.empty()}};
    if (!run.void_reason.empty()) {
        out["void_reason"] = run.void_reason;
    }
    return out;
}

Json runs_json(const RunTotals& totals) {
    return {{"runs", totals.runs},
            {"abnormal", totals.abnormal()},
            {"exited_nonzero", totals.exited_nonzero},
            {"signaled", totals.signaled},
            {"timed_out", totals.timed_out},
            {"not_started", totals.not_started},
            {"post_exec_failed", totals.post_exec_failed},
            {"void", totals.voided},
            {"over_budget", totals.over_budget},
            {"cpu_ms", totals.cpu_us / us_per_ms}};
}

Json ledger_json(const StatusReport& report) {
    if (report.ledger.seq == 0) {
        return nullptr;
    }
    return {{"seq", report.ledger.seq},
            {"hash", report.ledger.hash.hex()},
            {"age_ms", report.ledger_age_ms}};
}

Json keys_json(const std::vector<PublicKey>& keys) {
    Json out = Json::array();
    for (const PublicKey& key : keys) {
        out.push_back(key.hex());
    }
    return out;
}

Json consensus_json(const StatusReport& report) {
    return {{"vote_status", proto::to_string(report.vote_status)},
            {"can_close_ledgers", report.no_quorum.empty()},
            {"why_not", report.no_quorum},
            {"catching_up", report.activity.empty() ? Json() : Json(report.activity)},
            {"suspended", report.suspended.empty() ? Json() : Json(report.suspended)},
            {"unl", report.unl},
            {"attempt", report.attempt},
            {"members_heard", report.members_heard},
            {"inputs_waiting", report.inputs_waiting},
            {"committed_by", keys_json(report.committed_by)},
            {"failed_attempts", report.failed_attempts},
            {"pace", report.eager ? "eager" : "paced"},
            {"roundtime_ms", report.roundtime_ms}};
}

Json rejected_json(const std::optional<RejectedPatch>& rejected) {
    if (!rejected) {
        return nullptr;
    }
    return {{"ledger", rejected->seq}, {"problem", rejected->problem}, {"count", rejected->count}};
}

Json peers_json(const StatusReport& report) {
    Json list = Json::array();
    for (const config::HostPort& peer : report.known_peers) {
        list.push_back(peer.host + ":" + std::to_string(peer.port));
    }
    return {{"port", report.peer_port},
            {"discovery", report.peer_discovery},
            {"known", std::move(list)},
            {"connected", keys_json(report.connected_peers)},
            {"messages_out", report.traffic.messages_out},
            {"bytes_out", report.traffic.bytes_out},
            {"messages_in", report.traffic.messages_in},
            {"bytes_in", report.traffic.bytes_in}};
}

Json contract_json(const StatusReport& report) {
    const ReadTotals& reads = report.runs.reads();
    const auto& last = report.runs.last();
    return {{"id", report.contract_id},
            {"version", report.contract_version},
            {"executes", report.executes},
            {"running", report.running ? Json(*report.running) : Json()},
            {"state_root", report.state_hash.hex()},
            {"config_root", report.config_hash.hex()},
            {"rejected_patch", rejected_json(report.rejected_patch)},
            {"last_run", last ? run_json(*last) : Json()},
            {"since_start", runs_json(report.runs.totals())},
            {"reads",
             {{"answered", reads.answered}, {"failed", reads.failed}, {"dropped", reads.dropped}}},
            {"sandbox", report.protection.sandbox},
            {"read_protection", report.protection.reads}};
}

} // namespace

std::string encode_status(const StatusReport& report) {
    const Json out = {{"schema", "hp.node.status/1"},
                      {"ok", true},
                      {"version", version},
                      {"hp_version", hp_version},
                      {"ledger_version", ledger_version},
                      {"pid", report.pid},
                      {"uptime_ms", report.uptime_ms},
                      {"directory", report.directory},
                      {"public_key", report.key.hex()},
                      {"role", report.role == config::Role::observer ? "observer" : "validator"},
                      {"ledger", ledger_json(report)},
                      {"consensus", consensus_json(report)},
                      {"contract", contract_json(report)},
                      {"users", {{"connected", report.users}, {"port", report.user_port}}},
                      {"peers", peers_json(report)}};
    // Names of files and texts of the system may be any bytes.
    return out.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

} // namespace hp::node
