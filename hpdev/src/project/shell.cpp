// SPDX-License-Identifier: Apache-2.0
#include "project/shell.hpp"

#include "child_start.hpp"
#include "hp/base/result.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace hp::dev {
namespace {

using cli::ErrorId;
using cli::failure;
using cli::Parsed;

std::vector<std::string> environment_with(const std::vector<EnvironmentVariable>& more) {
    std::vector<std::string> out;
    for (char** at = environ; *at != nullptr; ++at) {
        const std::string_view entry(*at);
        const std::string_view name = entry.substr(0, entry.find('='));
        if (std::ranges::none_of(more,
                                 [name](const EnvironmentVariable& e) { return e.name == name; })) {
            out.emplace_back(entry);
        }
    }
    for (const EnvironmentVariable& entry : more) {
        out.push_back(entry.name + "=" + entry.value);
    }
    return out;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> out;
    for (std::string& text : texts) {
        out.push_back(text.data());
    }
    out.push_back(nullptr);
    return out;
}

// In the new process: only what is safe between fork and exec.
[[noreturn]] void become(const char* folder, char* const* argv, char* const* environment,
                         pid_t parent) {
    begin_child(parent, SIGTERM);
    const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (nothing < 0 || ::dup2(nothing, STDIN_FILENO) < 0 ||
        ::dup2(STDERR_FILENO, STDOUT_FILENO) < 0 || ::chdir(folder) != 0) {
        ::_exit(127);
    }
    ::signal(SIGPIPE, SIG_DFL);
    ::execvpe(argv[0], argv, environment);
    ::_exit(127);
}

} // namespace

Parsed<int> run_in(const std::filesystem::path& folder, const std::vector<std::string>& argv,
                   const std::vector<EnvironmentVariable>& more) {
    std::vector<std::string> words = argv;
    std::vector<std::string> environment = environment_with(more);
    const std::vector<char*> word_pointers = pointers_to(words);
    const std::vector<char*> environment_pointers = pointers_to(environment);
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child == 0) {
        become(folder.c_str(), word_pointers.data(), environment_pointers.data(), parent);
    }
    if (child < 0) {
        return failure(ErrorId::failed, errno_error("cannot start " + argv[0], errno).context);
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            return failure(ErrorId::failed,
                           errno_error("cannot wait for " + argv[0], errno).context);
        }
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

} // namespace hp::dev
