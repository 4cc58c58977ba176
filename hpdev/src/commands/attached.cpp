// SPDX-License-Identifier: Apache-2.0
#include "commands/attached.hpp"

#include "clock.hpp"
#include "cluster/control.hpp"
#include "cluster/log_records.hpp"
#include "commands/end_signals.hpp"
#include "commands/log_text.hpp"
#include "commands/notes.hpp"

namespace hp::dev {
namespace {

constexpr std::int64_t look_ms = 100;
constexpr std::int64_t stop_timeout_ms = 5000;

void note_event(const cli::Args& args, const Json& event) {
    const std::string state = event.value("state", "");
    if (state != "failed") {
        return;
    }
    note(args, event.value("name", "") + " ended unexpectedly: " + event.value("what", ""));
    for (const Json& line : event.value("log", Json::array())) {
        if (line.is_string() && !args.quiet) {
            cli::write_note("  " + printable_log(line.get<std::string>()) + "\n");
        }
    }
}

// Sends "down" once and, at the second signal, again without patience.
Done ask_to_end(ControlClient& client, EndSignals& signals, int& told) {
    const int seen = signals.count();
    if (seen > told) {
        HP_DEV_TRY_STATUS(client.send(
            {{"verb", "down"}, {"timeout_ms", seen > 1 ? std::int64_t{0} : stop_timeout_ms}}));
        told = seen;
    }
    return {};
}

cli::Outcome follow(const cli::Args& args, const Cluster& cluster, EndSignals& signals) {
    HP_DEV_TRY(ControlClient client, ControlClient::connect(cluster));
    HP_DEV_TRY_STATUS(client.send({{"verb", "events"}, {"topics", {"node"}}}));
    LogWish wish;
    for (const ClusterNode& node : cluster.nodes) {
        wish.nodes.push_back(node.number);
    }
    LogReader logs(cluster, wish);
    int told = 0;
    for (;;) {
        auto line = client.receive(look_ms);
        if (!line) {
            break; // it has ended, as it was asked to or not
        }
        if (*line && (*line)->contains("event")) {
            note_event(args, **line);
        }
        if (!args.json) {
            for (const LogRecord& record : logs.more()) {
                if (auto written = cli::write_answer(log_line(record, true)); !written) {
                    (void)control(cluster, {{"verb", "down"}}, stop_timeout_ms * 2);
                    return tl::unexpected(std::move(written.error()));
                }
            }
        }
        if (!ask_to_end(client, signals, told)) {
            break;
        }
    }
    if (told == 0) {
        return cli::failure(cli::ErrorId::cluster_down, "the cluster was taken down");
    }
    return cli::Answer{};
}

} // namespace

cli::Outcome stay_attached(const cli::Args& args, const Cluster& cluster,
                           const cli::Answer& answer) {
    EndSignals signals;
    if (auto written = cli::write_answer(answer.text); !written) {
        (void)end_cluster(cluster, stop_timeout_ms);
        return tl::unexpected(std::move(written.error()));
    }
    note(args, "Ctrl-C stops it");
    auto out = follow(args, cluster, signals);
    HP_DEV_TRY(const Ended ended, end_cluster(cluster, stop_timeout_ms));
    for (const std::string& what : ended.left) {
        note(args, "left behind: " + what);
    }
    if (out && ended.left.empty()) {
        note(args, "stopped, nothing is left");
    }
    return out;
}

} // namespace hp::dev
