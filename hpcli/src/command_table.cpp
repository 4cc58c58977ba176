// SPDX-License-Identifier: Apache-2.0
#include "command_table.hpp"

#include "commands.hpp"

#include <algorithm>

namespace hp::cli {

const std::vector<CommandInfo>& command_table() {
    static const std::vector<CommandInfo> table = [] {
        std::vector<CommandInfo> out;
        for (const auto& part :
             {send_commands(), read_commands(), watch_commands(), status_commands(),
              wait_commands(), ledger_commands(), ledger_range_commands(), proof_commands(),
              script_commands(), shell_commands(), bench_commands(), key_commands(),
              context_commands(), trust_commands(), ping_commands(), doctor_commands(),
              decode_commands(), manual_commands()}) {
            out.insert(out.end(), part.begin(), part.end());
        }
        return out;
    }();
    return table;
}

const CommandInfo* find_command(std::string_view words) {
    const auto& table = command_table();
    const auto found = std::ranges::find(table, words, &CommandInfo::words);
    return found == table.end() ? nullptr : &*found;
}

std::string schema_of(std::string_view words) {
    std::string out = "hp.cli.";
    for (const char c : words) {
        out += c == ' ' ? '.' : c;
    }
    return out + "/1";
}

} // namespace hp::cli
