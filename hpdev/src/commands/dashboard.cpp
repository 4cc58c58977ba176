// SPDX-License-Identifier: Apache-2.0
// dashboard: serves a cluster's web page until it is told to end. `up` starts it beside the nodes.
#include "cli/json_writer.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"
#include "cluster/places.hpp"
#include "commands.hpp"
#include "dashboard/server.hpp"
#include "dashboard/tool.hpp"
#include "dashboard/watcher.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <sodium.h>

namespace hp::dev {
namespace {

using cli::Answer;
using cli::Args;
using cli::CommandInfo;
using cli::OptionInfo;
using cli::Outcome;
using cli::Scope;

constexpr std::size_t feed_events_max = 4096;

std::string random_token() {
    std::array<unsigned char, 16> bytes{};
    randombytes_buf(bytes.data(), bytes.size());
    return to_hex(ByteView(bytes));
}

// Blocked in all threads, so that this one can wait for them.
sigset_t end_signals() {
    sigset_t set{};
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

Outcome run_dashboard(const Args& args) {
    std::uint64_t port = 0;
    cli::OptionReader options(args);
    options.count("port", port);
    if (auto read = options.done(true); !read) {
        return tl::unexpected(std::move(read.error()));
    }
    if (port > UINT16_MAX) {
        return cli::failure(cli::ErrorId::usage, "--port: 1 to 65535");
    }
    HP_DEV_TRY(const Cluster cluster, find_cluster(args));
    const sigset_t signals = end_signals();
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);

    Feed feed(feed_events_max);
    Watcher watcher(cluster.file(), feed);
    DashboardServer server(
        feed,
        [folder = cluster.project, name = cluster.name](const std::string& tool,
                                                        std::vector<std::string> words) {
            const std::array<std::string, 2> which = {"--cluster", name};
            words.insert(std::ranges::find(words, "--"), which.begin(), which.end());
            return run_tool(tool, words, folder);
        },
        random_token());
    HP_DEV_TRY(const std::string url, server.start(static_cast<std::uint16_t>(port)));
    watcher.start();
    const std::string line =
        args.json ? cli::document(args.schema).add("url", url).text() + "\n" : url + "\n";
    if (auto written = cli::write_answer(line); !written) {
        return tl::unexpected(std::move(written.error()));
    }
    int signal = 0;
    ::sigwait(&signals, &signal);
    return Answer{};
}

constexpr std::array dashboard_options = {
    OptionInfo{"--port", "N", "where to listen on 127.0.0.1 (default: a free one from 7878 on)"},
};

constexpr std::array dashboard_table = {
    CommandInfo{"dashboard", "", 0, 0, Scope::online,
                "Serve the web page of a cluster until Ctrl-C; its URL is the answer",
                "hpdev dashboard", "hpdev dashboard --port 7878 --json | jq -r .url",
                dashboard_options, "ok:bool url:text", run_dashboard},
};

} // namespace

cli::Commands dashboard_commands() {
    return dashboard_table;
}

} // namespace hp::dev
