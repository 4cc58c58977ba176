// SPDX-License-Identifier: Apache-2.0
#include "cluster/node_process.hpp"

#include "child_start.hpp"
#include "cluster/log_tail.hpp"
#include "hp/config/contract_dir.hpp"
#include "hp/os/files.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace hp::dev {
namespace {

constexpr std::size_t last_lines_max = 5;

// In the child, between fork and exec: nothing that allocates or locks.
[[noreturn]] void become_node(const char* program, const char* dir, int output, pid_t parent) {
    ::setpgid(0, 0);
    begin_child(parent, SIGKILL); // also ends nodes that are paused
    const int input = ::open("/dev/null", O_RDONLY);
    if (input < 0 || ::dup2(input, STDIN_FILENO) < 0 || ::dup2(output, STDOUT_FILENO) < 0 ||
        ::dup2(output, STDERR_FILENO) < 0) {
        ::_exit(127);
    }
    ::execl(program, "hpnode", "run", dir, nullptr);
    const char* why = std::strerror(errno);
    constexpr std::string_view text = "cannot run hpnode: ";
    for (const std::string_view part : {text, std::string_view(why)}) {
        [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, part.data(), part.size());
    }
    ::_exit(127);
}

} // namespace

fs::path stderr_file(const ClusterNode& node) {
    return config::contract_dir(node.dir).log() / "stderr.log";
}

Expected<ProcessMark> start_node(const fs::path& program, const ClusterNode& node) {
    HP_DEV_TRY(const os::Fd output,
               os::open_file(stderr_file(node), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644));
    const std::string path = program.string();
    const std::string dir = node.dir.string();
    const pid_t self = ::getpid();
    const pid_t child = ::fork();
    if (child == 0) {
        become_node(path.c_str(), dir.c_str(), output.get(), self);
    }
    if (child < 0) {
        return cli::failure(cli::ErrorId::failed,
                            errno_error("cannot start " + node.name(), errno).context);
    }
    ::setpgid(child, child); // whoever is first: signals to the group must not miss it
    return mark_of(child);
}

std::string describe_end(int status) {
    if (WIFSIGNALED(status)) {
        const int signal = WTERMSIG(status);
        const char* name = ::sigabbrev_np(signal);
        return "killed by signal " + std::to_string(signal) +
               (name != nullptr ? " (SIG" + std::string(name) + ")" : std::string());
    }
    return "exit code " + std::to_string(WEXITSTATUS(status));
}

std::vector<std::string> last_lines(const ClusterNode& node) {
    std::vector<std::string> out = tail_of(stderr_file(node), last_lines_max);
    return out.empty() ? tail_of(config::contract_dir(node.dir).log() / "hp.log", last_lines_max)
                       : out;
}

} // namespace hp::dev
