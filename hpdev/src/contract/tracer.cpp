// SPDX-License-Identifier: Apache-2.0
#include "contract/tracer.hpp"

#include "contract/trace_calls.hpp"
#include "hp/os/files.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <set>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace hp::dev {
namespace {

constexpr int no_exec_exit = 127;
constexpr int syscall_stop = SIGTRAP | 0x80;

constexpr long trace_options = PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                               PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_TRACESECCOMP |
                               PTRACE_O_TRACESYSGOOD;

// Lets the calls of interest stop the contract, and no others.
bool apply_call_filter() {
    std::vector<sock_filter> code = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
    for (const long number : traced_call_numbers()) {
        code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(number), 0, 1));
        code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE));
    }
    code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> out;
    for (const std::string& text : texts) {
        out.push_back(const_cast<char*>(text.c_str()));
    }
    out.push_back(nullptr);
    return out;
}

void apply_what_is_inherited(const TracePlan& plan) {
    ::umask(plan.umask);
    if (plan.fixed_addresses) {
        ::personality(ADDR_NO_RANDOMIZE);
    }
}

[[noreturn]] void become_contract(const TracePlan& plan) {
    std::vector<std::string> environment;
    for (const auto& [name, value] : plan.environment) {
        environment.push_back(std::string(name).append("=").append(value));
    }
    ::execve(plan.command.front().c_str(), pointers(plan.command).data(),
             pointers(environment).data());
    ::_exit(no_exec_exit);
}

// Of the contract everything but its signals is the tracer's too: descriptors that it closes must
// be closed.
void let_go_of_channels() {
    ::close_range(3, ~0U, 0);
    std::signal(SIGTERM, SIG_IGN); // the contract gets it as well, and may still have work to do
    std::signal(SIGINT, SIG_IGN);
    std::signal(SIGHUP, SIG_IGN);
}

class Tracer {
public:
    Tracer(const TracePlan& plan, pid_t contract) : calls_(plan), contract_(contract) {}

    int run(); // wait status of the contract
    void write_calls(const std::string& file) const { calls_.write(file); }

private:
    void on_stop(pid_t pid, int status);

    TraceCalls calls_;
    pid_t contract_;
    std::set<pid_t> known_;
};

void Tracer::on_stop(pid_t pid, int status) {
    const int event = status >> 16;
    const int signal = WSTOPSIG(status);
    auto resume = PTRACE_CONT;
    long pass_on = 0;
    if (event == PTRACE_EVENT_SECCOMP) {
        resume = calls_.on_entry(pid) ? PTRACE_SYSCALL : PTRACE_CONT;
    } else if (event == PTRACE_EVENT_EXEC) {
        calls_.on_exec(pid);
    } else if (signal == syscall_stop) {
        calls_.on_exit(pid);
    } else if (event == 0 && signal == SIGSTOP && known_.insert(pid).second) {
        // New, and stopped so that it can be told from others.
        if (pid == contract_) {
            ::ptrace(PTRACE_SETOPTIONS, pid, nullptr, trace_options);
        }
    } else if (event == 0) {
        pass_on = signal;
    }
    ::ptrace(resume, pid, nullptr, pass_on);
}

int Tracer::run() {
    while (true) {
        int status = 0;
        const pid_t pid = ::waitpid(-1, &status, __WALL);
        if (pid < 0 && errno != EINTR) {
            return 0;
        }
        if (pid == contract_ && !WIFSTOPPED(status)) {
            return status;
        }
        if (pid > 0 && WIFSTOPPED(status)) {
            on_stop(pid, status);
        }
    }
}

int end_like(int status) {
    if (!WIFSIGNALED(status)) {
        return WEXITSTATUS(status);
    }
    const rlimit no_core{0, 0}; // the contract has left a core already, where cores are wanted
    ::setrlimit(RLIMIT_CORE, &no_core);
    std::signal(WTERMSIG(status), SIG_DFL);
    std::raise(WTERMSIG(status));
    return 128 + WTERMSIG(status); // a signal that is blocked
}

int run_waiting(const TracePlan& plan) {
    std::fprintf(stderr,
                 "the contract waits as process %d, in its state directory, for a debugger:\n"
                 "  gdb -p %d -ex 'handle SIGSTOP nostop noprint nopass' -ex 'catch exec' -ex c\n"
                 "or let it go on: kill -CONT %d\n",
                 ::getpid(), ::getpid(), ::getpid());
    std::raise(SIGSTOP);
    become_contract(plan);
}

} // namespace

int run_traced(const TracePlan& plan) {
    if (plan.command.empty()) {
        return no_exec_exit;
    }
    if (plan.wait_for_debugger) {
        return run_waiting(plan);
    }
    apply_what_is_inherited(plan);
    const pid_t contract = ::fork();
    if (contract < 0) {
        return no_exec_exit;
    }
    if (contract == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0) {
            std::raise(SIGSTOP);
            apply_call_filter();
        }
        become_contract(plan);
    }
    let_go_of_channels();
    Tracer tracer(plan, contract);
    const int status = tracer.run();
    tracer.write_calls(plan.events_file);
    return end_like(status);
}

std::optional<int> run_planned_trace() {
    const char* file = std::getenv(trace_plan_variable);
    if (file == nullptr) {
        return std::nullopt;
    }
    const auto text = os::read_file(file, trace_plan_bytes_max);
    const auto plan = text ? decode_trace_plan(*text) : Result<TracePlan>(fail(text.err()));
    if (!plan) {
        std::fprintf(stderr, "%s\n", plan.err().context.c_str());
        return no_exec_exit;
    }
    return run_traced(*plan);
}

} // namespace hp::dev
