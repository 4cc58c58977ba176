// SPDX-License-Identifier: Apache-2.0
#include "cluster/node_view.hpp"

#include "cli/text_table.hpp"
#include "clock.hpp"
#include "cluster/node_folder.hpp"
#include "hp/base/limits.hpp"
#include "hp/config/contract_dir.hpp"
#include "hp/os/local_socket.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>

namespace hp::dev {
namespace {

constexpr std::int64_t answer_timeout_ms = 1500;
constexpr int divergence_looks = 5; // a round apart

std::string text_at(const Json& json, std::string_view dotted) {
    const Json* found = find_key(json, dotted);
    return found != nullptr && found->is_string() ? found->get<std::string>() : std::string();
}

std::uint64_t number_at(const Json& json, std::string_view dotted) {
    const Json* found = find_key(json, dotted);
    return found != nullptr && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

std::size_t count_at(const Json& json, std::string_view dotted) {
    const Json* found = find_key(json, dotted);
    return found != nullptr && found->is_array() ? found->size() : 0;
}

void read_last_run(const Json& status, NodeView& out) {
    const std::string end = text_at(status, "contract.last_run.end");
    out.last_run_ledger = number_at(status, "contract.last_run.seq");
    if (!end.empty() && (end != "exited" || number_at(status, "contract.last_run.code") != 0)) {
        out.last_run = text_at(status, "contract.last_run.what");
    }
}

NodeView view_node(const ClusterNode& node) {
    NodeView out;
    out.node = node;
    out.vote_status = "-";
    if (!node.has_process()) {
        return out; // its socket may be there, but nobody listens
    }
    out.use = use_of(node.process);
    if (node.state == NodeState::paused) {
        return out;
    }
    const auto status = ask_node(node);
    if (!status) {
        return out;
    }
    out.answers = true;
    out.vote_status = text_at(*status, "consensus.vote_status");
    out.synced = out.vote_status == "synced";
    out.ledger = number_at(*status, "ledger.seq");
    out.ledger_hash = text_at(*status, "ledger.hash");
    out.state_hash = text_at(*status, "contract.state_root");
    const Json* running = find_key(*status, "contract.running");
    out.running_contract = running != nullptr && running->is_number();
    out.why_not = text_at(*status, "consensus.why_not");
    out.suspended = text_at(*status, "consensus.suspended");
    out.unl = number_at(*status, "consensus.unl");
    out.peers = count_at(*status, "peers.connected");
    out.users = number_at(*status, "users.connected");
    read_last_run(*status, out);
    return out;
}

LedgerSeq newest(const std::vector<NodeView>& views) {
    LedgerSeq out = 0;
    for (const NodeView& view : views) {
        out = std::max(out, view.ledger);
    }
    return out;
}

// Of those that have run the contract for their last ledger: more than one state after the same.
std::vector<unsigned> differing(const std::vector<NodeView>& views) {
    std::map<LedgerSeq, std::map<std::string, std::vector<unsigned>>> groups;
    for (const NodeView& view : views) {
        const bool has_run = !view.running_contract && view.last_run_ledger == view.ledger;
        if (view.answers && view.ledger > 0 && has_run) {
            groups[view.ledger][view.state_hash + view.ledger_hash].push_back(view.node.number);
        }
    }
    std::set<unsigned> out;
    for (const auto& [ledger, states] : groups) {
        if (states.size() > 1) {
            for (const auto& [hash, numbers] : states) {
                out.insert(numbers.begin(), numbers.end());
            }
        }
    }
    return {out.begin(), out.end()};
}

std::string short_hash(const std::string& hash) {
    return hash.empty() ? "-" : hash.substr(0, 8);
}

std::string fixed(double value) {
    std::array<char, 32> out{};
    std::snprintf(out.data(), out.size(), "%.1f", value);
    return out.data();
}

cli::JsonObject node_json(const NodeView& view, LedgerSeq last) {
    const ClusterNode& node = view.node;
    cli::JsonObject out;
    out.add("node", std::uint64_t{node.number}).add("name", node.name());
    out.add("dir", node.dir.string()).add("url", node.url());
    out.add("role", node.observer ? "observer" : "validator");
    out.add("state", to_string(node.state)).add("synced", view.synced);
    if (node.has_process()) {
        out.add("pid", static_cast<std::uint64_t>(node.process.pid));
        out.add("rss_kib", view.use.rss_kib).add("cpu_percent", view.use.cpu_percent);
    }
    if (view.answers) {
        out.add("ledger", view.ledger).add("lag", last - view.ledger);
        if (!view.ledger_hash.empty()) {
            out.add("ledger_hash", view.ledger_hash);
        }
        out.add("state_hash", view.state_hash).add("unl", view.unl);
        out.add("peers", view.peers).add("users", view.users);
    }
    if (!view.why_not.empty()) {
        out.add("why_not", view.why_not);
    }
    if (!view.suspended.empty()) {
        out.add("suspended", view.suspended);
    }
    if (!view.last_run.empty()) {
        out.add("last_run", view.last_run);
    }
    if (node.end) {
        out.add("end", node.end->what);
    }
    out.add("public_key", node.public_key.hex());
    out.add("user_port", std::uint64_t{node.user_port});
    return out.add("peer_port", std::uint64_t{node.peer_port});
}

} // namespace

Expected<Json> ask_node(const ClusterNode& node) {
    HP_DEV_TRY(const os::Fd socket,
               os::connect_local(config::contract_dir(node.dir).status_socket()));
    HP_DEV_TRY(const Bytes text,
               os::read_to_end(socket, limits::status_bytes_max, answer_timeout_ms));
    auto json = parse_object(as_text(text));
    if (!json) {
        return cli::failure(cli::ErrorId::failed, node.name() + " gave no status");
    }
    return *std::move(json);
}

std::vector<NodeView> view_nodes(const Cluster& cluster) {
    std::vector<NodeView> out;
    for (const ClusterNode& node : cluster.nodes) {
        out.push_back(view_node(node));
    }
    return out;
}

// Nodes whose state is not the agreed one fetch that from the others, and differ again after the
// next run: such a cluster is looked at more than once.
std::vector<unsigned> find_divergence(const Cluster& cluster, std::vector<NodeView>& views) {
    std::vector<unsigned> out = differing(views);
    for (int look = 1; look < divergence_looks && out.empty(); ++look) {
        const bool suspect = std::ranges::any_of(
            views, [](const NodeView& view) { return view.answers && !view.synced; });
        if (!suspect) {
            break;
        }
        sleep_ms(std::min<std::int64_t>(cluster.roundtime_ms, 1000));
        std::vector<NodeView> next = view_nodes(cluster);
        out = differing(next);
        if (!out.empty()) {
            views = std::move(next);
        }
    }
    return out;
}

std::string view_table(const std::vector<NodeView>& views) {
    cli::TextTable out({"NODE", "PID", "ROLE", "STATE", "LEDGER", "LAG", "STATE-HASH", "UNL",
                        "PEERS", "RSS", "CPU", "USERS-AT"});
    const LedgerSeq last = newest(views);
    for (const NodeView& view : views) {
        const ClusterNode& node = view.node;
        const auto shown = [&view](std::uint64_t value) {
            return view.answers ? std::to_string(value) : std::string("-");
        };
        const bool alive = node.has_process();
        const std::string state = node.state == NodeState::running && view.answers
                                      ? view.vote_status
                                      : std::string(to_string(node.state));
        out.add({node.name(), alive ? std::to_string(node.process.pid) : "-",
                 node.observer ? "observer" : "validator", state, shown(view.ledger),
                 shown(last - view.ledger), short_hash(view.state_hash), shown(view.unl),
                 shown(view.peers), alive ? std::to_string(view.use.rss_kib / 1024) + "MiB" : "-",
                 alive ? fixed(view.use.cpu_percent) + "%" : "-", node.url()});
    }
    return out.text();
}

std::string view_summary(const Cluster& cluster, const std::vector<NodeView>& views) {
    std::string out = tolerance_text(cluster.validators(), cluster.threshold) + ", rounds of " +
                      std::to_string(cluster.roundtime_ms) + " ms\n";
    for (const NodeView& view : views) {
        if (view.node.end && view.node.state == NodeState::failed) {
            out += view.node.name() + " ended unexpectedly: " + view.node.end->what + "\n";
            for (const std::string& line : view.node.end->log) {
                out += "  " + line + "\n";
            }
        }
        if (!view.why_not.empty()) {
            out += view.node.name() + ": no ledger can close: " + view.why_not + "\n";
        }
        if (!view.suspended.empty()) {
            out += view.node.name() + " takes no part in consensus: " + view.suspended + "\n";
        }
        if (!view.last_run.empty()) {
            out += view.node.name() + ": the contract ended badly after ledger " +
                   std::to_string(view.last_run_ledger) + ": " + view.last_run + "\n";
        }
    }
    return out;
}

cli::JsonObject& add_view(cli::JsonObject& out, const Cluster& cluster,
                          const std::vector<NodeView>& views) {
    const std::size_t validators = cluster.validators();
    const std::size_t quorum = quorum_of(validators, cluster.threshold);
    out.add("cluster", cluster.name).add("directory", cluster.dir.string());
    out.add("running", cluster.is_running()).add("contract_id", cluster.contract_id);
    out.add("roundtime_ms", std::uint64_t{cluster.roundtime_ms});
    out.add("threshold", std::uint64_t{cluster.threshold}).add("validators", validators);
    out.add("quorum", quorum).add("tolerates", validators < quorum ? 0 : validators - quorum);
    if (cluster.dashboard) {
        out.add("dashboard", *cluster.dashboard);
    }
    cli::JsonArray nodes;
    const LedgerSeq last = newest(views);
    for (const NodeView& view : views) {
        nodes.add_raw(node_json(view, last).text());
    }
    return out.add("nodes", nodes);
}

} // namespace hp::dev
