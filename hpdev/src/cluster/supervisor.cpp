// SPDX-License-Identifier: Apache-2.0
#include "cluster/supervisor.hpp"

#include "clock.hpp"
#include "cluster/control.hpp"
#include "cluster/node_folder.hpp"
#include "cluster/node_process.hpp"
#include "hp/client/rfc3339.hpp"
#include "hp/os/local_socket.hpp"

#include <algorithm>
#include <csignal>
#include <iostream>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

namespace hp::dev {
namespace {

constexpr std::int64_t stop_timeout_ms = 5000;
constexpr std::int64_t stray_timeout_ms = 3000; // helpers that end with their node
constexpr int idle_ms = 1000;
constexpr std::int64_t dashboard_timeout_ms = 5000; // it takes some 20 ms

} // namespace

Supervisor::Supervisor(Cluster cluster, ClusterLock lock, PortReservations ports,
                       bool with_dashboard)
    : cluster_(std::move(cluster)), lock_(std::move(lock)), ports_(std::move(ports)),
      with_dashboard_(with_dashboard) {}

Supervisor::~Supervisor() = default;

void Supervisor::note(const std::string& text) const {
    std::cerr << client::rfc3339(now_wall_ms()) << " " << text << std::endl;
}

void Supervisor::save() {
    if (const auto saved = save_cluster(cluster_); !saved) {
        note(saved.error().message); // the cluster goes on; only its file is behind
    }
}

Done Supervisor::start() {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    sigset_t wanted;
    ::sigemptyset(&wanted);
    for (const int signal : {SIGCHLD, SIGTERM, SIGINT, SIGHUP}) {
        ::sigaddset(&wanted, signal);
    }
    ::sigprocmask(SIG_BLOCK, &wanted, nullptr);
    signals_ = os::Fd(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
    HP_DEV_TRY(os::Fd listening, os::listen_local(cluster_.control));
    server_ = std::make_unique<ControlServer>(
        std::move(listening),
        [this](ClientId client, const Json& request) { on_request(client, request); });
    cluster_.supervisor = mark_of(::getpid());
    lock_.record(cluster_.supervisor);
    cluster_.dashboard.reset();
    begin_dashboard();
    for (ClusterNode& node : cluster_.nodes) {
        HP_DEV_TRY_STATUS(start_one(node));
    }
    finish_dashboard();
    return save_cluster(cluster_);
}

// In two parts, so that it starts while the nodes do.
void Supervisor::begin_dashboard() {
    if (!with_dashboard_) {
        return;
    }
    if (auto started = start_dashboard(cluster_)) {
        dashboard_ = *std::move(started);
    } else {
        note(started.error().message);
    }
}

void Supervisor::finish_dashboard() {
    if (dashboard_.pid == 0) {
        return;
    }
    if (auto url = read_dashboard_url(dashboard_, dashboard_timeout_ms)) {
        cluster_.dashboard = *std::move(url);
        note("dashboard started, process " + std::to_string(dashboard_.pid));
    } else {
        note(url.error().message);
        ::kill(dashboard_.pid, SIGKILL);
    }
}

void Supervisor::run() {
    while (!is_over()) {
        std::vector<pollfd> polled = {{signals_.get(), POLLIN, 0}};
        server_->add_descriptors(polled);
        ::poll(polled.data(), polled.size(), next_timeout_ms());
        on_signals();
        server_->on_ready(polled);
        on_deadlines();
        finish_waiting();
    }
    close();
}

int Supervisor::next_timeout_ms() const {
    std::int64_t next_ms = now_mono_ms() + idle_ms;
    for (const auto& [number, at_ms] : kill_at_ms_) {
        next_ms = std::min(next_ms, at_ms);
    }
    next_ms = std::min(next_ms, strays_at_ms_.value_or(next_ms));
    return static_cast<int>(std::max<std::int64_t>(0, next_ms - now_mono_ms()));
}

// --- nodes ---------------------------------------------------------------------------------------

Done Supervisor::start_one(ClusterNode& node) {
    if (node.has_process()) {
        return {};
    }
    for (const std::uint16_t port : {node.user_port, node.peer_port}) {
        if (is_port_busy(port)) { // who has reserved nothing may have it; the node would only end
            return cli::failure(cli::ErrorId::port_taken,
                                "port " + std::to_string(port) + " of " + node.name() +
                                    " is in use by something else",
                                "end that; or hpdev down and up, which finds others");
        }
    }
    HP_DEV_TRY(node.process, start_node(cluster_.program, node));
    node.state = NodeState::running;
    node.end.reset();
    note(node.name() + " started, process " + std::to_string(node.process.pid));
    publish_node(node);
    return {};
}

void Supervisor::stop_one(ClusterNode& node, std::int64_t timeout_ms) {
    if (!node.has_process()) {
        return;
    }
    ::kill(node.process.pid, timeout_ms > 0 ? SIGTERM : SIGKILL);
    ::kill(-node.process.pid, SIGCONT); // a paused one could not end
    kill_at_ms_[node.number] = now_mono_ms() + timeout_ms;
}

void Supervisor::on_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
        if (info.ssi_signo != SIGCHLD) {
            note("asked to end by signal " + std::to_string(info.ssi_signo));
            begin_end(0, ending_ ? 0 : stop_timeout_ms);
        }
    }
    int status = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
        on_child(pid, status);
    }
}

