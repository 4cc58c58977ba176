// SPDX-License-Identifier: Apache-2.0
// What is done about single calls of a traced contract (tracer.hpp). One thread.
#pragma once

#include "contract/trace_plan.hpp"

#include <map>
#include <span>
#include <sys/types.h>
#include <tuple>

namespace hp::dev {

std::span<const long> traced_call_numbers();

class TraceCalls {
public:
    explicit TraceCalls(const TracePlan& plan);

    // The process stands before a traced call. True when its end is of interest too.
    bool on_entry(pid_t pid);
    void on_exit(pid_t pid);
    // It is a new program that has not begun yet.
    void on_exec(pid_t pid);

    void write(const std::string& file) const;

private:
    struct Registers; // of one stop
    struct TextPart {
        std::uint64_t begin = 0, end = 0, offset = 0;
    };
    using Key = std::tuple<std::string, std::string, std::string, std::vector<std::uint64_t>>;

    void record(pid_t pid, const Registers& at, const std::string& name, std::string detail);
    std::vector<std::uint64_t> callers(pid_t pid, std::uint64_t stack);
    void find_program(pid_t pid);
    void answer_time(pid_t pid, const Registers& at);
    void answer_directory(pid_t pid, const Registers& at);
    void answer_random(pid_t pid, const Registers& at);
    void answer_host(pid_t pid, const Registers& at);
    void answer_cpus(pid_t pid, const Registers& at);
    bool redirect(pid_t pid, const Registers& at, const std::string& path);
    void poison_stack(pid_t pid, std::uint64_t stack);
    std::int64_t fake_ns(std::int64_t real_ns, bool wall);

    const TracePlan plan_; // NOLINT: a copy, the caller's may go
    std::uint64_t random_used_ = 0;
    std::optional<std::int64_t> first_wall_ns_, first_mono_ns_;
    std::string program_; // whose text the parts are
    std::vector<TextPart> text_;
    std::map<Key, std::uint64_t> calls_;
    std::size_t stacks_read_ = 0;
    std::map<pid_t, std::uint64_t> redirected_; // where the name was that the process gave
};

} // namespace hp::dev
