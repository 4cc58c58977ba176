// SPDX-License-Identifier: Apache-2.0
#include "commands.hpp"

#include <array>

namespace hp::dev {
namespace {

using cli::Args;
using cli::OptionInfo;
using cli::OptionValues;

std::vector<cli::CommandInfo> all_commands() {
    std::vector<cli::CommandInfo> out;
    for (const cli::Commands part : {
             new_commands(),    build_commands(),    dev_commands(),    exec_commands(),
             test_commands(),   check_commands(),    up_commands(),     down_commands(),
             ps_commands(),     deploy_commands(),   node_commands(),   cluster_commands(),
             log_commands(),    top_commands(),      state_commands(),  dashboard_commands(),
             chaos_commands(),  scenario_commands(), doctor_commands(), report_commands(),
             manual_commands(),
         }) {
        out.insert(out.end(), part.begin(), part.end());
    }
    return out;
}

constexpr std::array cluster_options = {
    OptionInfo{"--cluster", "NAME", "which of the project's clusters (default: the current one)"},
};

// Read where clusters are looked up; here it is only seen to it that they mean something.
tl::expected<void, cli::Failure> take_cluster(const OptionValues& given, Args& args) {
    if (args.command->scope == cli::Scope::offline && !given.names().empty()) {
        return cli::failure(cli::ErrorId::usage, "\"" + std::string(args.command->words) +
                                                     "\" has nothing to do with a cluster: --" +
                                                     given.names().front() + " has no meaning");
    }
    return {};
}

constexpr std::string_view ask_clusters =
    "hpdev cluster list 2>/dev/null | tail -n +2 | cut -c4- | cut -d' ' -f1";
constexpr std::string_view node_sets = "1 2 3 all unl observers last";

constexpr std::array completions = {
    cli::Completion{"cluster use", "", ask_clusters},
    cli::Completion{"cluster show", "", ask_clusters},
    cli::Completion{"cluster rm", "", ask_clusters},
    cli::Completion{"logs", node_sets, ""},
    cli::Completion{"node start", node_sets, ""},
    cli::Completion{"node stop", node_sets, ""},
    cli::Completion{"node restart", node_sets, ""},
    cli::Completion{"node pause", node_sets, ""},
    cli::Completion{"node resume", node_sets, ""},
    cli::Completion{"node kill", node_sets, ""},
    cli::Completion{"node rm", node_sets, ""},
};

constexpr std::string_view manual_end =
    ".SH ENVIRONMENT\n.TP\n.B HP_HPNODE\nThe hpnode to run.\n.TP\n.B HP_CLUSTER_SIZE, "
    "HP_USER_PORT_BEGIN, HP_PEER_PORT_BEGIN\nOf new clusters.\n.TP\n.B HP_DEFAULT_NODE\n"
    "Whose log deploy goes on with.\n.TP\n.B NO_COLOR, CLICOLOR_FORCE\nNever or always use "
    "colours.\n"
    ".SH FILES\n.TP\n.I hpdev.toml\nThe project.\n.TP\n.I .hp\nIts clusters; not for version "
    "control.\n";

} // namespace

const cli::Program& hpdev_program() {
    static const std::vector<cli::CommandInfo> commands = all_commands();
    static const cli::Program program{
        .name = "hpdev",
        .summary = "development kit for HotPocket contracts",
        .schema_prefix = "hp.dev.",
        .example = "hpdev new tally",
        .example_more = "hpdev build --json | jq -r .hash",
        .commands = commands,
        .shared_title = "Cluster options (every command about a project or a cluster)",
        .shared_hint = "cluster: --cluster NAME, -C/--directory DIR",
        .shared_options = cluster_options,
        .take_shared = take_cluster,
        .completions = completions,
        .manual_end = manual_end,
    };
    return program;
}

} // namespace hp::dev