// Others than nodes are their orphaned helpers: waited for, so that nothing of them is left.
void Supervisor::on_child(int pid, int status) {
    if (pid == dashboard_.pid) {
        dashboard_ = {};
        cluster_.dashboard.reset();
        note("the dashboard has ended, " + describe_end(status));
        save();
        return;
    }
    const auto found = std::ranges::find_if(cluster_.nodes, [pid](const ClusterNode& node) {
        return node.has_process() && node.process.pid == pid;
    });
    if (found != cluster_.nodes.end()) {
        on_node_end(*found, status);
    }
}

void Supervisor::on_node_end(ClusterNode& node, int status) {
    const bool wanted = kill_at_ms_.erase(node.number) > 0;
    node.state = wanted ? NodeState::stopped : NodeState::failed;
    node.process = {};
    node.end = NodeEnd{describe_end(status), now_wall_ms(),
                       wanted ? std::vector<std::string>() : last_lines(node)};
    note(node.name() + (wanted ? " stopped, " : " ENDED UNEXPECTEDLY, ") + node.end->what);
    publish_node(node);
    for (Waiting& waiting : waiting_) {
        waiting.nodes.erase(node.number);
    }
    save();
}

void Supervisor::on_deadlines() {
    for (auto& [number, at_ms] : kill_at_ms_) {
        const ClusterNode* node = cluster_.find(number);
        if (node != nullptr && node->has_process() && now_mono_ms() >= at_ms) {
            ::kill(node->process.pid, SIGKILL);
            at_ms = now_mono_ms() + idle_ms;
        }
    }
}

void Supervisor::publish_node(const ClusterNode& node) {
    if (!server_) {
        return;
    }
    Json event = {{"event", "node"},
                  {"node", node.number},
                  {"name", node.name()},
                  {"state", to_string(node.state)},
                  {"pid", node.has_process() ? Json(node.process.pid) : Json()},
                  {"time_ms", now_wall_ms()}};
    if (node.end) {
        event["what"] = node.end->what;
        event["log"] = node.end->log;
    }
    server_->publish("node", event);
}

// --- requests ------------------------------------------------------------------------------------

void Supervisor::on_request(ClientId client, const Json& request) {
    const std::string verb = request.value("verb", Json()).is_string()
                                 ? request["verb"].get<std::string>()
                                 : std::string();
    Done done;
    if (verb == "cluster") {
        server_->send(client, {{"ok", true}, {"cluster", to_json(cluster_)}});
    } else if (verb == "events") {
        std::set<std::string> topics;
        for (const Json& topic : request.value("topics", Json::array())) {
            topics.insert(topic.is_string() ? topic.get<std::string>() : std::string());
        }
        server_->subscribe(client, std::move(topics));
        server_->send(client, {{"ok", true}});
    } else if (verb == "down") {
        const Json timeout = request.value("timeout_ms", Json(stop_timeout_ms));
        begin_end(client,
                  timeout.is_number_integer() ? timeout.get<std::int64_t>() : stop_timeout_ms);
    } else if (verb == "deployed") {
        const Json bundle = request.value("bundle", Json());
        cluster_.bundle =
            bundle.is_string() ? fs::path(bundle.get<std::string>()) : cluster_.bundle;
        save();
        server_->publish("deploy", {{"event", "deploy"}, {"bundle", cluster_.bundle.string()}});
        server_->send(client, {{"ok", true}});
    } else if (verb == "node.add") {
        const auto added = add_node(request);
        if (added) {
            server_->send(client, {{"ok", true}, {"node", *added}});
        } else {
            done = tl::unexpected(added.error());
        }
    } else if (verb.starts_with("node.")) {
        done = on_node_request(client, verb, request);
    } else {
        done = cli::failure(cli::ErrorId::usage, "the supervisor does not know \"" + verb + "\"");
    }
    if (!done) {
        server_->send(client, {{"ok", false}, {"error", failure_json(done.error())}});
    }
}

