// SPDX-License-Identifier: Apache-2.0
// status and lcl: one question, one answer.
#include "commands.hpp"

#include "keys.hpp"
#include "render.hpp"
#include "session.hpp"

namespace hp::cli {
namespace {

std::string status_json(const Args& args, Session& session, const proto::StatResponse& stat,
                        std::int64_t rtt_ms) {
    JsonArray peers;
    for (const std::string& peer : stat.peers) {
        peers.add(peer);
    }
    JsonObject out = document(args.schema);
    out.add("server", server_json(session));
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
    return out.text() + "\n";
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

} // namespace

Outcome run_status(const Args& args) {
    const auto keys = session_key(args, ephemeral_key);
    if (!keys) {
        return tl::unexpected(keys.error());
    }
    Session session(args, *keys, args.connection.timeout_ms.value_or(default_timeout_ms));
    return session.run([&args, &session] {
        session.client().stat([&args, &session](const Result<proto::StatResponse>& stat) {
            if (!stat) {
                session.finish(stat.err());
                return;
            }
            const std::int64_t rtt_ms = session.elapsed_ms();
            session.finish(Answer{args.json ? status_json(args, session, *stat, rtt_ms)
                                            : status_text(session, *stat, rtt_ms)});
        });
    });
}

Outcome run_lcl(const Args& args) {
    const auto keys = session_key(args, ephemeral_key);
    if (!keys) {
        return tl::unexpected(keys.error());
    }
    Session session(args, *keys, args.connection.timeout_ms.value_or(default_timeout_ms));
    return session.run([&args, &session] {
        session.client().lcl([&args, &session](const Result<LedgerId>& lcl) {
            if (!lcl) {
                session.finish(lcl.err());
                return;
            }
            session.finish(
                Answer{(args.json ? document(args.schema).add("ledger", to_json(*lcl)).text()
                                  : to_text(*lcl)) +
                       "\n"});
        });
    });
}

} // namespace hp::cli
