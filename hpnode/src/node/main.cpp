// SPDX-License-Identifier: Apache-2.0
// hpnode: argument parsing only.
#include <iostream>

#include <CLI/CLI.hpp>

#include "hp/crypto/keys.hpp"
#include "node/commands.hpp"

namespace {

struct Options {
    std::string directory;
    bool json = false;
};

CLI::App* add_command(CLI::App& parent, const char* name, const char* what, Options& options,
                      bool takes_directory) {
    CLI::App* command = parent.add_subcommand(name, what);
    if (takes_directory) {
        command->add_option("DIR", options.directory, "the node's directory")->required();
    }
    return command;
}

int run(int argc, char** argv) {
    Options options;
    CLI::App app("hpnode: runs a POSIX program as a replicated smart contract", "hpnode");
    app.require_subcommand(1);
    app.footer("Examples:\n  hpnode new ./node1    make a node\n  hpnode run ./node1    run it");

    const auto json_flag = [&](CLI::App* command) {
        command->add_flag("--json", options.json, "answer with one JSON document");
    };
    CLI::App* make = add_command(app, "new", "create a node's directory", options, true);
    CLI::App* start = add_command(app, "run", "run a node in the foreground", options, true);
    CLI::App* rekey = add_command(app, "rekey", "give a node new signing keys", options, true);
    CLI::App* check =
        add_command(app, "check", "report everything wrong with a node's directory", options, true);
    CLI::App* status =
        add_command(app, "status", "show what a running node is doing", options, true);
    CLI::App* ledger = app.add_subcommand("ledger", "look at a stopped or running node's ledgers");
    ledger->require_subcommand(1);
    CLI::App* verify =
        add_command(*ledger, "verify", "recompute the whole chain offline", options, true);
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
    if (make->parsed()) {
        return hp::node::command_new(options.directory);
    }
    if (start->parsed()) {
        return hp::node::command_run(options.directory);
    }
    if (rekey->parsed()) {
        return hp::node::command_rekey(options.directory);
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
