// SPDX-License-Identifier: Apache-2.0
#include "dev/job.hpp"

#include "child_start.hpp"
#include "clock.hpp"
#include "cluster/control.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace hp::dev {
namespace {

constexpr std::size_t answer_bytes_max = 16 << 20;
constexpr std::int64_t end_timeout_ms = 2000;
constexpr std::int64_t look_again_ms = 5;

// In the child of a process with one thread. A group of its own, so that all of it can be ended,
// and so that Ctrl-C is ours to handle.
[[noreturn]] void become_job(char* const* words, const char* scratch, int output, pid_t parent) {
    ::setpgid(0, 0);
    begin_child(parent, SIGTERM);
    const int input = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (input < 0 || ::dup2(input, STDIN_FILENO) < 0 || ::dup2(output, STDOUT_FILENO) < 0) {
        ::_exit(127);
    }
    ::setenv("TMPDIR", scratch, 1);
    ::execv("/proc/self/exe", words);
    ::_exit(127);
}

// Whether anybody is left of a group whose first process has been waited for.
bool is_group_left(pid_t group) {
    return ::kill(-group, 0) == 0 || errno == EPERM;
}

} // namespace

std::string JobResult::error_text() const {
    const cli::Failure what = failure();
    return std::string(cli::info(what.id).code) + ": " + what.message;
}

cli::Failure JobResult::failure() const {
    const auto found = answer.find("error");
    return found == answer.end()
               ? cli::Failure{cli::ErrorId::failed, "ended with " + std::to_string(exit_code)}
               : failure_from_json(*found);
}

Expected<Job> Job::start(const std::vector<std::string>& arguments, const fs::path& scratch) {
    HP_DEV_TRY(os::FdPair pipe, os::pipe_pair());
    HP_DEV_TRY_STATUS(os::set_nonblocking(pipe.ours));
    std::vector<std::string> words = {"hpdev"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    words.insert(words.end(), {"--json", "--quiet"});
    std::vector<char*> argv;
    for (std::string& word : words) {
        argv.push_back(word.data());
    }
    argv.push_back(nullptr);
    const pid_t self = ::getpid();
    const pid_t child = ::fork();
    if (child == 0) {
        become_job(argv.data(), scratch.c_str(), pipe.theirs.get(), self);
    }
    if (child < 0) {
        return cli::failure(cli::ErrorId::failed,
                            errno_error("cannot start hpdev " + words[1], errno).context);
    }
    ::setpgid(child, child); // whoever is first: signals to the group must not miss it
    return Job(child, std::move(pipe.ours));
}

Job::Job(Job&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), output_(std::move(other.output_)),
      text_(std::move(other.text_)) {}

Job::~Job() {
    if (pid_ == 0) {
        return;
    }
    ::kill(-pid_, SIGTERM);
    const std::int64_t deadline_ms = now_mono_ms() + end_timeout_ms;
    bool ended = false;
    while (now_mono_ms() < deadline_ms) {
        ended = ended || ::waitpid(pid_, nullptr, WNOHANG) != 0;
        if (ended && !is_group_left(pid_)) {
            return;
        }
        sleep_ms(look_again_ms);
    }
    ::kill(-pid_, SIGKILL);
    if (!ended) {
        ::waitpid(pid_, nullptr, 0);
    }
}

std::optional<JobResult> Job::proceed() {
    std::array<char, 64 * 1024> chunk{};
    for (;;) {
        const ssize_t got = ::read(output_.get(), chunk.data(), chunk.size());
        if (got > 0 && text_.size() < answer_bytes_max) {
            text_.append(chunk.data(), static_cast<std::size_t>(got));
            continue;
        }
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            return std::nullopt;
        }
        break;
    }
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
    JobResult out;
    out.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    out.answer = parse_object(text_).value_or(Json::object());
    return out;
}

} // namespace hp::dev
