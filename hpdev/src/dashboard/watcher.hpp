// SPDX-License-Identifier: Apache-2.0
// Looks at a cluster a few times a second (cluster.json, the status of every node, what their logs
// gained) and publishes what has changed. A thread of its own from start() to the end.
#pragma once

#include "dashboard/feed.hpp"

#include <atomic>
#include <filesystem>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace hp::dev {

class Watcher {
public:
    // `feed` must outlive this object.
    Watcher(std::filesystem::path cluster_file, Feed& feed);
    ~Watcher();
    Watcher(const Watcher&) = delete;
    Watcher& operator=(const Watcher&) = delete;

    void start();

private:
    struct Node {
        unsigned number = 0;
        std::filesystem::path dir;
        std::string last_status;
        std::uintmax_t log_at = 0; // read so far
        bool log_seen = false;
    };

    void run();
    void look();
    void look_at_cluster();
    void look_at_node(Node& node);
    void follow_log(Node& node);

    const std::filesystem::path cluster_file_;
    Feed& feed_;
    std::string last_cluster_;
    std::vector<Node> nodes_;
    std::atomic<bool> stopping_ = false;
    std::thread thread_;
};

} // namespace hp::dev
