// SPDX-License-Identifier: Apache-2.0
#include "cli/completion.hpp"

#include <algorithm>
#include <vector>

namespace hp::cli {
namespace {

std::string first_word(std::string_view words) {
    return std::string(words.substr(0, words.find(' ')));
}

void append_word(std::string& to, std::string_view word) {
    to += (to.empty() ? "" : " ") + std::string(word);
}

// "-k|--key", as a shell's case takes it.
std::string either(const OptionInfo& option) {
    std::string out(option.names);
    std::ranges::replace(out, ',', '|');
    return out;
}

class Writer {
public:
    explicit Writer(const Program& program) : program_(program) {}

    std::string name() const { return std::string(program_.name); }

    std::vector<std::string> first_words() const {
        std::vector<std::string> out;
        for (const CommandInfo& info : program_.commands) {
            if (std::ranges::find(out, first_word(info.words)) == out.end()) {
                out.push_back(first_word(info.words));
            }
        }
        return out;
    }
    std::string joined_first_words() const {
        std::string out;
        for (const std::string& word : first_words()) {
            append_word(out, word);
        }
        return out;
    }

    // "get list follow" for "ledger"; empty for a command without subcommands.
    std::string subcommands(const std::string& group) const {
        std::string out;
        for (const CommandInfo& info : program_.commands) {
            if (info.words.starts_with(group + " ")) {
                append_word(out, info.words.substr(group.size() + 1));
            }
        }
        return out;
    }

    // Every option that takes a value, once for each kind of value.
    std::vector<OptionInfo> options_with_values() const {
        std::vector<OptionInfo> out;
        const auto add = [&out](const OptionInfo& option) {
            const auto same = [&option](const OptionInfo& other) {
                return other.names == option.names;
            };
            if (!option.value.empty() && std::ranges::none_of(out, same)) {
                out.push_back(option);
            }
        };
        std::ranges::for_each(program_.shared_options, add);
        for (const CommandInfo& info : program_.commands) {
            std::ranges::for_each(info.options, add);
        }
        std::ranges::for_each(global_options, add);
        return out;
    }

    // The words to offer for what the help calls `what`, as a shell writes them: text between
    // quotes with a command substitution; empty when anything may stand there.
    std::string choices(std::string_view what) const {
        const auto found = std::ranges::find(program_.completions, what, &Completion::of);
        if (found != program_.completions.end()) {
            std::string out(found->words);
            if (!found->ask.empty()) {
                append_word(out, "$(" + std::string(found->ask) + ")");
            }
            return out;
        }
        std::string out(what.substr(0, what.find("...")));
        const bool words =
            out.find('|') != std::string::npos && std::ranges::none_of(out, [](unsigned char c) {
                return std::isupper(c) != 0 || c == ' ';
            });
        std::ranges::replace(out, '|', ' ');
        return words ? out : "";
    }

    // case branches: "    -k|--key) words="ephemeral $(...)" ;;".
    std::string value_cases(const std::string& variable, const std::string& files) const {
        std::string out;
        for (const OptionInfo& option : options_with_values()) {
            if (option.value == "FILE" || option.value == "DIR") {
                out += "    " + either(option) + ") " + files + "; return ;;\n";
            } else if (const std::string words = choices(option.value); !words.empty()) {
                out += "    " + either(option) + ") " + variable + "=\"" + words + "\" ;;\n";
            }
        }
        return out;
    }
    std::string argument_cases(const std::string& variable) const {
        std::string out;
        for (const std::string& word : first_words()) {
            if (const std::string sub = subcommands(word); !sub.empty()) {
                out += "    " + word + ") " + variable + "='" + sub + "' ;;\n";
            }
        }
        for (const CommandInfo& info : program_.commands) {
            if (const std::string words = choices(info.words); !words.empty()) {
                out += "    '" + std::string(info.words) + "') " + variable + "=\"" + words +
                       "\" ;;\n";
            } else if (const std::string fixed = choices(info.arguments); !fixed.empty()) {
                out +=
                    "    '" + std::string(info.words) + "') " + variable + "='" + fixed + "' ;;\n";
            }
        }
        return out;
    }

    // "    'ledger get') flags='...' ;;".
    std::string flag_cases() const {
        std::string out;
        for (const CommandInfo& info : program_.commands) {
            std::string flags;
            for (const OptionInfo& option : global_options) {
                append_word(flags, "--" + std::string(option.name()));
            }
            for (const OptionInfo& option : shared_of(info)) {
                append_word(flags, "--" + std::string(option.name()));
            }
            for (const OptionInfo& option : info.options) {
                append_word(flags, "--" + std::string(option.name()));
            }
            out += "    '" + std::string(info.words) + "') flags='" + flags + "' ;;\n";
        }
        return out;
    }

