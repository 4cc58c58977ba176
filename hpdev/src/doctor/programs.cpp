// SPDX-License-Identifier: Apache-2.0
#include "cluster/launch.hpp"
#include "cluster/run_program.hpp"
#include "doctor/doctor.hpp"
#include "hp/base/version.hpp"
#include "project/toolkit.hpp"

#include <cstdlib>

namespace hp::dev {
namespace {

using State = cli::Check::State;

constexpr std::size_t output_bytes_max = 64 * 1024;

// "hpnode 0.1.0" or "hpcli 0.1.0 (protocol ...)" somewhere in what it says: the second word.
std::string version_in(const std::string& said, const std::string& name) {
    const std::size_t begin = said.rfind(name + " ");
    if (begin == std::string::npos) {
        return {};
    }
    const std::size_t word = begin + name.size() + 1;
    return said.substr(word, said.find_first_of(" \n", word) - word);
}

void check_sibling(const std::string& name, State without, cli::Checks& out) {
    const auto program = find_program(name, std::nullopt);
    if (!program) {
        out.push_back({name, without, program.error().message, program.error().hint});
        return;
    }
    const auto said = run_program(*program, {"version"}, output_bytes_max);
    if (!said || said->exit_code != 0) {
        out.push_back({name, without, program->string() + " does not run",
                       "install it again, together with hpdev"});
        return;
    }
    const std::string its = version_in(said->output, name);
    const bool same = its == version;
    out.push_back({name, same ? State::ok : State::warn, its + ", " + program->string(),
                   same ? "" : "hpdev is " + std::string(version) + "; install them together"});
}

// The first of these programs that there is.
std::optional<std::string> find_any(const char* variable,
                                    std::initializer_list<std::string_view> names) {
    const char* chosen = variable == nullptr ? nullptr : std::getenv(variable);
    if (chosen != nullptr && *chosen != '\0') {
        return find_in_path(chosen);
    }
    for (const std::string_view name : names) {
        if (auto found = find_in_path(name)) {
            return found;
        }
    }
    return std::nullopt;
}

void add_tool(const std::string& what, const std::optional<std::string>& found, bool needed,
              const std::string& cure, cli::Checks& out) {
    if (found) {
        out.push_back({what, State::ok, *found});
    } else {
        out.push_back({what, needed ? State::fail : State::warn, "not found", cure});
    }
}

std::string first_line(const std::string& text) {
    return text.substr(0, text.find('\n'));
}

void check_node_js(bool needed, cli::Checks& out) {
    const auto program = find_in_path("node");
    const auto said = program ? run_program(*program, {"--version"}, output_bytes_max)
                              : Expected<ProgramResult>(ProgramResult{});
    add_tool("NodeJS",
             program && said && said->exit_code == 0
                 ? std::optional(first_line(said->output) + ", " + *program)
                 : std::nullopt,
             needed, "for contracts in JavaScript: apt install nodejs", out);
}

} // namespace

void check_programs(const std::optional<Language>& language, cli::Checks& out) {
    out.push_back({"hpdev", State::ok, std::string(version) + ", " + own_program().string()});
    check_sibling("hpnode", State::fail, out);
    check_sibling("hpcli", State::warn, out);
    const bool cpp = language == Language::cpp;
    const bool compiled = cpp || language == Language::c;
    add_tool("C compiler", find_any("CC", {"cc", "gcc", "clang"}), language == Language::c,
             "for contracts in C: apt install gcc", out);
    add_tool("C++ compiler", find_any("CXX", {"c++", "g++", "clang++"}), cpp,
             "for contracts in C++: apt install g++", out);
    add_tool("cmake", find_in_path("cmake"), compiled,
             "for contracts in C and C++: apt install cmake", out);
    add_tool("ninja or make", find_any(nullptr, {"ninja", "make"}), compiled,
             "for contracts in C and C++: apt install ninja-build", out);
    const auto sdk = find_cmake_package();
    add_tool("contract SDK", sdk ? std::optional(sdk->string()) : std::nullopt, compiled,
             "for contracts in C and C++: install it, or set HotPocket_DIR", out);
    check_node_js(language == Language::js, out);
}

} // namespace hp::dev