Expected<std::vector<ClusterNode*>> Supervisor::nodes_of(const Json& request) {
    std::vector<ClusterNode*> out;
    for (const Json& number : request.value("nodes", Json::array())) {
        ClusterNode* node =
            number.is_number_unsigned() ? cluster_.find(number.get<unsigned>()) : nullptr;
        if (node == nullptr) {
            return cli::failure(cli::ErrorId::no_node, "there is no node " + dump_json(number));
        }
        out.push_back(node);
    }
    return out;
}

Done Supervisor::on_node_request(ClientId client, const std::string& verb, const Json& request) {
    HP_DEV_TRY(const std::vector<ClusterNode*> nodes, nodes_of(request));
    if (verb == "node.stop" || verb == "node.restart" || verb == "node.rm" || verb == "node.kill") {
        return begin_stop(client, verb, request, nodes);
    }
    if (verb == "node.start") {
        for (ClusterNode* node : nodes) {
            HP_DEV_TRY_STATUS(start_one(*node));
        }
    } else if (verb == "node.role") { // hp.cfg and the UNL are its sender's business
        for (ClusterNode* node : nodes) {
            node->observer = request.value("role", Json()) == Json("observer");
            publish_node(*node);
        }
    } else if (verb == "node.pause" || verb == "node.resume") {
        HP_DEV_TRY_STATUS(signal_nodes(verb, nodes));
    } else {
        return cli::failure(cli::ErrorId::usage, "the supervisor does not know \"" + verb + "\"");
    }
    save();
    server_->send(client, {{"ok", true}});
    return {};
}

Done Supervisor::begin_stop(ClientId client, const std::string& verb, const Json& request,
                            const std::vector<ClusterNode*>& nodes) {
    const Json given = request.value("timeout_ms", Json(stop_timeout_ms));
    const std::int64_t timeout_ms =
        verb == "node.kill"
            ? 0
            : (given.is_number_integer() ? given.get<std::int64_t>() : stop_timeout_ms);
    Waiting waiting{client, verb, {}, {}, verb == "node.restart", verb == "node.rm"};
    for (ClusterNode* node : nodes) {
        waiting.all.push_back(node->number);
        if (node->has_process()) {
            waiting.nodes.insert(node->number);
            stop_one(*node, timeout_ms);
        }
    }
    waiting_.push_back(std::move(waiting));
    return {};
}

Done Supervisor::signal_nodes(const std::string& verb, const std::vector<ClusterNode*>& nodes) {
    const bool pause = verb == "node.pause";
    for (ClusterNode* node : nodes) {
        if (!node->has_process()) {
            return cli::failure(cli::ErrorId::usage, node->name() + " is not running",
                                "hpdev node start " + std::to_string(node->number));
        }
    }
    for (ClusterNode* node : nodes) {
        ::kill(-node->process.pid, pause ? SIGSTOP : SIGCONT);
        node->state = pause ? NodeState::paused : NodeState::running;
        note(node->name() + (pause ? " paused" : " resumed"));
        publish_node(*node);
    }
    return {};
}

void Supervisor::finish_waiting() {
    std::vector<Waiting> done;
    for (std::size_t i = 0; i < waiting_.size();) {
        if (waiting_[i].nodes.empty()) {
            done.push_back(std::move(waiting_[i]));
            waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
        } else {
            ++i;
        }
    }
    for (const Waiting& waiting : done) {
        finish(waiting);
    }
}

void Supervisor::finish(const Waiting& waiting) {
    Done result;
    if (waiting.restart && !ending_) {
        for (const unsigned number : waiting.all) {
            ClusterNode* node = cluster_.find(number);
            if (node != nullptr && result) {
                result = start_one(*node);
            }
        }
    }
    if (waiting.remove) {
        remove_nodes(waiting.all);
    }
    save();
    server_->send(waiting.client,
                  result ? Json{{"ok", true}}
                         : Json{{"ok", false}, {"error", failure_json(result.error())}});
}

