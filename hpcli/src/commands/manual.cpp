// SPDX-License-Identifier: Apache-2.0
// What hpcli says about itself (cli/about.hpp).
#include "cli/about.hpp"
#include "cli/config_command.hpp"
#include "commands.hpp"

namespace hp::cli {
namespace {

constexpr std::array manual_table = {
    CommandInfo{"config explain",
                "KEY",
                1,
                1,
                Scope::offline,
                "Show where an option's value comes from, and what it hides",
                "hpcli config explain timeout",
                "hpcli config explain output --json | jq -r '.sources[0].source'",
                {},
                config_explain_fields,
                run_config_explain},
    CommandInfo{"explain",
                "CODE",
                1,
                1,
                Scope::offline,
                "Say what an exit or error code means",
                "hpcli explain 7",
                "hpcli explain HPE-4004 --json | jq -r '.errors[].meaning'",
                {},
                explain_fields,
                run_explain},
    CommandInfo{"schema",
                "[COMMAND]",
                0,
                3,
                Scope::offline,
                "Print the JSON Schema of a command's answer, or list them",
                "hpcli schema send",
                "hpcli schema ledger get > ledger-get.schema.json",
                {},
                schema_fields,
                run_schema},
    CommandInfo{"completion",
                "bash|zsh|fish",
                1,
                1,
                Scope::offline,
                "Print a shell's completion script",
                "source <(hpcli completion bash)",
                "hpcli completion fish > ~/.config/fish/completions/hpcli.fish",
                {},
                "",
                run_completion},
    CommandInfo{"man",
                "",
                0,
                0,
                Scope::offline,
                "Print the manual page",
                "hpcli man | man -l -",
                "hpcli man > hpcli.1",
                {},
                "",
                run_man},
    CommandInfo{"version",
                "",
                0,
                0,
                Scope::offline,
                "Print the versions of program and protocol",
                "hpcli version",
                "hpcli version --json | jq -r .hp_version",
                {},
                version_fields,
                run_version},
};

} // namespace

Commands manual_commands() {
    return manual_table;
}

} // namespace hp::cli