    std::span<const OptionInfo> shared_of(const CommandInfo& info) const {
        return info.scope == Scope::offline ? std::span<const OptionInfo>()
                                            : program_.shared_options;
    }

private:
    const Program& program_;
};

std::string fish_option(const Writer& writer, const OptionInfo& option,
                        const std::string& condition) {
    std::string out = "complete -c " + writer.name() + condition;
    if (option.names.starts_with("-") && !option.names.starts_with("--")) {
        out += " -s " + std::string(option.names.substr(1, 1));
    }
    out += " -l " + std::string(option.name());
    if (!option.value.empty()) {
        out += option.value == "FILE" || option.value == "DIR" ? " -r" : " -x";
        if (std::string words = writer.choices(option.value); !words.empty()) {
            if (const auto at = words.find("$("); at != std::string::npos) {
                words.erase(at, 1); // fish substitutes (...)
            }
            out += " -a \"" + words + "\"";
        }
    }
    return out + (option.text.empty() ? "" : " -d \"" + std::string(option.text) + "\"") + "\n";
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at)) {
        text.replace(at, what.size(), with);
        at += with.size();
    }
    return text;
}

} // namespace

std::string bash_completion(const Program& program) {
    const Writer writer(program);
    const std::string script = R"sh(# bash completion of PROGRAM
_PROGRAM() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
    local words='' flags='' command='' word i
    COMPREPLY=()
    case $previous in
)sh" + writer.value_cases("words", "compopt -o default") +
                               R"sh(    esac
    if [ -n "$words" ]; then
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
        return
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case $word in -*) continue ;; esac
        command="${command:+$command }$word"
    done
    case $command in
    '') words=')sh" + writer.joined_first_words() +
                               R"sh(' ;;
)sh" + writer.argument_cases("words") +
                               R"sh(    esac
    case $command in
)sh" + writer.flag_cases() + R"sh(    esac
    case $current in
    @*) compopt -o nospace; mapfile -t COMPREPLY < <(compgen -P @ -f -- "${current#@}"); return ;;
    -*) words=${flags:-'--help --version'} ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -F _PROGRAM PROGRAM
)sh";
    return replaced(script, "PROGRAM", writer.name());
}

std::string zsh_completion(const Program& program) {
    const Writer writer(program);
    const std::string script = R"sh(#compdef PROGRAM
# zsh completion of PROGRAM
_PROGRAM() {
    local -a list
    local words_so_far='' word choices='' flags=''
    for word in ${words[2,CURRENT-1]}; do
        [[ $word == -* ]] || words_so_far="${words_so_far:+$words_so_far }$word"
    done
    case ${words[CURRENT-1]} in
)sh" + writer.value_cases("choices", "_files") +
                               R"sh(    esac
    if [[ -n $choices ]]; then
        list=(${=choices}); compadd -a list; return
    fi
    case $words_so_far in
    '') choices=')sh" + writer.joined_first_words() +
                               R"sh(' ;;
)sh" + writer.argument_cases("choices") +
                               R"sh(    esac
    case $words_so_far in
)sh" + writer.flag_cases() + R"sh(    esac
    [[ $PREFIX == -* ]] && choices=$flags
    list=(${=choices}); compadd -a list
}
compdef _PROGRAM PROGRAM
)sh";
    return replaced(script, "PROGRAM", writer.name());
}

std::string fish_completion(const Program& program) {
    const Writer writer(program);
    const std::string begin = "complete -c " + writer.name();
    std::string out = "# fish completion of " + writer.name() + "\n" + begin + " -f\n";
    for (const std::string& word : writer.first_words()) {
        const CommandInfo* info = program.find(word);
        const std::string about =
            info == nullptr ? writer.subcommands(word) : std::string(info->summary);
        out += begin + " -n __fish_use_subcommand -a " + word + " -d \"" + about + "\"\n";
    }
    for (const CommandInfo& info : program.commands) {
        const std::string first = first_word(info.words);
        std::string seen = "__fish_seen_subcommand_from " + first;
        if (first != info.words) {
            const std::string sub(info.words.substr(first.size() + 1));
            out += begin + " -n \"" + seen + "\" -a " + sub + " -d \"" + std::string(info.summary) +
                   "\"\n";
            seen += "; and __fish_seen_subcommand_from " + sub;
        }
        for (const OptionInfo& option : info.options) {
            out += fish_option(writer, option, " -n \"" + seen + "\"");
        }
    }
    for (const OptionInfo& option : program.shared_options) {
        out += fish_option(writer, option, "");
    }
    for (const OptionInfo& option : global_options) {
        out += fish_option(writer, option, "");
    }
    return out;
}

} // namespace hp::cli
