// SPDX-License-Identifier: Apache-2.0
#include "dashboard/tool.hpp"

#include "hp/os/fd.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace hp::dev {
namespace {

constexpr int wait_ms = 60'000;
constexpr std::size_t tool_answer_bytes_max = 16 << 20;

ToolAnswer no_answer(const std::string& why) {
    const Json out = {{"ok", false}, {"error", {{"code", "HPE-1001"}, {"message", why}}}};
    return {1, dump_json(out)};
}

class SpawnActions {
public:
    SpawnActions() { ::posix_spawn_file_actions_init(&actions_); }
    ~SpawnActions() { ::posix_spawn_file_actions_destroy(&actions_); }
    SpawnActions(const SpawnActions&) = delete;
    SpawnActions& operator=(const SpawnActions&) = delete;
    posix_spawn_file_actions_t* get() { return &actions_; }

private:
    posix_spawn_file_actions_t actions_{};
};

// What we have blocked is not blocked in them.
class SpawnAttributes {
public:
    SpawnAttributes() {
        ::posix_spawnattr_init(&attributes_);
        sigset_t none;
        ::sigemptyset(&none);
        ::posix_spawnattr_setsigmask(&attributes_, &none);
        ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK);
    }
    ~SpawnAttributes() { ::posix_spawnattr_destroy(&attributes_); }
    SpawnAttributes(const SpawnAttributes&) = delete;
    SpawnAttributes& operator=(const SpawnAttributes&) = delete;
    posix_spawnattr_t* get() { return &attributes_; }

private:
    posix_spawnattr_t attributes_{};
};

// False when it has to be killed.
bool read_answer(int fd, std::string& out) {
    std::array<char, 65536> buffer{};
    while (out.size() <= tool_answer_bytes_max) {
        pollfd ready{fd, POLLIN, 0};
        if (::poll(&ready, 1, wait_ms) == 0) {
            return false;
        }
        const ssize_t got = ::read(fd, buffer.data(), buffer.size());
        if (got == 0) {
            return true;
        }
        if (got > 0) {
            out.append(buffer.data(), static_cast<std::size_t>(got));
        } else if (errno != EINTR) {
            return false;
        }
    }
    return false;
}

} // namespace

ToolAnswer run_tool(const std::string& tool, const std::vector<std::string>& arguments,
                    const fs::path& folder) {
    std::error_code error;
    const fs::path program = fs::read_symlink("/proc/self/exe", error).parent_path() / tool;
    std::array<int, 2> ends{};
    if (error || ::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return no_answer("cannot run " + tool);
    }
    const os::Fd reader(ends[0]);
    os::Fd writer(ends[1]);
    SpawnActions actions;
    SpawnAttributes attributes;
    ::posix_spawn_file_actions_addopen(actions.get(), STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(actions.get(), writer.get(), STDOUT_FILENO);
    ::posix_spawn_file_actions_addopen(actions.get(), STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_addchdir_np(actions.get(), folder.c_str());
    std::vector<char*> argv = {const_cast<char*>(program.c_str())};
    for (const std::string& argument : arguments) {
        argv.push_back(const_cast<char*>(argument.c_str()));
    }
    argv.push_back(nullptr);
    pid_t pid = 0;
    if (::posix_spawn(&pid, program.c_str(), actions.get(), attributes.get(), argv.data(),
                      environ) != 0) {
        return no_answer("cannot run " + program.string());
    }
    writer = os::Fd();
    ToolAnswer out;
    const bool whole = read_answer(reader.get(), out.json);
    if (!whole) {
        ::kill(pid, SIGKILL);
    }
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!whole || !parse_object(out.json)) {
        return no_answer(tool + " gave no answer");
    }
    out.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
    return out;
}

} // namespace hp::dev
