// SPDX-License-Identifier: Apache-2.0
#include "cli/connection_args.hpp"
#include "commands.hpp"

namespace hp::cli {
namespace {

std::vector<CommandInfo> all_commands() {
    std::vector<CommandInfo> out;
    for (const Commands part :
         {send_commands(),    read_commands(),   watch_commands(),        status_commands(),
          wait_commands(),    ledger_commands(), ledger_range_commands(), proof_commands(),
          script_commands(),  shell_commands(),  bench_commands(),        key_commands(),
          context_commands(), trust_commands(),  raw_commands(),          ping_commands(),
          doctor_commands(),  decode_commands(), encode_commands(),       cheat_commands(),
          manual_commands()}) {
        out.insert(out.end(), part.begin(), part.end());
    }
    return out;
}

constexpr std::string_view ask_keys = "hpcli key list 2>/dev/null | cut -d' ' -f1";
constexpr std::string_view ask_contexts =
    "hpcli context list 2>/dev/null | cut -c3- | cut -d' ' -f1";

constexpr std::array completions = {
    Completion{"KEY", "agent ephemeral", ask_keys},
    Completion{"CONTEXT", "", ask_contexts},
    Completion{"key show", "", ask_keys},
    Completion{"key use", "", ask_keys},
    Completion{"key rm", "", ask_keys},
    Completion{"key export", "", ask_keys},
    Completion{"key passwd", "", ask_keys},
    Completion{"key sign", "", ask_keys},
    Completion{"context edit", "", ask_contexts},
    Completion{"CLUSTER", "", "ls .hp/clusters 2>/dev/null"},
    Completion{"SET", "all unl observers last", ""},
    Completion{"cheat", "", "hpcli cheat -o raw --fields topic 2>/dev/null | sort -u"},
    Completion{"context use", "", ask_contexts},
    Completion{"context show", "", ask_contexts},
    Completion{"context rm", "", ask_contexts},
    Completion{"context export", "", ask_contexts},
    Completion{"watch", "outputs ledgers votes unl health", ""},
};

constexpr std::string_view manual_end =
    ".SH ENVIRONMENT\n.TP\n.B HP_SERVERS\nServers when neither option nor context names one.\n"
    ".TP\n.B HP_CONTEXT\nThe context to use.\n.TP\n.B HP_CLI_<OPTION>\n"
    "Any option that is not given, such as HP_CLI_TIMEOUT=5s.\n"
    ".TP\n.B NO_COLOR, CLICOLOR_FORCE\n"
    "Never or always use colours.\n.SH FILES\n.TP\n.I ~/.local/share/hotpocket/keys\n"
    "Keys, mode 0600.\n.TP\n.I ~/.config/hotpocket\nContexts, pinned servers, settings "
    "(config.toml).\n.TP\n.I hpdev.toml\nSettings of a project, in its table [cli].\n.TP\n"
    ".I .hp/current/cluster.json\nThe cluster that hpdev runs here.\n";

} // namespace

const Program& hpcli_program() {
    static const std::vector<CommandInfo> commands = all_commands();
    static const Program program{
        .name = "hpcli",
        .summary = "client of HotPocket contract clusters",
        .schema_prefix = "hp.cli.",
        .example = "hpcli send -s wss://127.0.0.1:8080 'hello'",
        .example_more = "HP_SERVERS=wss://127.0.0.1:8080 hpcli status --json",
        .commands = commands,
        .shared_title = "Connection options (every command that talks to a node)",
        .shared_hint = "connection: -s/--server URL, -k/--key KEY, --timeout DUR",
        .shared_options = connection_options,
        .take_shared = take_connection,
        .completions = completions,
        .manual_end = manual_end,
    };
    return program;
}

} // namespace hp::cli
