// SPDX-License-Identifier: Apache-2.0
// cheat: what to type for what, by topic. A test has every line understood by the parser.
#include "commands.hpp"

#include "cheat_lines.hpp"
#include "cli/render.hpp"

#include <algorithm>

namespace hp::cli {
namespace {

constexpr std::array lines = {
    CheatLine{"send", "send text", "hpcli send 'add 5'"},
    CheatLine{"send", "send JSON made of items", "hpcli send op=add n:=5 user.name=ann"},
    CheatLine{"send", "send a file", "hpcli send @photo.png --progress"},
    CheatLine{"send", "one input a line", "hpcli send --lines --inflight 32"},
    CheatLine{"send", "fail when there is no answer", "hpcli send 'get' --require-output"},
    CheatLine{"send", "repeat what certainly did not get in",
              "hpcli send 'add 5' --retry max_ledger_expired"},
    CheatLine{"send", "keep a proof of the answer", "hpcli send 'get' --proof answer.proof"},
    CheatLine{"send", "outputs into files", "hpcli send 'get' --save answers"},
    CheatLine{"send", "a program that does the same", "hpcli send 'get' --as js"},
    CheatLine{"read", "ask one node", "hpcli read get"},
    CheatLine{"read", "ask all and compare", "hpcli read get --quorum all"},
    CheatLine{"read", "again when it changes", "hpcli read get --watch 2s"},
    CheatLine{"watch", "follow ledgers", "hpcli watch ledgers"},
    CheatLine{"watch", "a user's outputs, without gaps",
              "hpcli watch outputs -k alice --from 120 --json"},
    CheatLine{"status", "is everything fine?", "hpcli status --all"},
    CheatLine{"status", "some columns only", "hpcli status --all --fields url,ledger.seq,rtt_ms"},
    CheatLine{"status", "wait for a node", "hpcli wait synced --timeout 30s"},
    CheatLine{"status", "what is wrong here?", "hpcli doctor"},
    CheatLine{"ledger", "the last ten", "hpcli ledger list -10.."},
    CheatLine{"ledger", "where an input went", "hpcli ledger find --hash HASH"},
    CheatLine{"ledger", "by time", "hpcli ledger find --time 2026-02-03T04:05:06Z"},
    CheatLine{"ledger", "check them all", "hpcli ledger verify 1.."},
    CheatLine{"ledger", "keep them, compressed", "hpcli ledger export -O ledgers.ndjson.zst"},
    CheatLine{"keys", "make one", "hpcli key new alice --encrypt"},
    CheatLine{"keys", "use it from now on", "hpcli key use alice"},
    CheatLine{"keys", "from the JavaScript tutorials", "hpcli key import alice user.key"},
    CheatLine{"keys", "a user of a local cluster", "hpcli send hello -k dev:bob"},
    CheatLine{"contexts", "name servers once",
              "hpcli context add prod -s wss://n1:8080 -s wss://n2:8080"},
    CheatLine{"contexts", "switch", "hpcli context use prod"},
    CheatLine{"contexts", "why does it talk to that server?", "hpcli config explain server"},
    CheatLine{"trust", "remember a server", "hpcli trust pin wss://n1:8080"},
    CheatLine{"trust", "only servers that are known", "hpcli send hello --pin known"},
    CheatLine{"trust", "new validators, from a quorum",
              "hpcli trust check -s wss://n1:8080 -s wss://n2:8080"},
    CheatLine{"cluster", "some nodes of the local cluster", "hpcli status --all -n 2-4"},
    CheatLine{"cluster", "another cluster of the project", "hpcli lcl --cluster big"},
    CheatLine{"scripts", "send and expect", "hpcli run demo.hps"},
    CheatLine{"scripts", "record and repeat", "hpcli session replay demo.session --expect"},
    CheatLine{"scripts", "values for a shell", "hpcli lcl -o raw --fields ledger.seq"},
    CheatLine{"protocol", "every message in a file", "hpcli send hello --trace trace.ndjson"},
    CheatLine{"protocol", "look at a message", "hpcli decode @frame.bin"},
    CheatLine{"protocol", "talk it yourself", "hpcli raw --protocol json"},
    CheatLine{"protocol", "load", "hpcli bench --rate 200 --duration 30s --users 20 'add 1'"},
};

std::vector<std::string> topics() {
    std::vector<std::string> out;
    for (const CheatLine& line : lines) {
        if (std::ranges::find(out, line.topic) == out.end()) {
            out.emplace_back(line.topic);
        }
    }
    return out;
}

Outcome run_cheat(const Args& args) {
    const std::string wanted = args.arguments.empty() ? "" : args.arguments.front();
    std::string text;
    JsonArray list;
    std::string_view topic;
    for (const CheatLine& line : lines) {
        if (!wanted.empty() && line.topic != wanted) {
            continue;
        }
        if (line.topic != topic && wanted.empty()) {
            text += (text.empty() ? "" : "\n") + std::string(line.topic) + "\n";
        }
        topic = line.topic;
        std::string what = "  " + std::string(line.what);
        what.resize(std::max<std::size_t>(what.size() + 1, 40), ' ');
        text += what + std::string(line.command) + "\n";
        list.add_raw(JsonObject()
                         .add("topic", line.topic)
                         .add("what", line.what)
                         .add("command", line.command)
                         .text());
    }
    if (text.empty()) {
        std::string known;
        for (const std::string& one : topics()) {
            known += (known.empty() ? "" : ", ") + one;
        }
        return failure(ErrorId::not_known, "no topic \"" + wanted + "\"", "there are " + known);
    }
    return Answer{args.json ? document(args.schema).add("lines", list).text() + "\n" : text};
}

constexpr std::array cheat_table = {
    CommandInfo{"cheat",
                "[TOPIC]",
                0,
                1,
                Scope::offline,
                "Show what to type for what",
                "hpcli cheat",
                "hpcli cheat ledger",
                {},
                "ok:bool lines:[{topic:text what:text command:text}]",
                run_cheat},
};

} // namespace

std::span<const CheatLine> cheat_lines() {
    return lines;
}

Commands cheat_commands() {
    return cheat_table;
}

} // namespace hp::cli
