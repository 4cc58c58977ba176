// SPDX-License-Identifier: Apache-2.0
// The process that owns a cluster's nodes: starts and stops them, tells why one has ended, serves
// the control socket, keeps cluster.json true. It restarts nothing that it was not asked to. None
// of its processes outlives it: the kernel kills nodes with it, and their descendants become its
// children, so that it knows when the last one is gone. One thread, in whose poll(2) everything is.
#pragma once

#include "cluster/cluster_file.hpp"
#include "cluster/cluster_lock.hpp"
#include "cluster/control_server.hpp"
#include "cluster/dashboard_process.hpp"
#include "cluster/ports.hpp"

#include <map>
#include <memory>
#include <optional>
#include <set>

namespace hp::dev {

class Supervisor {
public:
    Supervisor(Cluster cluster, ClusterLock lock, PortReservations ports, bool with_dashboard);
    ~Supervisor();
    Supervisor(const Supervisor&) = delete;
    Supervisor& operator=(const Supervisor&) = delete;

    // Opens the control socket and starts all nodes and the dashboard, which may be missing
    // afterwards: a cluster can do without.
    Done start();
    // Until somebody asks it to end, by the socket or by a signal (the second one: at once).
    void run();

    const Cluster& cluster() const { return cluster_; }

private:
    // What a client waits for: the end of some nodes.
    struct Waiting {
        ClientId client = 0; // 0: nobody
        std::string verb;
        std::set<unsigned> nodes; // still running
        std::vector<unsigned> all;
        bool restart = false;
        bool remove = false;
    };

    Done start_one(ClusterNode& node);
    void stop_one(ClusterNode& node, std::int64_t timeout_ms);
    void begin_dashboard();
    void finish_dashboard();
    void on_signals();
    void on_child(int pid, int status);
    void on_node_end(ClusterNode& node, int status);
    void on_deadlines();
    void finish_waiting();
    void finish(const Waiting& waiting);
    int next_timeout_ms() const;
    void note(const std::string& text) const;

    void on_request(ClientId client, const Json& request);
    Expected<std::vector<ClusterNode*>> nodes_of(const Json& request);
    Done on_node_request(ClientId client, const std::string& verb, const Json& request);
    Done begin_stop(ClientId client, const std::string& verb, const Json& request,
                    const std::vector<ClusterNode*>& nodes);
    Done signal_nodes(const std::string& verb, const std::vector<ClusterNode*>& nodes);
    Expected<unsigned> add_node(const Json& request);
    Done join(ClusterNode& node);
    void remove_nodes(const std::vector<unsigned>& numbers);
    void forget(const ClusterNode& node);
    void begin_end(ClientId client, std::int64_t timeout_ms);
    bool is_over();
    void close();

    void publish_node(const ClusterNode& node);
    void save();

    Cluster cluster_;
    ClusterLock lock_;
    PortReservations ports_; // also of nodes that do not run now
    const bool with_dashboard_;
    DashboardProcess dashboard_;
    os::Fd signals_;
    std::unique_ptr<ControlServer> server_;
    std::map<unsigned, std::int64_t> kill_at_ms_; // nodes that were asked to end
    std::vector<Waiting> waiting_;
    bool ending_ = false;
    std::optional<std::int64_t> strays_at_ms_; // when descendants that are left are killed
    bool strays_killed_ = false;
    std::vector<ClientId> end_clients_;
};

} // namespace hp::dev
