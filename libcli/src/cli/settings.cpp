// SPDX-License-Identifier: Apache-2.0
#include "cli/settings.hpp"

#include "cli/user_files.hpp"
#include "hp/base/limits.hpp"
#include "hp/os/files.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <toml++/toml.h>
#include <unistd.h>

namespace hp::cli {
namespace {

namespace fs = std::filesystem;

// Options that act at once or decide where settings are read from.
constexpr std::array<std::string_view, 4> never_set = {"help", "help-all", "version", "directory"};

// A project is a folder that may have come from anybody: it says what to talk to, not what to
// write, whom to believe and what not to ask for.
constexpr std::array<std::string_view, 15> not_by_project = {
    "yes", "config", "passphrase-file", "log-file",    "trace",      "proof", "save",      "hdr",
    "pin", "proxy",  "output-file",     "trusted-key", "verify-tls", "ca",    "checkpoint"};

template <class List>
bool is_in(const List& list, std::string_view name) {
    return std::ranges::find(list, name) != list.end();
}

std::string_view table_name(const Program& program) {
    return program.name.substr(2); // hpcli: cli
}

std::string variable_head(const Program& program) {
    std::string out = "HP_" + std::string(table_name(program)) + "_";
    std::ranges::transform(out, out.begin(), [](unsigned char c) { return std::toupper(c); });
    return out;
}

const OptionInfo* find_option(std::span<const OptionInfo> options, std::string_view name) {
    const auto found = std::ranges::find(options, name, &OptionInfo::name);
    return found == options.end() || is_in(never_set, name) ? nullptr : &*found;
}

const OptionInfo* find_common(const Program& program, std::string_view name) {
    const OptionInfo* out = find_option(global_options, name);
    return out != nullptr ? out : find_option(program.shared_options, name);
}

bool is_group(const Program& program, const std::string& words) {
    return std::ranges::any_of(program.commands, [&words](const CommandInfo& info) {
        return info.words.starts_with(words + " ");
    });
}

std::optional<std::string> text_of(const toml::node& node) {
    if (const auto text = node.value_exact<std::string>()) {
        return text;
    }
    if (const auto number = node.value_exact<std::int64_t>()) {
        return std::to_string(*number);
    }
    if (const auto flag = node.value_exact<bool>()) {
        return *flag ? "true" : "false";
    }
    if (const auto number = node.value_exact<double>()) {
        std::array<char, 32> digits{};
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), *number).ptr;
        return std::string(digits.data(), end);
    }
    return std::nullopt;
}

// Absent when it does not fit the option.
std::optional<std::vector<std::string>> values_of(const toml::node& node,
                                                  const OptionInfo& option) {
    std::vector<std::string> out;
    if (const toml::array* list = node.as_array()) {
        for (const toml::node& item : *list) {
            auto text = item.is_array() ? std::nullopt : text_of(item);
            if (!text || !option.repeats()) {
                return std::nullopt;
            }
            out.push_back(std::move(*text));
        }
        return out;
    }
    auto text = text_of(node);
    if (!text || option.value.empty() != node.is_boolean()) {
        return std::nullopt;
    }
    out.push_back(std::move(*text));
    return out;
}

} // namespace

std::string variable_of(const Program& program, const OptionInfo& option) {
    std::string out = variable_head(program) + std::string(option.name());
    std::ranges::transform(out, out.begin(), [](unsigned char c) {
        return c == '-' ? '_' : static_cast<char>(std::toupper(c));
    });
    return out;
}

namespace {

// One file, read into entries and problems.
class FileReader {
public:
    using Entries = std::vector<std::tuple<std::string, std::string, Setting>>;

    FileReader(const Program& program, fs::path file, Setting::Origin origin)
        : program_(program), file_(std::move(file)), origin_(origin) {}

    void read(bool has_to_exist) {
        const auto text = os::read_file(file_, limits::config_bytes_max);
        if (!text) {
            if (has_to_exist || text.err().code != Errc::not_found) {
                problems.push_back(text.err().context);
            }
            return;
        }
        try {
            take_file(toml::parse(as_text(*text), file_.string()));
        } catch (const toml::parse_error& error) {
            problems.push_back(file_.string() + ":" + std::to_string(error.source().begin.line) +
                               ": " + std::string(error.description()));
        }
    }

    Entries entries;
    std::vector<std::string> problems;

private:
    void complain(const toml::node& at, const std::string& what) {
        problems.push_back(file_.string() + ":" + std::to_string(at.source().begin.line) + ": " +
                           what);
    }

    void take_file(const toml::table& table) {
        for (const auto& [key, node] : table) {
            const bool ours = key.str() == table_name(program_);
            // hpdev.toml is much more than this, and checked by hpdev.
            const bool other =
                origin_ == Setting::Origin::project || key.str() == "cli" || key.str() == "dev";
            if (ours && node.is_table()) {
                take_table(*node.as_table(), "");
            } else if (ours || !other) {
                complain(node, "\"" + std::string(key.str()) + "\" is no table of settings");
            }
        }
    }

