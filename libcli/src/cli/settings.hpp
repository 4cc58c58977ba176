// SPDX-License-Identifier: Apache-2.0
// What options are when the command line does not say: the environment (HP_CLI_<OPTION>,
// HP_DEV_<OPTION>), the project (hpdev.toml of the current folder or one above), the user
// ($XDG_CONFIG_HOME/hotpocket/config.toml or --config), in this order. In both files the table
// [cli] ([dev] for hpdev) has the options that all commands share, [cli.send] those of a command:
//
//   [cli]
//   timeout = "30s"
//   trusted-key = ["ed..", "ed.."]
//   [cli.ledger.export]
//   output-file = "ledgers.ndjson"
//
// What a project must not decide for whoever enters its folder is refused there. Values; loading
// does blocking file work.
#pragma once

#include "cli/program.hpp"

#include <optional>
#include <string>
#include <vector>

namespace hp::cli {

struct Setting {
    enum class Origin : std::uint8_t { environment, project, user };
    Origin origin = Origin::environment;
    std::string source;              // the variable's or the file's name
    std::vector<std::string> values; // "true" or "false" for flags
};

class Settings {
public:
    // `user_file`: instead of the user's own; it has to be there. All mistakes at once.
    static tl::expected<Settings, Failure> load(const Program& program,
                                                const std::optional<std::string>& user_file);

    // For an option of all commands (null) or of one: all that is said, what counts first.
    std::vector<Setting> find(const CommandInfo* command, const OptionInfo& option) const;

    // Variables that look like settings and are none.
    const std::vector<std::string>& unknown_variables() const { return unknown_variables_; }

private:
    struct Entry {
        std::string place; // "", or a command's words and a space
        std::string name;
        Setting setting;
    };
    const Program* program_ = nullptr;
    std::vector<Entry> entries_; // of files
    std::vector<std::string> unknown_variables_;
};

// "HP_CLI_NO_INPUT"
std::string variable_of(const Program& program, const OptionInfo& option);

} // namespace hp::cli
