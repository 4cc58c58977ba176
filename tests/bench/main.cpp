// SPDX-License-Identifier: Apache-2.0
// hpbench: argument parsing only.
#include "benchmarks.hpp"

#include <cstdlib>
#include <functional>
#include <iostream>

#include <CLI/CLI.hpp>

#include "hp/crypto/keys.hpp"

namespace {

using namespace hp::bench;

constexpr int exit_failed = 1;
constexpr int exit_usage = 2;

struct Options {
    std::string url = "wss://127.0.0.1:8080";
    bool json = false;
    std::string rate = "max";
    LedgersOptions ledgers;
    LatencyOptions latency;
    InputsOptions inputs;
    ReadsOptions reads;
    IdleOptions idle;
    StateOptions state;
};

using Measurement = std::function<hp::Result<Report>()>;

struct Command {
    CLI::App* app;
    Measurement run;
};

template <class T>
CLI::Option* option(CLI::App* app, const char* name, T& value, const char* what) {
    return app->add_option(name, value, what)->capture_default_str();
}

std::string check_amount(const std::string& text) {
    return std::strtod(text.c_str(), nullptr) > 0 ? std::string() : "must be above 0";
}

// A number of which zero would mean an endless or empty measurement.
template <class T>
void amount(CLI::App* app, const char* name, T& value, const char* what) {
    option(app, name, value, what)->check(check_amount);
}

Command ledgers_command(CLI::App& parent, Options& o) {
    CLI::App* app = parent.add_subcommand("ledgers", "ledgers per second without inputs");
    amount(app, "--seconds", o.ledgers.seconds, "how long to count");
    return {app, [&o] {
                o.ledgers.url = o.url;
                return measure_ledgers(o.ledgers);
            }};
}

Command latency_command(CLI::App& parent, Options& o) {
    CLI::App* app = parent.add_subcommand("latency", "one input at a time");
    amount(app, "--count", o.latency.count, "inputs");
    option(app, "--interval-ms", o.latency.interval_ms, "least time from one to the next");
    option(app, "--bytes", o.latency.payload_bytes, "payload of an input");
    return {app, [&o] {
                o.latency.url = o.url;
                return measure_latency(o.latency);
            }};
}

Command inputs_command(CLI::App& parent, Options& o) {
    CLI::App* app = parent.add_subcommand(
        "inputs", "many inputs (the node needs contract.max_input_ledger_offset 0)");
    amount(app, "--connections", o.inputs.connections, "users at the same time");
    option(app, "--rate", o.rate, "inputs per second, all connections, or max")
        ->check([](const std::string& rate) {
            return rate == "max" ? std::string() : check_amount(rate);
        });
    amount(app, "--seconds", o.inputs.seconds, "how long to send");
    amount(app, "--window", o.inputs.window, "with max: unanswered inputs per connection");
    amount(app, "--prepare", o.inputs.prepared, "with max: inputs to sign beforehand");
    option(app, "--bytes", o.inputs.payload_bytes, "payload of an input");
    option(app, "--expire-after", o.inputs.expire_after, "ledgers an input stays valid");
    option(app, "--pid", o.inputs.node_pid, "the node: report its processor time");
    return {app, [&o]() -> hp::Result<Report> {
                o.inputs.url = o.url;
                if (o.rate != "max") {
                    o.inputs.per_second = std::strtod(o.rate.c_str(), nullptr);
                }
                return measure_inputs(o.inputs);
            }};
}

Command reads_command(CLI::App& parent, Options& o) {
    CLI::App* app = parent.add_subcommand("reads", "read requests");
    amount(app, "--outstanding", o.reads.outstanding, "unanswered requests at any time");
    amount(app, "--count", o.reads.count, "requests");
    option(app, "--interval-ms", o.reads.interval_ms,
           "from one request to the next at least, with one outstanding");
    option(app, "--bytes", o.reads.payload_bytes, "payload of a request");
    option(app, "--pid", o.reads.node_pid, "the node: report its processor time");
    return {app, [&o] {
                o.reads.url = o.url;
                return measure_reads(o.reads);
            }};
}

Command idle_command(CLI::App& parent, Options& o) {
    CLI::App* app = parent.add_subcommand("idle", "memory and processor time of a node");
    app->add_option("--pid", o.idle.node_pid, "the node")->required();
    amount(app, "--seconds", o.idle.seconds, "how long to look");
    return {app, [&o] { return measure_idle(o.idle); }};
}

void state_options(CLI::App* app, StateOptions& state) {
    option(app, "--dir", state.directory, "an existing directory for the files");
    option(app, "--bytes", state.bytes, "of one big file")->transform(CLI::AsSizeValue(false));
    option(app, "--files", state.files, "of 100 bytes each");
}

Command state_command(CLI::App& parent, Options& o) {
    CLI::App* app =
        parent.add_subcommand("state", "what the state store adds to a round; needs no node");
    state_options(app, o.state);
    amount(app, "--rounds", o.state.rounds, "of each kind");
    amount(app, "--full-rounds", o.state.full_rounds, "in which everything changes");
    return {app, [&o] { return measure_state(o.state); }};
}

Command sync_command(CLI::App& parent, Options& o) {
    CLI::App* app = parent.add_subcommand(
        "sync", "one store gets its state from another, in one thread; needs no node");
    state_options(app, o.state);
    return {app, [&o] { return measure_sync(o.state); }};
}

int measure(const Command& command, const Options& options) {
    hp::crypto::init();
    const auto report = command.run();
    if (!report) {
        std::cerr << "hpbench: error: " << report.err().context << "\n";
        return exit_failed;
    }
    if (options.json) {
        report->print_json(std::cout);
    } else {
        report->print_text(std::cout);
    }
    return 0;
}

int run(int argc, char** argv) {
    Options options;
    CLI::App app("hpbench: measures a running node that has the echo contract, and the state store",
                 "hpbench");
    app.require_subcommand(1);
    app.fallthrough(); // options below may follow the subcommand
    option(&app, "--url", options.url, "the node's user port");
    app.add_flag("--json", options.json, "one JSON object instead of lines");
    const std::vector<Command> commands = {
        ledgers_command(app, options), latency_command(app, options), inputs_command(app, options),
        reads_command(app, options),   idle_command(app, options),    state_command(app, options),
        sync_command(app, options)};
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : exit_usage;
    }
    for (const Command& command : commands) {
        if (command.app->parsed()) {
            return measure(command, options);
        }
    }
    return exit_usage;
}

} // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        std::cerr << "hpbench: internal error: " << error.what() << "\n";
        return exit_failed;
    }
}