    void take_table(const toml::table& table, const std::string& place) {
        const std::string words = place.substr(0, place.find_last_not_of(' ') + 1);
        const CommandInfo* command = program_.find(words);
        for (const auto& [key, node] : table) {
            const std::string name(key.str());
            const std::string inner = place + name;
            if (node.is_table() && (program_.find(inner) != nullptr || is_group(program_, inner))) {
                take_table(*node.as_table(), inner + " ");
                continue;
            }
            const OptionInfo* option = place.empty()        ? find_common(program_, name)
                                       : command != nullptr ? find_option(command->options, name)
                                                            : nullptr;
            const std::string where = place.empty() ? "" : " of \"" + words + "\"";
            if (option == nullptr) {
                complain(node, "\"" + name + "\" is no option" + where + suggestion(name, command));
            } else if (origin_ == Setting::Origin::project && is_in(not_by_project, name)) {
                complain(node, "a project may not set \"" + name + "\"");
            } else if (auto values = values_of(node, *option)) {
                entries.emplace_back(place, name,
                                     Setting{origin_, file_.string(), std::move(*values)});
            } else {
                complain(node, "\"" + name + "\": expected " +
                                   (option->value.empty() ? "true or false"
                                                          : std::string(option->value)));
            }
        }
    }

    std::string suggestion(const std::string& name, const CommandInfo* command) const {
        std::vector<std::string> known;
        const auto add = [&known](const OptionInfo& option) { known.emplace_back(option.name()); };
        if (command != nullptr) {
            std::ranges::for_each(command->options, add);
        } else {
            std::ranges::for_each(global_options, add);
            std::ranges::for_each(program_.shared_options, add);
        }
        for (const std::string& one : known) {
            if (edit_distance(one, name) <= 2 && name.size() > 3) {
                return "; did you mean \"" + one + "\"?";
            }
        }
        return "";
    }

    const Program& program_;
    const fs::path file_;
    const Setting::Origin origin_;
};

// hpdev.toml here or above, not further than the repository.
std::optional<fs::path> project_file() {
    std::error_code error;
    for (fs::path at = fs::current_path(error); !error; at = at.parent_path()) {
        if (fs::exists(at / "hpdev.toml", error)) {
            return at / "hpdev.toml";
        }
        if (fs::exists(at / ".git", error) || at == at.parent_path()) {
            break;
        }
    }
    return std::nullopt;
}

} // namespace

tl::expected<Settings, Failure> Settings::load(const Program& program,
                                               const std::optional<std::string>& user_file) {
    Settings out;
    out.program_ = &program;
    std::vector<std::string> problems;
    const auto read = [&](const fs::path& file, Setting::Origin origin, bool has_to_exist) {
        FileReader reader(program, file, origin);
        reader.read(has_to_exist);
        for (auto& [place, name, setting] : reader.entries) {
            out.entries_.push_back({std::move(place), std::move(name), std::move(setting)});
        }
        problems.insert(problems.end(), reader.problems.begin(), reader.problems.end());
    };
    if (const auto file = project_file()) {
        read(*file, Setting::Origin::project, true);
    }
    if (user_file) {
        read(*user_file, Setting::Origin::user, true);
    } else if (const auto file = user_config_file("config.toml")) {
        read(*file, Setting::Origin::user, false);
    }
    if (!problems.empty()) {
        Failure failure{ErrorId::bad_file, problems.front()};
        for (std::size_t i = 1; i < problems.size(); ++i) {
            failure.detail.emplace_back("and", problems[i]);
        }
        return tl::unexpected(std::move(failure));
    }
    for (char** variable = ::environ; *variable != nullptr; ++variable) {
        const std::string_view whole = *variable;
        const std::string_view name = whole.substr(0, whole.find('='));
        const auto same = [&](const OptionInfo& option) {
            return variable_of(program, option) == name && !is_in(never_set, option.name());
        };
        const auto of_command = [&same](const CommandInfo& info) {
            return std::ranges::any_of(info.options, same);
        };
        if (name.starts_with(variable_head(program)) &&
            std::ranges::none_of(global_options, same) &&
            std::ranges::none_of(program.shared_options, same) &&
            std::ranges::none_of(program.commands, of_command)) {
            out.unknown_variables_.emplace_back(name);
        }
    }
    return out;
}

std::vector<Setting> Settings::find(const CommandInfo* command, const OptionInfo& option) const {
    std::vector<Setting> out;
    if (is_in(never_set, option.name())) {
        return out;
    }
    const std::string variable = variable_of(*program_, option);
    if (const char* value = std::getenv(variable.c_str()); value != nullptr) {
        Setting setting{Setting::Origin::environment, variable, {value}};
        if (option.repeats()) {
            setting.values = split_list(value);
        } else if (option.value.empty()) { // as for other programs: 1, true, yes
            const std::string_view text = value;
            setting.values = {
                text.empty() || text == "0" || text == "false" || text == "no" ? "false" : "true"};
        }
        out.push_back(std::move(setting));
    }
    const std::string place = command == nullptr ? "" : std::string(command->words) + " ";
    for (const Entry& entry : entries_) { // of the project first
        if (entry.place == place && entry.name == option.name()) {
            out.push_back(entry.setting);
        }
    }
    return out;
}

} // namespace hp::cli
