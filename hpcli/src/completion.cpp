// SPDX-License-Identifier: Apache-2.0
#include "completion.hpp"

#include "command_table.hpp"

#include <algorithm>
#include <vector>

namespace hp::cli {
namespace {

constexpr std::string_view shared_flags = "--help --help-all --version --json --quiet --verbose "
                                          "--yes --color";
constexpr std::string_view connection_flags =
    "--server --context --key --passphrase-file --protocol --contract-id --contract-version "
    "--trusted-key --quorum --connect-timeout --timeout --verify-tls --ca --pin";

std::string own_flags(const CommandInfo& info) {
    std::string out;
    for (const OptionInfo& option : info.options) {
        out += " --" + std::string(option.name());
    }
    return out;
}

std::string all_flags(const CommandInfo& info) {
    std::string out(shared_flags);
    if (info.scope != Scope::offline) {
        out += " " + std::string(connection_flags);
    }
    return out + own_flags(info);
}

std::string first_word(std::string_view words) {
    return std::string(words.substr(0, words.find(' ')));
}

// "get list follow" for "ledger"; empty for a command without subcommands.
std::string subcommands(std::string_view group) {
    std::string out;
    for (const CommandInfo& info : command_table()) {
        if (info.words.starts_with(std::string(group) + " ")) {
            out += (out.empty() ? "" : " ") + std::string(info.words.substr(group.size() + 1));
        }
    }
    return out;
}

std::vector<std::string> first_words() {
    std::vector<std::string> out;
    for (const CommandInfo& info : command_table()) {
        if (std::ranges::find(out, first_word(info.words)) == out.end()) {
            out.push_back(first_word(info.words));
        }
    }
    return out;
}

std::string joined_first_words() {
    std::string out;
    for (const std::string& word : first_words()) {
        out += (out.empty() ? "" : " ") + word;
    }
    return out;
}

// case branches of a POSIX-like shell: "ledger get) words=...".
std::string flag_cases() {
    std::string out;
    for (const CommandInfo& info : command_table()) {
        out += "    '" + std::string(info.words) + "') flags='" + all_flags(info) + "' ;;\n";
    }
    return out;
}

std::string group_cases(const char* variable) {
    std::string out;
    for (const std::string& word : first_words()) {
        if (const std::string sub = subcommands(word); !sub.empty()) {
            out += "    " + word + ") " + variable + "='" + sub + "' ;;\n";
        }
    }
    return out;
}

} // namespace

std::string bash_completion() {
    return R"sh(# bash completion of hpcli
_hpcli() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
    local words='' flags='' command='' word i
    COMPREPLY=()
    case $previous in
    -k|--key) words="ephemeral $(hpcli key list 2>/dev/null | cut -d' ' -f1)" ;;
    -c|--context) words=$(hpcli context list 2>/dev/null | cut -c3- | cut -d' ' -f1) ;;
    --protocol) words='bson json' ;;
    --color) words='auto always never' ;;
    --pin) words='off tofu known' ;;
    --wait) words='sent ledger output' ;;
    --ca|--passphrase-file) compopt -o default; return ;;
    esac
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
    '') words=')sh" +
           joined_first_words() + R"sh(' ;;
)sh" + group_cases("words") +
           R"sh(    'key show'|'key use'|'key rm'|'key export'|'key passwd'|'key sign')
        words=$(hpcli key list 2>/dev/null | cut -d' ' -f1) ;;
    'context use'|'context show'|'context rm'|'context export')
        words=$(hpcli context list 2>/dev/null | cut -c3- | cut -d' ' -f1) ;;
    completion) words='bash zsh fish' ;;
    watch*) words='outputs ledgers votes unl health' ;;
    esac
    case $command in
)sh" + flag_cases() +
           R"sh(    esac
    case $current in
    @*) compopt -o nospace; mapfile -t COMPREPLY < <(compgen -P @ -f -- "${current#@}"); return ;;
    -*) words=${flags:-'--help --version'} ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -F _hpcli hpcli
)sh";
}

std::string zsh_completion() {
    return R"sh(#compdef hpcli
# zsh completion of hpcli
_hpcli() {
    local -a list
    local words_so_far='' word choices='' flags=''
    for word in ${words[2,CURRENT-1]}; do
        [[ $word == -* ]] || words_so_far="${words_so_far:+$words_so_far }$word"
    done
    case ${words[CURRENT-1]} in
    -k|--key) choices="ephemeral $(hpcli key list 2>/dev/null | cut -d' ' -f1)" ;;
    -c|--context) choices=$(hpcli context list 2>/dev/null | cut -c3- | cut -d' ' -f1) ;;
    --protocol) choices='bson json' ;;
    --wait) choices='sent ledger output' ;;
    --ca|--passphrase-file) _files; return ;;
    esac
    if [[ -n $choices ]]; then
        list=(${=choices}); compadd -a list; return
    fi
    case $words_so_far in
    '') choices=')sh" +
           joined_first_words() + R"sh(' ;;
)sh" + group_cases("choices") +
           R"sh(    completion) choices='bash zsh fish' ;;
    watch*) choices='outputs ledgers votes unl health' ;;
    esac
    case $words_so_far in
)sh" + flag_cases() +
           R"sh(    esac
    [[ $PREFIX == -* ]] && choices=$flags
    list=(${=choices}); compadd -a list
}
compdef _hpcli hpcli
)sh";
}

std::string fish_completion() {
    std::string out = "# fish completion of hpcli\ncomplete -c hpcli -f\n";
    for (const std::string& word : first_words()) {
        const CommandInfo* info = find_command(word);
        const std::string about = info == nullptr ? subcommands(word) : std::string(info->summary);
        out += "complete -c hpcli -n __fish_use_subcommand -a " + word + " -d \"" + about + "\"\n";
    }
    for (const CommandInfo& info : command_table()) {
        const std::string first = first_word(info.words);
        std::string seen = "__fish_seen_subcommand_from " + first;
        if (first != info.words) {
            const std::string sub(info.words.substr(first.size() + 1));
            out += "complete -c hpcli -n \"" + seen + "\" -a " + sub + " -d \"" +
                   std::string(info.summary) + "\"\n";
            seen += "; and __fish_seen_subcommand_from " + sub;
        }
        for (const OptionInfo& option : info.options) {
            out += "complete -c hpcli -n \"" + seen + "\" -l " + std::string(option.name()) +
                   (option.value.empty() ? "" : " -x") + " -d \"" + std::string(option.text) +
                   "\"\n";
        }
    }
    for (const std::string_view flags : {shared_flags, connection_flags}) {
        for (const std::string& flag : split_list(flags)) {
            out += "complete -c hpcli -l " + flag.substr(2) + "\n";
        }
    }
    out += "complete -c hpcli -s k -l key -x -a \"ephemeral (hpcli key list 2>/dev/null | "
           "string split -f1 ' ')\"\n";
    return out + "complete -c hpcli -s c -l context -x -a \"(hpcli context list 2>/dev/null | "
                 "string sub -s 3 | string split -f1 ' ')\"\n";
}

} // namespace hp::cli
