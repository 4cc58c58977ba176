// SPDX-License-Identifier: Apache-2.0
// What hpdev says about itself (cli/about.hpp).
#include "cli/about.hpp"
#include "cli/config_command.hpp"
#include "commands.hpp"

#include <array>

namespace hp::dev {
namespace {

using cli::CommandInfo;
using cli::Scope;

constexpr std::array manual_table = {
    CommandInfo{"config explain",
                "KEY",
                1,
                1,
                Scope::offline,
                "Show where an option's value comes from, and what it hides",
                "hpdev config explain cluster",
                "hpdev config explain output --json | jq -r '.sources[0].source'",
                {},
                cli::config_explain_fields,
                cli::run_config_explain},
    CommandInfo{"explain",
                "CODE",
                1,
                1,
                Scope::offline,
                "Say what an exit or error code means",
                "hpdev explain 7",
                "hpdev explain HPE-9007 --json | jq -r '.errors[].meaning'",
                {},
                cli::explain_fields,
                cli::run_explain},
    CommandInfo{"schema",
                "[COMMAND]",
                0,
                3,
                Scope::offline,
                "Print the JSON Schema of a command's answer, or list them",
                "hpdev schema ps",
                "hpdev schema state ls > state-ls.schema.json",
                {},
                cli::schema_fields,
                cli::run_schema},
    CommandInfo{"completion",
                "bash|zsh|fish",
                1,
                1,
                Scope::offline,
                "Print a shell's completion script",
                "source <(hpdev completion bash)",
                "hpdev completion fish > ~/.config/fish/completions/hpdev.fish",
                {},
                "",
                cli::run_completion},
    CommandInfo{"man",
                "",
                0,
                0,
                Scope::offline,
                "Print the manual page",
                "hpdev man | man -l -",
                "hpdev man > hpdev.1",
                {},
                "",
                cli::run_man},
    CommandInfo{"version",
                "",
                0,
                0,
                Scope::offline,
                "Print the versions of program and protocol",
                "hpdev version",
                "hpdev version --json | jq -r .hp_version",
                {},
                cli::version_fields,
                cli::run_version},
};

} // namespace

cli::Commands manual_commands() {
    return manual_table;
}

} // namespace hp::dev
