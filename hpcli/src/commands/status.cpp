// SPDX-License-Identifier: Apache-2.0
// status: one node in full, or all of them side by side.
#include "commands.hpp"

#include "cli/fleet.hpp"
#include "cli/keys.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"
#include "cli/render.hpp"
#include "cli/session.hpp"
#include "cli/text_table.hpp"

#include <algorithm>
#include <csignal>
#include <map>
#include <unistd.h>

namespace hp::cli {
namespace {

// What the node says, without who it is.
void add_stat(JsonObject& out, const proto::StatResponse& stat, std::int64_t rtt_ms) {
    JsonArray peers;
    for (const std::string& peer : stat.peers) {
        peers.add(peer);
    }
    if (!stat.node_version.empty()) {
        out.add("node_version", stat.node_version);
    }
    out.add("ledger", to_json(stat.ledger)).add("vote_status", to_string(stat.vote_status));
    out.add("round_time_ms", std::uint64_t{stat.round_time_ms});
    out.add("contract_execution_enabled", stat.contract_execution_enabled);
    out.add("read_requests_enabled", stat.read_requests_enabled);
    out.add("is_full_history_node", stat.is_full_history_node);
    out.add("weakly_connected", stat.weakly_connected);
    out.add("unl", to_json(stat.current_unl)).add("peers", peers);
    out.add("rtt_ms", static_cast<std::uint64_t>(rtt_ms));
}

std::string yes_no(bool value) {
    return value ? "yes" : "no";
}

std::string status_text(Session& session, const proto::StatResponse& stat, std::int64_t rtt_ms) {
    const client::ServerInfo& server = session.client().server();
    std::string out = text_row("server", session.url());
    out += text_row("node key", server.key.hex());
    out += text_row("node version",
                    stat.hp_version + (stat.node_version.empty() ? "" : " " + stat.node_version));
    out += text_row("contract", server.contract_id + " version " + server.contract_version);
    out += text_row("vote status", to_string(stat.vote_status));
    out += text_row("ledger", to_text(stat.ledger));
    out += text_row("round time", std::to_string(stat.round_time_ms) + " ms");
    out += text_row("executes", yes_no(stat.contract_execution_enabled));
    out += text_row("answers reads", yes_no(stat.read_requests_enabled));
    out += text_row("full history", yes_no(stat.is_full_history_node));
    out += text_row("weakly conn.", yes_no(stat.weakly_connected));
    out += text_row("unl", std::to_string(stat.current_unl.size()));
    for (const PublicKey& key : stat.current_unl) {
        out += text_row("", key.hex());
    }
    out += text_row("peers", std::to_string(stat.peers.size()));
    for (const std::string& peer : stat.peers) {
        out += text_row("", peer);
    }
    return out + text_row("rtt", std::to_string(rtt_ms) + " ms");
}

Outcome status_of_one(const Args& args, const client::Signer& signer) {
    Session session(args, signer, args.connection.timeout_ms.value_or(default_timeout_ms));
    return session.run([&args, &session] {
        session.client().stat([&args, &session](const Result<proto::StatResponse>& stat) {
            if (!stat) {
                session.finish(stat.err());
                return;
            }
            const std::int64_t rtt_ms = session.elapsed_ms();
            if (!args.json) {
                session.finish(Answer{status_text(session, *stat, rtt_ms)});
                return;
            }
            JsonObject out = document(args.schema);
            out.add("server", server_json(session));
            add_stat(out, *stat, rtt_ms);
            session.finish(Answer{out.text() + "\n"});
        });
    });
}

// --- all of them ---------------------------------------------------------------------------------

struct NodeStatus {
    proto::StatResponse stat;
    std::int64_t rtt_ms = 0;
    std::optional<proto::LedgerHeader> header; // of its last ledger
};
using Statuses = std::map<std::size_t, NodeStatus>; // by member

std::string table_text(const Fleet& fleet, const Statuses& statuses) {
    TextTable out({"SERVER", "KEY", "STATE", "LEDGER", "BEHIND", "HASH", "STATE-HASH", "PEERS",
                   "UNL", "RTT"});
    LedgerSeq newest = 0;
    for (const auto& [member, status] : statuses) {
        newest = std::max(newest, status.stat.ledger.seq);
    }
    for (std::size_t i = 0; i < fleet.members().size(); ++i) {
        const Fleet::Member& member = fleet.members()[i];
        const auto found = statuses.find(i);
        if (found == statuses.end()) {
            out.add({member.url, "-", "unreachable", "-", "-", "-", "-", "-", "-", "-"});
            continue;
        }
        const NodeStatus& status = found->second;
        const LedgerId& ledger = status.stat.ledger;
        out.add({member.url, member.client->server().key.short_hex(),
                 std::string(to_string(status.stat.vote_status)), std::to_string(ledger.seq),
                 std::to_string(newest - ledger.seq), ledger.hash.short_hex(),
                 status.header ? status.header->state_hash.short_hex() : "-",
                 std::to_string(status.stat.peers.size()),
                 std::to_string(status.stat.current_unl.size()),
                 std::to_string(status.rtt_ms) + "ms"});
    }
    return out.text();
}

JsonArray nodes_json(const Fleet& fleet, const Statuses& statuses) {
    JsonArray out;
    for (std::size_t i = 0; i < fleet.members().size(); ++i) {
        const Fleet::Member& member = fleet.members()[i];
        JsonObject item;
        item.add("url", member.url);
        if (const auto found = statuses.find(i); found != statuses.end()) {
            item.add("server", server_json(member.url, member.client->server()));
            add_stat(item, found->second.stat, found->second.rtt_ms);
            if (found->second.header) {
                item.add("state_hash", found->second.header->state_hash.hex());
            }
        } else {
            item.add("problem", member.problem ? member.problem->message : "no answer");
        }
        out.add_raw(item.text());
    }
    return out;
}

// Two nodes that name different hashes for one ledger number.
bool have_forked(const Statuses& statuses) {
    std::map<LedgerSeq, Hash32> hashes;
    return std::ranges::any_of(statuses, [&hashes](const auto& item) {
        const LedgerId& ledger = item.second.stat.ledger;
        return hashes.emplace(ledger.seq, ledger.hash).first->second != ledger.hash;
    });
}

Outcome judge(const Args& args, const Fleet& fleet, const Statuses& statuses) {
    const std::size_t servers = fleet.members().size();
    const auto synced = static_cast<std::size_t>(std::ranges::count_if(statuses, [](auto& item) {
        return item.second.stat.vote_status == proto::VoteStatus::synced;
    }));
    const JsonArray nodes = nodes_json(fleet, statuses);
    const std::string text = table_text(fleet, statuses);
    const bool forked = have_forked(statuses);
    if (statuses.empty()) {
        Failure out = *fleet.members().front().problem;
        out.answer = text;
        out.members.add("nodes", nodes);
        return tl::unexpected(std::move(out));
    }
    if (!forked && synced == servers) {
        return Answer{args.json ? document(args.schema).add("nodes", nodes).text() + "\n" : text};
    }
    Failure out{forked ? ErrorId::nodes_differ : ErrorId::not_synced,
                forked ? "nodes have different ledgers of the same number"
                       : std::to_string(synced) + " of " + std::to_string(servers) +
                             " nodes are synced"};
    out.answer = text;
    out.members.add("nodes", nodes);
    return tl::unexpected(std::move(out));
}

Outcome status_of_all(const Args& args, const client::Signer& signer) {
    Fleet fleet(args, signer, args.connection.timeout_ms.value_or(default_timeout_ms));
    Statuses statuses;
    const auto done = fleet.run([&fleet, &statuses](std::size_t member) {
        fleet.client(member).stat([&fleet, &statuses, member](const auto& stat) {
            if (!stat) {
                fleet.fail(member, stat.err());
                return;
            }
            NodeStatus& status = statuses[member];
            status.stat = *stat;
            status.rtt_ms = fleet.elapsed_us(member) / 1000;
            fleet.client(member).query(stat->ledger.seq, false, false,
                                       [&fleet, &status, member](const auto& ledger) {
                                           if (ledger && *ledger) {
                                               status.header = (*ledger)->header;
                                           }
                                           fleet.succeed(member);
                                       });
        });
    });
    return done ? judge(args, fleet, statuses) : tl::unexpected(done.error());
}

Outcome status_once(const Args& args, const client::Signer& signer) {
    return args.options.has("all") ? status_of_all(args, signer) : status_of_one(args, signer);
}

// Sleeps; a signal ends that, and everything. One between two reactors ends the process as if
// nobody cared, which is the same to a shell.
std::optional<Failure> pause_for(std::int64_t ms) {
    net::Reactor reactor;
    net::Timer timer(reactor);
    std::optional<Failure> ended;
    reactor.on_signals({SIGINT, SIGTERM}, [&reactor, &ended](int signal) {
        ended = silent(signal == SIGINT ? exit_interrupted : exit_terminated);
        reactor.stop();
    });
    timer.arm_after(ms * 1000, [&reactor] { reactor.stop(); });
    reactor.run();
    return ended;
}

// Again and again, also while something is wrong with the nodes: seeing that is what it is for. On
// a terminal each one takes the place of the one before.
Outcome watch_status(const Args& args, const client::Signer& signer, std::int64_t every_ms,
                     std::uint64_t count) {
    const bool redraws = !args.json && ::isatty(STDOUT_FILENO) == 1;
    for (std::uint64_t i = 1;; ++i) {
        Outcome outcome = status_once(args, signer);
        if (!outcome && outcome.error().silent_exit) {
            return outcome;
        }
        if (i == count) {
            return outcome;
        }
        const bool as_json = args.output == OutputFormat::json;
        std::string text = redraws ? "\x1b[H\x1b[2J" : "";
        text += outcome ? outcome->text : as_json ? to_json(outcome.error(), args.schema) : "";
        if (auto written = write_answer(args, text); !written) {
            return tl::unexpected(std::move(written.error()));
        }
        if (!outcome && !as_json) {
            (void)write_answer(outcome.error().answer);
            write_note(describe(args.program->name, outcome.error(), args.color));
        }
        if (auto ended = pause_for(every_ms)) {
            return tl::unexpected(std::move(*ended));
        }
    }
}

Outcome run_status(const Args& args) {
    std::int64_t every_ms = 0;
    std::uint64_t count = 0;
    OptionReader reader(args);
    reader.duration("watch", every_ms).count("count", count);
    if (auto checked = reader.done(true); !checked) {
        return tl::unexpected(std::move(checked.error()));
    }
    if (count > 0 && every_ms == 0) {
        return failure(ErrorId::usage, "--count is about --watch");
    }
    const auto signer = session_signer(args, ephemeral_key);
    if (!signer) {
        return tl::unexpected(signer.error());
    }
    return every_ms > 0 ? watch_status(args, *signer, every_ms, count) : status_once(args, *signer);
}

constexpr std::array status_options = {
    OptionInfo{"--all", "", "every server; exit 7 if one is not synced, 8 if ledgers differ"},
    OptionInfo{"--watch", "DUR", "again after this time, until interrupted"},
    OptionInfo{"--count", "N", "with --watch: so often"},
};

constexpr std::array status_table = {
    CommandInfo{"status", "", 0, 0, Scope::online, "Show the node's view of the cluster",
                "hpcli status -s wss://127.0.0.1:8080",
                "hpcli status --all -s wss://n1:8080 -s wss://n2:8080", status_options,
                "ok:bool server?:server node_version?:text ledger?:ledger vote_status?:text "
                "round_time_ms?:int contract_execution_enabled?:bool read_requests_enabled?:bool "
                "is_full_history_node?:bool weakly_connected?:bool unl?:[key] peers?:[text] "
                "rtt_ms?:int nodes?:[{url:text problem?:text server?:server node_version?:text "
                "ledger?:ledger vote_status?:text round_time_ms?:int "
                "contract_execution_enabled?:bool read_requests_enabled?:bool "
                "is_full_history_node?:bool weakly_connected?:bool unl?:[key] peers?:[text] "
                "rtt_ms?:int state_hash?:hash}]",
                run_status},
};

} // namespace

Commands status_commands() {
    return status_table;
}

} // namespace hp::cli
