// SPDX-License-Identifier: Apache-2.0
// hpnode: argument parsing only.
#include <array>
#include <iostream>

#include <CLI/CLI.hpp>

#include "hp/crypto/keys.hpp"
#include "node/commands.hpp"

namespace {

struct Options {
    std::string directory;
    bool json = false;
};

// Takes a node's directory and nothing else.
struct Simple {
    const char* name;
    const char* what;
    int (*run)(const std::string& directory);
};

constexpr std::array simple_commands = {
    Simple{"new", "create a node's directory", hp::node::command_new},
    Simple{"run", "run a node in the foreground", hp::node::command_run},
    Simple{"rekey", "give a node new signing keys", hp::node::command_rekey},
    Simple{"vouch", "say that a stopped node's votes are all known, see docs/operations.md",
           hp::node::command_vouch},
    Simple{"impose", "let an edited contract section count at once, see docs/operations.md",
           hp::node::command_impose},
};

CLI::App* add_command(CLI::App& parent, const char* name, const char* what, Options& options,
                      bool takes_directory) {
    CLI::App* command = parent.add_subcommand(name, what);
    if (takes_directory) {
        command->add_option("DIR", options.directory, "the node's directory")->required();
    }
    return command;
}

void add_state_commands(CLI::App& state, hp::node::StateOptions& options) {
    state.require_subcommand(1);
    const auto add = [&](const char* name, const char* what, bool takes_path) {
        CLI::App* command = state.add_subcommand(name, what);
        command->add_option("DIR", options.directory, "the node's directory")->required();
        if (takes_path) {
            command->add_option("PATH", options.path, "relative to the state; or ../patch.cfg");
        }
        command->add_option("--seq", options.seq, "as it was after this ledger");
        if (std::string_view(name) != "cat") {
            command->add_flag("--json", options.json, "answer with one JSON document");
        }
        return command;
    };
    add("ls", "list a directory", true);
    add("tree", "list everything, with hashes", true);
    add("cat", "print a file", true)->get_option("PATH")->required();
    add("hash", "the hash that nodes agree on", true);
    add("diff", "what changed", false)
        ->add_option("--since", options.since, "since this ledger, not since the version before");
    add("verify", "read and check everything", false);
}

int run(int argc, char** argv) {
    Options options;
    CLI::App app("hpnode: runs a POSIX program as a replicated smart contract", "hpnode");
    app.require_subcommand(1);
    app.footer("Examples:\n  hpnode new ./node1    make a node\n  hpnode run ./node1    run it");

    const auto json_flag = [&](CLI::App* command) {
        command->add_flag("--json", options.json, "answer with one JSON document");
    };
    for (const Simple& simple : simple_commands) {
        add_command(app, simple.name, simple.what, options, true);
    }
    CLI::App* check =
        add_command(app, "check", "report everything wrong with a node's directory", options, true);
    CLI::App* status =
        add_command(app, "status", "show what a running node is doing", options, true);
    CLI::App* ledger = app.add_subcommand("ledger", "look at a stopped or running node's ledgers");
    ledger->require_subcommand(1);
    CLI::App* verify =
        add_command(*ledger, "verify", "recompute the whole chain offline", options, true);
    CLI::App* state = app.add_subcommand("state", "look at a stopped or running node's state");
    hp::node::StateOptions state_options;
    add_state_commands(*state, state_options);
    CLI::App* version = add_command(app, "version", "show versions", options, false);
    for (CLI::App* command : {check, status, verify, version}) {
        json_flag(command);
    }

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? hp::node::exit_ok : hp::node::exit_refused;
    }
    hp::crypto::init();
    for (const Simple& simple : simple_commands) {
        if (app.got_subcommand(simple.name)) {
            return simple.run(options.directory);
        }
    }
    if (check->parsed()) {
        return hp::node::command_check(options.directory, options.json);
    }
    if (status->parsed()) {
        return hp::node::command_status(options.directory, options.json);
    }
    if (verify->parsed()) {
        return hp::node::command_ledger_verify(options.directory, options.json);
    }
    if (state->parsed()) {
        state_options.what = state->get_subcommands().front()->get_name();
        return hp::node::command_state(state_options);
    }
    if (version->parsed()) {
        return hp::node::command_version(options.json);
    }
    return hp::node::exit_usage;
}

} // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        // Nothing below lets exceptions out, so this is a bug; say what is known and fail.
        std::cerr << "hpnode: internal error: " << error.what() << "\n";
        return 70;
    }
}
