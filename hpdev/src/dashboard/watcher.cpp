// SPDX-License-Identifier: Apache-2.0
#include "dashboard/watcher.hpp"

#include "clock.hpp"
#include "hp/base/limits.hpp"
#include "hp/config/contract_dir.hpp"
#include "hp/os/files.hpp"
#include "hp/os/local_socket.hpp"

#include <algorithm>
#include <chrono>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace hp::dev {
namespace {

using Json = nlohmann::ordered_json;

constexpr auto interval = std::chrono::milliseconds(200);
constexpr std::int64_t status_wait_ms = 500; // a node that is paused does not answer
constexpr std::size_t cluster_bytes_max = 4 << 20;
constexpr std::size_t log_bytes_max = 64 << 10; // of a node in one look; a flood is cut
constexpr std::size_t log_first_bytes = 8 << 10;

std::string dump(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Null when the node does not answer.
Json ask_status(const std::filesystem::path& dir) {
    const auto socket = os::connect_local(config::ContractDir{dir}.status_socket());
    if (!socket) {
        return nullptr;
    }
    const auto text = os::read_to_end(*socket, limits::status_bytes_max, status_wait_ms);
    if (!text) {
        return nullptr;
    }
    const Json status = Json::parse(text->begin(), text->end(), nullptr, false);
    return status.is_object() ? status : Json();
}

// Without what changes all the time, so that an idle node is silent.
Json essence(Json status) {
    if (status.is_object()) {
        status.erase("uptime_ms");
        if (status.contains("ledger") && status["ledger"].is_object()) {
            status["ledger"].erase("age_ms");
        }
    }
    return status;
}

} // namespace

Watcher::Watcher(std::filesystem::path cluster_file, Feed& feed)
    : cluster_file_(std::move(cluster_file)), feed_(feed) {}

Watcher::~Watcher() {
    stopping_ = true;
    if (thread_.joinable()) {
        thread_.join();
    }
}

void Watcher::start() {
    thread_ = std::thread([this] { run(); });
}

void Watcher::run() {
    while (!stopping_) {
        look();
        std::this_thread::sleep_for(interval);
    }
}

void Watcher::look() {
    look_at_cluster();
    for (Node& node : nodes_) {
        look_at_node(node);
        follow_log(node);
    }
}

void Watcher::look_at_cluster() {
    const auto file = os::read_file(cluster_file_, cluster_bytes_max);
    if (!file || to_text(*file) == last_cluster_) {
        return;
    }
    last_cluster_ = to_text(*file);
    const Json cluster = Json::parse(last_cluster_, nullptr, false);
    const auto nodes = cluster.is_object() ? cluster.find("nodes") : cluster.end();
    if (nodes == cluster.end() || !nodes->is_array()) {
        return; // not ours: nothing to show
    }
    std::vector<Node> now;
    for (const Json& item : *nodes) {
        Node node{item.value("number", 0U), item.value("dir", std::string()), {}, 0, false};
        const auto known = std::ranges::find(nodes_, node.dir, &Node::dir);
        now.push_back(known == nodes_.end() ? std::move(node) : std::move(*known));
    }
    nodes_ = std::move(now);
    feed_.publish("cluster", dump(cluster));
}

void Watcher::look_at_node(Node& node) {
    Json out = {
        {"number", node.number}, {"time_ms", now_wall_ms()}, {"status", ask_status(node.dir)}};
    std::string text = dump(essence(out["status"]));
    if (text != node.last_status) {
        node.last_status = std::move(text);
        feed_.publish("node", dump(out));
    }
}

// Whole lines that the node's log has gained.
void Watcher::follow_log(Node& node) {
    const auto file = os::open_file(config::ContractDir{node.dir}.log() / "hp.log", O_RDONLY);
    if (!file) {
        return;
    }
    const off_t end = ::lseek(file->get(), 0, SEEK_END);
    const auto size = static_cast<std::uintmax_t>(std::max<off_t>(end, 0));
    if (size < node.log_at) {
        node.log_at = 0; // a new file
    }
    const std::uintmax_t most = node.log_seen ? log_bytes_max : log_first_bytes;
    const std::uintmax_t from = size - node.log_at > most ? size - most : node.log_at;
    std::string text(static_cast<std::size_t>(size - from), '\0');
    const ssize_t got = ::pread(file->get(), text.data(), text.size(), static_cast<off_t>(from));
    text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    text.resize(text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1);
    if (text.empty()) {
        return;
    }
    const bool cut = from != node.log_at;
    node.log_at = from + text.size();
    node.log_seen = true;
    if (cut) {
        text.erase(0, text.find('\n') + 1);
    }
    Json lines = Json::array();
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t line_end = text.find('\n', at);
        lines.push_back(text.substr(at, line_end - at));
        at = line_end + 1;
    }
    if (!lines.empty()) {
        feed_.publish("log", dump({{"number", node.number}, {"lines", std::move(lines)}}));
    }
}

} // namespace hp::dev
