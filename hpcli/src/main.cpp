// SPDX-License-Identifier: Apache-2.0
// hpcli: understands the command line, runs one command, shows its answer or its error.
#include "commands.hpp"
#include "hp/crypto/keys.hpp"
#include "output.hpp"

#include <csignal>

namespace {

using namespace hp::cli;

Outcome dispatch(const Args& args) {
    switch (args.command) {
    case Command::help:
        return Answer{args.help_text};
    case Command::version:
        return run_version(args);
    case Command::key_new:
        return run_key_new(args);
    case Command::key_show:
        return run_key_show(args);
    case Command::key_list:
        return run_key_list(args);
    case Command::send:
        return run_send(args);
    case Command::read:
        return run_read(args);
    case Command::status:
        return run_status(args);
    case Command::lcl:
        return run_lcl(args);
    case Command::ledger_get:
        return run_ledger_get(args);
    case Command::watch:
        break;
    }
    return run_watch(args);
}

// JSON errors take the answer's place on stdout, so that scripts have one place to look.
int report(const Failure& failure, bool json, std::string_view schema) {
    if (failure.silent_exit != 0) {
        return failure.silent_exit;
    }
    if (!json) {
        write_note(describe(failure));
        return failure.exit_code();
    }
    const auto written = write_answer(to_json(failure, schema));
    return written ? failure.exit_code() : written.error().exit_code();
}

int run(int argc, const char* const* argv) {
    const auto args = parse_args(argc, argv);
    if (!args) {
        const ErrorStyle style = guess_error_style(argc, argv);
        return report(args.error(), style.json, style.schema);
    }
    Outcome outcome = dispatch(*args);
    if (outcome) {
        auto written = write_answer(outcome->text);
        if (written) {
            return 0;
        }
        outcome = tl::unexpected(std::move(written.error()));
        write_note(outcome.error().silent_exit == 0 ? describe(outcome.error()) : "");
        return outcome.error().exit_code(); // stdout is no place to report this
    }
    return report(outcome.error(), args->json, args->schema);
}

} // namespace

int main(int argc, char** argv) {
    // A reader that has gone is an error of write(), with an exit code of ours.
    std::signal(SIGPIPE, SIG_IGN);
    hp::crypto::init();
    return run(argc, argv);
}