Expected<unsigned> Supervisor::add_node(const Json& request) {
    if (cluster_.nodes.empty()) {
        return cli::failure(cli::ErrorId::failed, "a cluster without nodes cannot grow",
                            "hpdev up --fresh");
    }
    ClusterNode node;
    node.number = cluster_.next_number;
    node.dir = cluster_.nodes.front().dir.parent_path() / ("node" + std::to_string(node.number));
    std::error_code error;
    if (fs::exists(node.dir, error)) { // not ours to remove, whatever goes wrong later
        return cli::failure(cli::ErrorId::name_taken, node.dir.string() + " is in the way");
    }
    node.observer = request.value("role", "observer") == Json("observer");
    node.host = cluster_.nodes.front().host;
    std::uint16_t user_port = 0;
    std::uint16_t peer_port = 0;
    for (const ClusterNode& other : cluster_.nodes) {
        user_port = std::max(user_port, other.user_port);
        peer_port = std::max(peer_port, other.peer_port);
    }
    HP_DEV_TRY(node.user_port, ports_.next(static_cast<std::uint16_t>(user_port + 1)));
    const auto peer = ports_.next(static_cast<std::uint16_t>(peer_port + 1));
    node.peer_port = peer.value_or(0);
    const Done joined = peer ? join(node) : tl::unexpected(peer.error());
    if (!joined) {
        forget(node);
        return tl::unexpected(joined.error());
    }
    HP_DEV_TRY_STATUS(save_cluster(cluster_));
    return node.number;
}

Done Supervisor::join(ClusterNode& node) {
    HP_DEV_TRY_STATUS(make_node(node));
    HP_DEV_TRY_STATUS(join_cluster(cluster_, node));
    ++cluster_.next_number;
    cluster_.nodes.push_back(node);
    return start_one(cluster_.nodes.back());
}

void Supervisor::remove_nodes(const std::vector<unsigned>& numbers) {
    for (const unsigned number : numbers) {
        const ClusterNode* node = cluster_.find(number);
        if (node == nullptr) {
            continue;
        }
        forget(ClusterNode(*node));
    }
}

// Its folder, its ports and that it was there.
void Supervisor::forget(const ClusterNode& node) {
    std::error_code error;
    fs::remove_all(node.dir, error);
    ports_.release(node.user_port);
    ports_.release(node.peer_port);
    note(node.name() + (error ? " removed, but not " + node.dir.string() : " removed"));
    std::erase_if(cluster_.nodes,
                  [&node](const ClusterNode& other) { return other.number == node.number; });
}

// --- the end -------------------------------------------------------------------------------------

void Supervisor::begin_end(ClientId client, std::int64_t timeout_ms) {
    ending_ = true;
    if (client != 0) {
        end_clients_.push_back(client);
    }
    for (ClusterNode& node : cluster_.nodes) {
        stop_one(node, timeout_ms);
    }
    if (dashboard_.pid != 0) {
        ::kill(dashboard_.pid, SIGKILL); // it has nothing to keep, and pages keep connections open
    }
}

// When no node is left, and nothing that they have started.
bool Supervisor::is_over() {
    if (!ending_ || std::ranges::any_of(cluster_.nodes, &ClusterNode::has_process)) {
        return false;
    }
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, WNOHANG);
    if (pid < 0) {
        return true;
    }
    if (!strays_at_ms_) {
        strays_at_ms_ = now_mono_ms() + stray_timeout_ms;
    }
    if (now_mono_ms() >= *strays_at_ms_) {
        for (const int stray : children_of(::getpid())) {
            note("process " + std::to_string(stray) + " of a node is left; it is killed");
            ::kill(stray, SIGKILL);
        }
        strays_killed_ = true;
        strays_at_ms_ = now_mono_ms() + idle_ms;
    }
    return false;
}

void Supervisor::close() {
    finish_waiting();
    std::error_code ignored;
    fs::remove(cluster_.control, ignored);
    cluster_.supervisor = {};
    cluster_.dashboard.reset();
    save();
    lock_.clear();
    note("ended, nothing is left");
    for (const ClientId client : end_clients_) {
        server_->send(client, {{"ok", true}, {"killed_strays", strays_killed_}});
    }
    const std::int64_t deadline_ms = now_mono_ms() + idle_ms;
    while (server_->has_unsent() && now_mono_ms() < deadline_ms) {
        std::vector<pollfd> polled;
        server_->add_descriptors(polled);
        ::poll(polled.data(), polled.size(), 50);
        server_->on_ready(polled);
    }
}

} // namespace hp::dev
