// SPDX-License-Identifier: Apache-2.0
#include "cli/program.hpp"

#include "cli/output.hpp"
#include "cli/presenter.hpp"
#include "cli/protocol_trace.hpp"
#include "hp/crypto/keys.hpp"

#include <algorithm>
#include <csignal>

namespace hp::cli {
namespace {

// JSON errors take the answer's place on stdout, so that scripts have one place to look.
int report(const Program& program, const Failure& failure, const ErrorStyle& style) {
    if (failure.silent_exit) {
        return *failure.silent_exit;
    }
    const auto written = write_answer(style.json ? to_json(failure, style.schema) : failure.answer);
    if (!written) {
        return written.error().exit_code();
    }
    if (!style.json) {
        write_note(describe(program.name, failure, style.color));
    }
    return failure.exit_code();
}

// What there was to say all the same has the shape of an answer.
Failure shaped(const Args& args, Failure failure) {
    if (args.presenter && args.output != OutputFormat::json) {
        failure.answer =
            failure.members.empty() ? "" : args.presenter->show(failure.members.text());
    }
    return failure;
}

} // namespace

const CommandInfo* Program::find(std::string_view words) const {
    const auto found = std::ranges::find(commands, words, &CommandInfo::words);
    return found == commands.end() ? nullptr : &*found;
}

std::string Program::schema_of(std::string_view words) const {
    std::string out(schema_prefix);
    for (const char c : words) {
        out += c == ' ' ? '.' : c;
    }
    return out + "/1";
}

int run_program(const Program& program, int argc, const char* const* argv) {
    // A reader that has gone is an error of write(), with an exit code of ours. Handled, not
    // ignored: programs that we start begin with the default again.
    std::signal(SIGPIPE, [](int) {});
    crypto::init();
    auto args = parse_args(program, argc, argv);
    if (!args) {
        return report(program, args.error(), guess_error_style(program, argc, argv));
    }
    const auto recording = start_records(*args);
    const Outcome outcome = !recording                 ? tl::unexpected(recording.error())
                            : args->command == nullptr ? Outcome(Answer{args->help_text})
                                                       : args->command->run(*args);
    if (!outcome) {
        return report(program, shaped(*args, outcome.error()),
                      {args->output == OutputFormat::json, args->color, args->schema});
    }
    const auto written = write_answer(*args, outcome->text);
    if (!written && !written.error().silent_exit) { // stdout is no place to report this
        write_note(describe(program.name, written.error(), args->color));
    }
    return written ? 0 : written.error().exit_code();
}

} // namespace hp::cli
