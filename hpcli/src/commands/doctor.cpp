// SPDX-License-Identifier: Apache-2.0
// doctor: looks at what hpcli depends on, here and at every server, and says what to do about it.
#include "commands.hpp"

#include "cli/checks.hpp"
#include "cli/fleet.hpp"
#include "cli/keys.hpp"
#include "cli/render.hpp"
#include "cli/session.hpp"
#include "hp/client/ledger_check.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>

namespace hp::cli {
namespace {

void check_keys(Checks& out) {
    const auto store = open_key_store();
    if (!store) {
        out.push_back({"keys", Check::State::fail, store.error().message, "set HOME"});
        return;
    }
    const auto keys = store->list();
    if (!keys) {
        out.push_back({"keys", Check::State::fail, keys.err().context, "look at its permissions"});
        return;
    }
    for (const client::KeyListing& key : *keys) {
        if (!key.key) {
            out.push_back({"key " + key.name, Check::State::fail, key.key.err().context,
                           "if nobody else has read it: chmod 600; otherwise make a new key"});
        }
    }
    out.push_back({"keys", Check::State::ok, std::to_string(keys->size()) + " stored", {}});
}

void check_files(Checks& out) {
    for (const std::string_view name : {std::string_view("contexts.json"), trust_file}) {
        const auto file = load_user_file(name);
        out.push_back({std::string(name), file ? Check::State::ok : Check::State::fail,
                       file ? (file->empty() ? "none" : "readable") : file.error().message,
                       file ? "" : file.error().hint});
    }
}

// How far a clock here may be from ledger time before inputs' nonces look odd.
constexpr std::int64_t clock_tolerance_ms = 60'000;

struct ServerFacts {
    std::optional<proto::StatResponse> stat;
    std::optional<proto::QueriedLedger> ledger;
};

void check_server(const Fleet::Member& member, const ServerFacts& facts, Checks& out) {
    const auto add = [&out, &member](std::string what, Check::State state, std::string found,
                                     std::string cure) {
        out.push_back({member.url + " " + what, state, std::move(found), std::move(cure)});
    };
    using State = Check::State;
    if (member.problem) {
        add("session", State::fail, member.problem->message, member.problem->hint);
        return;
    }
    const bool tls = !member.client->server().certificate_sha256.empty();
    add("session", tls ? State::ok : State::warn, tls ? "over TLS" : "without TLS",
        tls ? "" : "anybody in between can read along; use wss://");
    add("pin", State::ok, member.pin ? "server and certificate as remembered" : "not pinned", "");
    const proto::StatResponse& stat = *facts.stat;
    const bool synced = stat.vote_status == proto::VoteStatus::synced;
    add("consensus", synced ? State::ok : State::fail, std::string(to_string(stat.vote_status)),
        synced ? "" : "the node is starting or out of step; hpcli wait synced");
    const bool reads = stat.read_requests_enabled && stat.contract_execution_enabled;
    add("reads", reads ? State::ok : State::warn, reads ? "answered" : "switched off",
        reads ? "" : "user.concurrent_read_requests and contract.execute in hp.cfg");
    if (!facts.ledger) {
        return;
    }
    const std::int64_t behind_ms = SystemClock().now().wall_ms - facts.ledger->header.timestamp_ms;
    const bool close = std::abs(behind_ms) <= clock_tolerance_ms;
    add("clock", close ? State::ok : State::warn,
        "last ledger " + std::to_string(behind_ms) + " ms ago by this clock",
        close ? "" : "compare the clocks, or the node closes no ledgers");
    const bool kept = client::check_outputs(*facts.ledger) != client::ListCheck::not_kept &&
                      client::check_inputs(*facts.ledger) != client::ListCheck::not_kept;
    add("history", kept ? State::ok : State::warn,
        kept ? "inputs and outputs can be looked up" : "inputs and outputs are not kept",
        kept ? "" : "node.history_config.max_raw_shards in hp.cfg");
}

void ask_server(Fleet& fleet, std::size_t member, ServerFacts& facts) {
    fleet.client(member).stat([&fleet, member, &facts](const auto& stat) {
        if (!stat) {
            fleet.fail(member, stat.err());
            return;
        }
        facts.stat = *stat;
        fleet.client(member).query(stat->ledger.seq, true, true,
                                   [&fleet, member, &facts](const auto& ledger) {
                                       if (ledger) {
                                           facts.ledger = *ledger;
                                       }
                                       fleet.succeed(member);
                                   });
    });
}

Outcome run_doctor(const Args& args) {
    Checks checks;
    check_keys(checks);
    check_files(checks);
    if (args.connection.servers.empty()) {
        checks.push_back({"servers", Check::State::warn, "none given",
                          "hpcli context add, --server or HP_SERVERS"});
        return conclude(args, checks);
    }
    const auto signer = session_signer(args, ephemeral_key);
    if (!signer) {
        return tl::unexpected(signer.error());
    }
    Fleet fleet(args, *signer, args.connection.timeout_ms.value_or(default_timeout_ms));
    std::vector<ServerFacts> facts(args.connection.servers.size());
    const auto done = fleet.run(
        [&fleet, &facts](std::size_t member) { ask_server(fleet, member, facts[member]); });
    if (!done) {
        return tl::unexpected(done.error());
    }
    for (std::size_t i = 0; i < facts.size(); ++i) {
        check_server(fleet.members()[i], facts[i], checks);
    }
    return conclude(args, checks);
}

constexpr std::array doctor_table = {
    CommandInfo{"doctor",
                "",
                0,
                0,
                Scope::on_demand,
                "Check keys, files and servers, and say what to do (exit 13)",
                "hpcli doctor",
                "hpcli doctor -s wss://127.0.0.1:8080 --json | jq -r '.checks[].cure // empty'",
                {},
                checks_fields,
                run_doctor},
};

} // namespace

Commands doctor_commands() {
    return doctor_table;
}

} // namespace hp::cli
