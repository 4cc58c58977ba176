// SPDX-License-Identifier: Apache-2.0
//
// Children, pipes, programs and threads.
//
// Threads: main thread, and those of the request "threads".
#include "posix_contract.hpp"

#include <algorithm>
#include <array>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace hp::posix_contract {
namespace {

constexpr std::size_t workers_max = 64;

struct Pipe {
    Pipe() { check(::pipe2(ends.data(), O_CLOEXEC) == 0); }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    ~Pipe() {
        ::close(ends[0]);
        if (ends[1] >= 0)
            ::close(ends[1]);
    }
    void close_write_end() { ::close(std::exchange(ends[1], -1)); }

    std::array<int, 2> ends{};
};

pid_t start_child() {
    const pid_t child = ::fork();
    check(child >= 0);
    return child;
}

void wait_for(pid_t child) {
    int status = 0;
    check(::waitpid(child, &status, 0) == child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        throw Failure{"child"};
}

/// A child turns the text round and sends it back through a pipe.
std::string reverse_in_child(std::string_view text) {
    Pipe pipe;
    const pid_t child = start_child();
    if (child == 0) {
        std::string reversed(text.rbegin(), text.rend());
        write_all(pipe.ends[1], reversed);
        ::_exit(0);
    }
    pipe.close_write_end();
    std::string out = read_all(pipe.ends[0]);
    wait_for(child);
    return out;
}

/// The standard output of `/bin/sh -c <command>`, with no environment.
std::string run_shell(std::string_view command) {
    Pipe pipe;
    std::string line(command);
    const pid_t child = start_child();
    if (child == 0) {
        ::dup2(pipe.ends[1], STDOUT_FILENO);
        std::array<char*, 4> args{const_cast<char*>("sh"), const_cast<char*>("-c"), line.data(),
                                  nullptr};
        ::execv("/bin/sh", args.data());
        ::_exit(127);
    }
    pipe.close_write_end();
    std::string out = read_all(pipe.ends[0]);
    wait_for(child);
    return out;
}

/// Children that write a file each, all at the same time.
std::string run_children(std::string_view count) {
    const std::size_t children = std::min(number_of(count), workers_max);
    std::vector<pid_t> started;
    for (std::size_t i = 0; i < children; ++i) {
        const pid_t child = start_child();
        if (child == 0) {
            const std::string number = std::to_string(i);
            const std::string name = "child-" + number + ".txt";
            const int fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
            write_all(fd, "written by child " + number + "\n");
            ::_exit(0);
        }
        started.push_back(child);
    }
    for (const pid_t child : started)
        wait_for(child);
    return std::to_string(children) + " children";
}

std::string run_threads(std::string_view count) {
    const std::size_t threads = std::min(number_of(count), workers_max);
    std::vector<std::size_t> results(threads);
    {
        std::vector<std::jthread> workers;
        for (std::size_t i = 0; i < threads; ++i)
            workers.emplace_back([&results, i] { results[i] = i + 1; });
    }
    std::size_t sum = 0;
    for (const std::size_t result : results)
        sum += result;
    return std::to_string(sum);
}

constexpr std::array requests{
    Request{"reverse", reverse_in_child},
    Request{"sh", run_shell},
    Request{"children", run_children},
    Request{"threads", run_threads},
};

} // namespace

std::span<const Request> process_requests() {
    return requests;
}

} // namespace hp::posix_contract
