// SPDX-License-Identifier: Apache-2.0
// hpcli: understands the command line, runs one command, shows its answer or its error.
#include "command_table.hpp"
#include "hp/crypto/keys.hpp"
#include "output.hpp"

#include <csignal>

namespace {

using namespace hp::cli;

// JSON errors take the answer's place on stdout, so that scripts have one place to look.
int report(const Failure& failure, bool json, bool color, std::string_view schema) {
    if (failure.silent_exit) {
        return *failure.silent_exit;
    }
    const auto written = write_answer(json ? to_json(failure, schema) : failure.answer);
    if (!written) {
        return written.error().exit_code();
    }
    if (!json) {
        write_note(describe(failure, color));
    }
    return failure.exit_code();
}

int run(int argc, const char* const* argv) {
    const auto args = parse_args(argc, argv);
    if (!args) {
        const ErrorStyle style = guess_error_style(argc, argv);
        return report(args.error(), style.json, style.color, style.schema);
    }
    Outcome outcome =
        args->command == nullptr ? Answer{args->help_text} : args->command->run(*args);
    if (outcome) {
        auto written = write_answer(outcome->text);
        if (written) {
            return 0;
        }
        outcome = tl::unexpected(std::move(written.error()));
        write_note(outcome.error().silent_exit ? "" : describe(outcome.error()));
        return outcome.error().exit_code(); // stdout is no place to report this
    }
    return report(outcome.error(), args->json, args->color, args->schema);
}

} // namespace

int main(int argc, char** argv) {
    // A reader that has gone is an error of write(), with an exit code of ours. Handled, not
    // ignored: programs that we start begin with the default again.
    std::signal(SIGPIPE, [](int) {});
    hp::crypto::init();
    return run(argc, argv);
}
