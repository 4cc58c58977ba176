// SPDX-License-Identifier: Apache-2.0
#include "cluster/run_program.hpp"

#include "hp/os/fd.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace hp::dev {
namespace {

// argv or envp as the system wants it; `texts` must outlive it.
std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> out;
    for (std::string& text : texts) {
        out.push_back(text.data());
    }
    out.push_back(nullptr);
    return out;
}

struct Streams {
    int output = -1; // -1: ours
    int errors = -1;
};

Expected<pid_t> spawn(const fs::path& program, const std::vector<std::string>& arguments,
                      const Environment& more, const Streams& streams) {
    std::vector<std::string> words = {program.filename().string()};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<std::string> variables;
    for (const auto& [name, value] : more) { // before ours: the first of a name counts
        variables.push_back(name + "=" + value);
    }
    for (char** at = ::environ; *at != nullptr; ++at) {
        variables.emplace_back(*at);
    }
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    if (streams.output >= 0) {
        ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        ::posix_spawn_file_actions_adddup2(&actions, streams.output, STDOUT_FILENO);
        ::posix_spawn_file_actions_adddup2(&actions, streams.errors, STDERR_FILENO);
    }
    pid_t child = 0;
    std::vector<char*> argv = pointers(words);
    std::vector<char*> envp = pointers(variables);
    const int error =
        ::posix_spawn(&child, program.c_str(), &actions, nullptr, argv.data(), envp.data());
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
        return cli::failure(cli::ErrorId::tool_missing,
                            "cannot run " + program.string() + ": " + errno_text(error));
    }
    return child;
}

int wait_for(pid_t child) {
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// Both at once, so that neither fills up. False when it is too much.
bool read_both(const os::Fd& output, const os::Fd& errors, ProgramResult& out,
               std::size_t bytes_max) {
    std::array<pollfd, 2> polled = {pollfd{output.get(), POLLIN, 0},
                                    pollfd{errors.get(), POLLIN, 0}};
    std::array<char, 64 * 1024> buffer{};
    while (polled[0].fd >= 0 || polled[1].fd >= 0) {
        if (::poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) {
            return false;
        }
        for (std::size_t i = 0; i < polled.size(); ++i) {
            if (polled[i].fd < 0 || polled[i].revents == 0) {
                continue;
            }
            const ssize_t got = ::read(polled[i].fd, buffer.data(), buffer.size());
            if (got <= 0) {
                polled[i].fd = -1;
                continue;
            }
            (i == 0 ? out.output : out.errors).append(buffer.data(), static_cast<std::size_t>(got));
            if (out.output.size() + out.errors.size() > bytes_max) {
                return false;
            }
        }
    }
    return true;
}

} // namespace

Expected<ProgramResult> run_program(const fs::path& program,
                                    const std::vector<std::string>& arguments,
                                    std::size_t output_bytes_max) {
    HP_DEV_TRY(os::FdPair output, os::pipe_pair());
    HP_DEV_TRY(os::FdPair errors, os::pipe_pair());
    HP_DEV_TRY(const pid_t child,
               spawn(program, arguments, {}, {output.theirs.get(), errors.theirs.get()}));
    output.theirs.reset();
    errors.theirs.reset();
    ProgramResult out;
    const bool whole = read_both(output.ours, errors.ours, out, output_bytes_max);
    if (!whole) {
        ::kill(child, SIGKILL);
    }
    out.exit_code = wait_for(child);
    if (!whole) {
        return cli::failure(cli::ErrorId::failed, program.filename().string() + " gave more than " +
                                                      std::to_string(output_bytes_max) + " bytes");
    }
    return out;
}

bool start_apart(const std::vector<std::string>& words) {
    std::vector<std::string> copies = words;
    std::vector<char*> argv = pointers(copies);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
    pid_t child = 0;
    const int error =
        ::posix_spawnp(&child, argv[0], &actions, &attributes, argv.data(), ::environ);
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
    return error == 0;
}

Expected<int> pass_through(const fs::path& program, const std::vector<std::string>& arguments,
                           const Environment& more) {
    HP_DEV_TRY(const pid_t child, spawn(program, arguments, more, {}));
    return wait_for(child);
}

} // namespace hp::dev
