// SPDX-License-Identifier: Apache-2.0
// The dashboard's web server: one page with its script and style, one stream of events, and
// commands of hpdev and hpcli over REST, whose answers are exactly what those print with --json.
// Loopback only. Every request but those for the page itself carries the token, and none is
// answered that a page of another origin or a rebound name could have made.
//
// One thread a connection; start() and stop() belong to one thread.
#pragma once

#include "cluster/expected.hpp"
#include "dashboard/feed.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace hp::dev {

// What a command printed, and how it ended.
struct ToolAnswer {
    int exit_code = 0;
    std::string json; // one document
};

class DashboardServer {
public:
    // Runs `hpdev` or `hpcli` with these arguments. Any thread.
    using RunTool =
        std::function<ToolAnswer(const std::string& tool, const std::vector<std::string>&)>;

    // `feed` must outlive this object.
    DashboardServer(Feed& feed, RunTool run_tool, std::string token);
    ~DashboardServer();
    DashboardServer(const DashboardServer&) = delete;
    DashboardServer& operator=(const DashboardServer&) = delete;

    // Listens on 127.0.0.1. Port 0: the first free one from 7878 on. Its URL, token included.
    Expected<std::string> start(std::uint16_t port);
    void stop();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace hp::dev
