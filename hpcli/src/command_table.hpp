// SPDX-License-Identifier: Apache-2.0
// Every command: its words, arguments, one line about it and two examples. Feeds the parser, the
// help texts and the names of the JSON documents. Constants.
#pragma once

#include "args.hpp"

#include <array>
#include <string>
#include <string_view>

namespace hp::cli {

struct CommandInfo {
    Command command;
    std::string_view words;     // "key new"
    std::string_view arguments; // for the usage line
    std::string_view summary;
    bool online; // talks to a node, so the connection options apply
    std::string_view example;
    std::string_view example_more;
};

inline constexpr std::array command_table = {
    CommandInfo{Command::send, "send", "TEXT | @FILE | - | ITEM...",
                "Submit an input and print what the contract answers in the agreed ledger", true,
                "hpcli send -s wss://127.0.0.1:8080 'hello'",
                "hpcli send op=add n:=5 --json | jq .outputs"},
    CommandInfo{Command::read, "read", "TEXT | @FILE | - | ITEM...",
                "Ask the contract on one node, outside consensus", true,
                "hpcli read -s wss://127.0.0.1:8080 balance",
                "hpcli read @request.json --timeout 3s > reply.bin"},
    CommandInfo{Command::status, "status", "", "Show the node's view of the cluster", true,
                "hpcli status -s wss://127.0.0.1:8080", "hpcli status --json | jq -r .vote_status"},
    CommandInfo{Command::lcl, "lcl", "", "Print number and hash of the last closed ledger", true,
                "hpcli lcl -s wss://127.0.0.1:8080", "hpcli lcl --json | jq .ledger.seq"},
    CommandInfo{Command::ledger_get, "ledger get", "SEQ | lcl", "Show one ledger", true,
                "hpcli ledger get 120 --inputs --outputs",
                "hpcli ledger get lcl --json | jq -r .ledger.state_hash"},
    CommandInfo{Command::watch, "watch", "[outputs] [ledgers] [votes] [unl] [health]",
                "Print events as they happen; without words: all but health", true,
                "hpcli watch ledgers --count 3", "hpcli watch outputs -k alice --json"},
    CommandInfo{Command::key_new, "key new", "NAME", "Make a key and store it", false,
                "hpcli key new alice", "hpcli key new ci --json | jq -r .public_key"},
    CommandInfo{Command::key_show, "key show", "[NAME]", "Print a key's public half", false,
                "hpcli key show", "hpcli key show alice --json"},
    CommandInfo{Command::key_list, "key list", "", "List the stored keys", false, "hpcli key list",
                "hpcli key list --json | jq '.keys[].name'"},
    CommandInfo{Command::version, "version", "", "Print the versions of program and protocol",
                false, "hpcli version", "hpcli version --json | jq -r .hp_version"},
};

// "hp.cli.key.new/1"
inline std::string schema_of(std::string_view words) {
    std::string out = "hp.cli.";
    for (const char c : words) {
        out += c == ' ' ? '.' : c;
    }
    return out + "/1";
}

} // namespace hp::cli
