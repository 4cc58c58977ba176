// SPDX-License-Identifier: Apache-2.0
#include "node/check_program.hpp"

#include <algorithm>
#include <cstring>
#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hp/base/bytes.hpp"
#include "hp/os/fd.hpp"
#include "hp/os/files.hpp"

namespace hp::node {
namespace {

namespace fs = std::filesystem;
using Complaints = std::vector<std::string>;

// The kernel looks at this much of a script's first line, and finds everything of a binary that
// matters here in it too.
constexpr std::size_t head_bytes = 256;
// What is searched where the environment has no PATH (glibc's default).
constexpr const char* default_path = "/bin:/usr/bin";

#if defined(__x86_64__)
constexpr unsigned own_machine = EM_X86_64;
constexpr unsigned other_machine = EM_386; // runs here too
#elif defined(__aarch64__)
constexpr unsigned own_machine = EM_AARCH64;
constexpr unsigned other_machine = EM_ARM;
#else
constexpr unsigned own_machine = EM_NONE; // not checked
constexpr unsigned other_machine = EM_NONE;
#endif

bool is_executable_file(const fs::path& path) {
    struct stat st {};
    return ::stat(path.c_str(), &st) == 0 && S_ISREG(st.st_mode) &&
           ::access(path.c_str(), X_OK) == 0;
}

std::string read_head(const fs::path& path) {
    const auto fd = os::open_file(path, O_RDONLY | O_NONBLOCK);
    if (!fd) {
        return {};
    }
    Bytes head(head_bytes);
    const auto count = os::read_some(fd->get(), head);
    head.resize(count.value_or(0));
    return to_text(head);
}

std::vector<std::string_view> words(std::string_view line) {
    std::vector<std::string_view> out;
    while (!line.empty()) {
        const std::size_t begin = line.find_first_not_of(" \t");
        if (begin == std::string_view::npos) {
            break;
        }
        line.remove_prefix(begin);
        const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
        out.push_back(line.substr(0, end));
        line.remove_prefix(end);
    }
    return out;
}

bool is_in_path(const std::string& program, std::string_view path) {
    for (;;) {
        const std::size_t colon = std::min(path.find(':'), path.size());
        const std::string_view directory = path.substr(0, colon);
        if (is_executable_file(fs::path(directory.empty() ? "." : directory) / program)) {
            return true;
        }
        if (colon == path.size()) {
            return false;
        }
        path.remove_prefix(colon + 1);
    }
}

// "#!/usr/bin/env [-S] name": env searches the PATH that the contract gets, not the operator's.
void check_env(const std::vector<std::string_view>& line,
               const std::map<std::string, std::string>& environment, Complaints& out) {
    const auto name = std::find_if(line.begin() + 1, line.end(), [](std::string_view word) {
        return !word.starts_with('-') && word.find('=') == std::string_view::npos;
    });
    if (name == line.end() || name->find('/') != std::string_view::npos) {
        return;
    }
    const auto path = environment.find("PATH");
    const std::string searched = path == environment.end() ? default_path : path->second;
    if (!is_in_path(std::string(*name), searched)) {
        out.push_back("needs the interpreter " + std::string(*name) + ", which is not in " +
                      searched +
                      " (name it by its whole path, or set PATH in contract.environment)");
    }
}

void check_script(const fs::path& state_dir, std::string_view head,
                  const std::map<std::string, std::string>& environment, Complaints& out) {
    const std::string_view first = head.substr(2, head.find('\n') - 2);
    const std::vector<std::string_view> line = words(first);
    if (line.empty()) {
        out.emplace_back("names no interpreter in its first line");
        return;
    }
    if (first.ends_with('\r')) {
        out.emplace_back("ends its first line with a carriage return, which the system takes for a "
                         "part of the interpreter's name (save it with Unix line ends)");
        return;
    }
    const fs::path interpreter = state_dir / line.front(); // relative ones count from there
    if (!is_executable_file(interpreter)) {
        out.push_back("names the interpreter " + interpreter.string() +
                      ", which is not an executable file");
    } else if (interpreter.filename() == "env") {
        check_env(line, environment, out);
    }
}

void check_binary(std::string_view head, Complaints& out) {
    Elf64_Ehdr header{}; // what is used lies at the same place in 32-bit files
    std::memcpy(&header, head.data(), std::min(head.size(), sizeof header));
    const bool swapped = header.e_ident[EI_DATA] == ELFDATA2MSB;
    const unsigned machine = header.e_machine;
    if (own_machine != EM_NONE &&
        (swapped || (machine != own_machine && machine != other_machine))) {
        out.emplace_back("is a program for another kind of machine");
    }
}

} // namespace

std::vector<std::string> check_program(const fs::path& state_dir, const std::string& bin_path,
                                       const std::map<std::string, std::string>& environment) {
    const fs::path program = state_dir / bin_path;
    if (!is_executable_file(program)) {
        return {"is not an executable file"};
    }
    Complaints out;
    const std::string head = read_head(program);
    if (head.starts_with("#!")) {
        check_script(state_dir, head, environment, out);
    } else if (head.starts_with(ELFMAG)) {
        check_binary(head, out);
    } else if (!head.empty()) {
        out.emplace_back("is neither a program for Linux nor a script that begins with #!");
    } else {
        out.emplace_back("is empty or cannot be read");
    }
    return out;
}

} // namespace hp::node
