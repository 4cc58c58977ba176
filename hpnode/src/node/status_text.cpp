// SPDX-License-Identifier: Apache-2.0
// The status for people. The document may come from a node of another version: nothing is taken
// for granted, and what is not there is not shown.
#include <algorithm>
#include <array>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "node/status.hpp"

namespace hp::node {
namespace {

using PlainJson = nlohmann::json;

constexpr std::size_t label_width = 12;
constexpr std::size_t short_hash_chars = 16;

// The member, or null when there is none.
const PlainJson& at(const PlainJson& object, const char* name) {
    static const PlainJson nothing;
    const auto found = object.is_object() ? object.find(name) : object.end();
    return object.is_object() && found != object.end() ? *found : nothing;
}

// Escape sequences in a contract's texts are not for this terminal.
std::string printable(std::string text) {
    for (char& c : text) {
        if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) {
            c = '?';
        }
    }
    return text;
}

std::string text(const PlainJson& value) {
    if (value.is_string()) {
        return printable(value.get<std::string>());
    }
    return value.is_null() ? std::string("-") : value.dump();
}

std::int64_t number(const PlainJson& value) {
    return value.is_number_integer() ? value.get<std::int64_t>() : 0;
}

std::string seconds(std::int64_t ms) {
    std::array<char, 40> out{};
    std::snprintf(out.data(), out.size(), "%.1f s", static_cast<double>(ms) / 1000.0);
    return out.data();
}

std::string duration(std::int64_t ms) {
    const std::int64_t minutes = ms / 60'000;
    if (minutes == 0) {
        return seconds(ms);
    }
    const std::int64_t hours = minutes / 60;
    const std::string rest = std::to_string(minutes % 60) + " min";
    return hours == 0 ? rest : std::to_string(hours) + " h " + rest;
}

class Lines {
public:
    void add(const char* label, const std::string& value) {
        std::string line(label);
        line.resize(std::max(line.size() + 1, label_width), ' ');
        out_ += line + value + "\n";
    }
    std::string take() { return std::move(out_); }

private:
    std::string out_;
};

void add_node(Lines& out, const PlainJson& status) {
    out.add("node", text(at(status, "version")) + " (HotPocket " + text(at(status, "hp_version")) +
                        ", ledgers " + text(at(status, "ledger_version")) + ")");
    out.add("process", text(at(status, "pid")) + ", up " +
                           duration(number(at(status, "uptime_ms"))) + ", in " +
                           text(at(status, "directory")));
    out.add("key", text(at(status, "public_key")) + ", " + text(at(status, "role")));
}

void add_consensus(Lines& out, const PlainJson& status) {
    const PlainJson& ledger = at(status, "ledger");
    const PlainJson& consensus = at(status, "consensus");
    out.add("ledger", ledger.is_null() ? std::string("none yet")
                                       : text(at(ledger, "seq")) + "-" + text(at(ledger, "hash")) +
                                             ", " + seconds(number(at(ledger, "age_ms"))) + " ago");
    out.add("vote", text(at(consensus, "vote_status")) + ", " + text(at(consensus, "unl")) +
                        " in the UNL, " + text(at(consensus, "pace")) + ", roundtime " +
                        text(at(consensus, "roundtime_ms")) + " ms");
    if (at(consensus, "can_close_ledgers") == PlainJson(false)) {
        out.add("!", "no ledger can close: " + text(at(consensus, "why_not")));
    }
    if (const PlainJson& activity = at(consensus, "catching_up"); !activity.is_null()) {
        out.add("!", text(activity));
    }
    if (const PlainJson& why = at(consensus, "suspended"); !why.is_null()) {
        out.add("!", "takes no part in consensus: " + text(why));
    }
    const PlainJson& users = at(status, "users");
    const PlainJson& port = at(users, "port");
    out.add("users", text(at(users, "connected")) + " connected, " +
                         (number(port) == 0 ? std::string("not listening") : "port " + text(port)));
}

void add_last_run(Lines& out, const PlainJson& run) {
    if (run.is_null()) {
        return;
    }
    out.add("last run", "ledger " + text(at(run, "seq")) + ": " + text(at(run, "what")) + ", " +
                            text(at(run, "wall_ms")) + " ms, CPU " + text(at(run, "cpu_ms")) +
                            " ms, RSS " + text(at(run, "max_rss_kib")) + " KiB");
    out.add("", text(at(run, "input_bytes")) + " bytes in, " + text(at(run, "output_bytes")) +
                    " bytes out in " + text(at(run, "outputs")) + " messages");
    if (at(run, "over_budget") == PlainJson(true)) {
        out.add("!", "over its budget of " + text(at(run, "budget_ms")) +
                         " ms: the next ledger was late");
    }
    if (at(run, "void") == PlainJson(true)) {
        out.add("!", "void, outputs and changes dropped: " + text(at(run, "void_reason")));
    }
}

void add_contract(Lines& out, const PlainJson& contract) {
    out.add("contract", text(at(contract, "id")) + ", version " + text(at(contract, "version")) +
                            (at(contract, "executes") == PlainJson(false) ? ", not executed" : "") +
                            (at(contract, "running").is_null()
                                 ? std::string()
                                 : ", running for ledger " + text(at(contract, "running"))));
    out.add("roots", "state " + text(at(contract, "state_root")).substr(0, short_hash_chars) +
                         ", config " +
                         text(at(contract, "config_root")).substr(0, short_hash_chars));
    const PlainJson& rejected = at(contract, "rejected_patch");
    if (!rejected.is_null()) {
        out.add("!", "patch.cfg agreed on in ledger " + text(at(rejected, "ledger")) +
                         " is not in force: " + text(at(rejected, "problem")));
    }
    add_last_run(out, at(contract, "last_run"));
    const PlainJson& runs = at(contract, "since_start");
    out.add("since start",
            text(at(runs, "runs")) + " runs, " + text(at(runs, "abnormal")) + " abnormal (" +
                text(at(runs, "exited_nonzero")) + " exit codes, " + text(at(runs, "signaled")) +
                " signals, " + text(at(runs, "timed_out")) + " timeouts, " +
                text(at(runs, "not_started")) + " not started), " + text(at(runs, "void")) +
                " void, " + text(at(runs, "over_budget")) + " over budget");
    const PlainJson& reads = at(contract, "reads");
    out.add("reads", text(at(reads, "answered")) + " answered, " + text(at(reads, "failed")) +
                         " failed, " + text(at(reads, "dropped")) + " dropped");
    out.add("sandbox", text(at(contract, "sandbox")) +
                           "; read requests: " + text(at(contract, "read_protection")));
}

void add_peers(Lines& out, const PlainJson& peers) {
    std::string line;
    const PlainJson& known = at(peers, "known");
    for (const PlainJson& peer : known.is_array() ? known : PlainJson::array()) {
        line += (line.empty() ? "" : " ") + text(peer);
    }
    out.add("peers", (line.empty() ? std::string("none known") : line) +
                         (at(peers, "discovery") == PlainJson(true) ? " (discovery on)" : ""));
    const PlainJson& connected = at(peers, "connected");
    if (connected.is_array() && !connected.empty()) {
        out.add("connected", std::to_string(connected.size()) + " peers");
    }
}

} // namespace

Result<std::string> render_status(std::string_view document) {
    const PlainJson status = PlainJson::parse(document, nullptr, false);
    if (!status.is_object() || at(status, "schema") != PlainJson("hp.node.status/1")) {
        return fail(Errc::invalid, "what answers there is not a node of this kind");
    }
    Lines out;
    add_node(out, status);
    add_consensus(out, status);
    add_contract(out, at(status, "contract"));
    add_peers(out, at(status, "peers"));
    return out.take();
}

} // namespace hp::node
