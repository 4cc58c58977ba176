// SPDX-License-Identifier: Apache-2.0
// Life of a supervisor: receive the request, start the contract, wait for its end or for commands,
// clear away what is left of its process tree, report, exit. The order of the last three is what
// the node relies on: once it has the report, nothing of the run can touch the state any more.
#include "contract/supervisor.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "contract/launch_protocol.hpp"
#include "contract/process_tree.hpp"
#include "contract/stdin_hold.hpp"
#include "tracked/view_server.hpp"

namespace hp::contract {
namespace {

struct StartFailure {
    StartStep step = StartStep::none;
    int number = 0; // errno
};

[[noreturn]] void report_and_exit(const ExitReport& report) {
    const Bytes bytes = encode_report(report);
    ::send(node_fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    ::_exit(0);
}

[[noreturn]] void report_and_exit(StartFailure failure) {
    ExitReport report;
    report.failed_step = failure.step;
    report.code = failure.number;
    report_and_exit(report);
}

// Everything the contract's process needs between vfork and exec, made beforehand: it shares its
// memory with the supervisor, so that it must not allocate, and nothing here is changed by it.
struct StartPlan {
    const LaunchRequest* request = nullptr;
    const Sandbox* sandbox = nullptr;
    bool has_cgroup = false;
    std::vector<char*> argv; // null-terminated, as is envp
    std::vector<char*> envp;
    int first_foreign_fd = 0;              // above the channels
    int status_fd = -1;                    // close-on-exec: end of file says that exec worked
    std::vector<sock_filter> stdin_filter; // empty: stdin is not held
    int listener_fd = -1;                  // where the filter's listener is sent
    pid_t supervisor_pid = 0;
};

std::vector<char*> pointers(const char* first, const std::vector<std::string>& texts) {
    std::vector<char*> out;
    out.reserve(texts.size() + 2);
    if (first != nullptr) {
        out.push_back(const_cast<char*>(first));
    }
    for (const std::string& text : texts) {
        out.push_back(const_cast<char*>(text.c_str()));
    }
    out.push_back(nullptr);
    return out;
}

void default_signals() {
    struct sigaction action {};
    action.sa_handler = SIG_DFL;
    for (int number = 1; number <= SIGRTMAX; ++number) {
        ::sigaction(number, &action, nullptr); // fails for the few that cannot be changed
    }
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

template <class Resource>
bool limit(Resource resource, rlim_t soft, rlim_t hard) {
    const rlimit both{soft, hard};
    return ::setrlimit(resource, &both) == 0;
}

// Soft and hard. Without privileges the hard limit can only go down: then the lower one counts.
template <class Resource>
bool limit_to(Resource resource, std::uint64_t value) {
    rlimit now{};
    return value == 0 || limit(resource, value, value) ||
           (errno == EPERM && ::getrlimit(resource, &now) == 0 &&
            limit(resource, now.rlim_max, now.rlim_max));
}

bool apply_limits(const LaunchRequest& request) {
    const config::RoundLimits& limits = request.limits;
    if (limits.proc_ofd_count == 0) {
        rlimit now{};
        const rlim_t soft = first_channel_fd + request.channel_count + contract_files_default;
        if (::getrlimit(RLIMIT_NOFILE, &now) != 0 ||
            !limit(RLIMIT_NOFILE, std::min(soft, now.rlim_max), now.rlim_max)) {
            return false;
        }
    }
    return limit_to(RLIMIT_NOFILE, limits.proc_ofd_count) &&
           limit_to(RLIMIT_DATA, limits.proc_mem_bytes) &&
           limit_to(RLIMIT_CPU, limits.proc_cpu_seconds);
}

// Straight system calls: the C library's versions would try to tell "other threads", for which
// they use memory that is the supervisor's.
bool become_user(config::RunAs user) {
    if (::geteuid() != 0 && ::geteuid() == user.uid && ::getegid() == user.gid) {
        return true; // an ordinary user's node that names its own user
    }
    return ::syscall(SYS_setgroups, 0, nullptr) == 0 && ::syscall(SYS_setgid, user.gid) == 0 &&
           ::syscall(SYS_setuid, user.uid) == 0;
}

// Everything it starts from now on is in the group too.
bool enter_cgroup() {
    const int file = ::openat(cgroup_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    const bool entered = file >= 0 && ::write(file, "0", 1) == 1;
    ::close(file);
    return entered;
}

[[noreturn]] void give_up(const StartPlan& plan, StartStep step) {
    const StartFailure failure{step, errno};
    [[maybe_unused]] const ssize_t written = ::write(plan.status_fd, &failure, sizeof failure);
    ::_exit(127);
}

[[noreturn]] void become_contract(StartPlan& plan) {
    const LaunchRequest& request = *plan.request;
    ::setpgid(0, 0);
    default_signals();
    if (plan.has_cgroup && !enter_cgroup()) {
        give_up(plan, StartStep::sandbox);
    }
    if (::chdir(request.state_dir.c_str()) != 0) {
        give_up(plan, StartStep::directory);
    }
    if (!apply_limits(request)) {
        give_up(plan, StartStep::limits);
    }
    if (!plan.sandbox->drop_privileges()) {
        give_up(plan, StartStep::sandbox);
    }
    if (request.run_as && !become_user(*request.run_as)) {
        give_up(plan, StartStep::identity);
    }
    // After the change of user, which would clear it. The check covers a supervisor that was
    // killed before the signal was asked for.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != plan.supervisor_pid) {
        ::_exit(127);
    }
    if (!plan.sandbox->restrict_self(request.run_as.has_value())) {
        give_up(plan, StartStep::sandbox);
    }
    // All of these have the flag already; a contract must not depend on that.
    ::close_range(node_fd, first_channel_fd - 1, CLOSE_RANGE_CLOEXEC);
    ::close_range(static_cast<unsigned>(plan.first_foreign_fd), ~0U, CLOSE_RANGE_CLOEXEC);
    if (request.no_new_privs) {
        ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    }
    if (!plan.stdin_filter.empty() && !hold_stdin(plan.stdin_filter, plan.listener_fd)) {
        give_up(plan, StartStep::hold);
    }
    ::execve(plan.argv.front(), plan.argv.data(), plan.envp.data());
    give_up(plan, StartStep::exec);
}

// A function of its own so that no variable of the caller lives across vfork. posix_spawn, the
// usual advice, can set neither limits nor the user nor a death signal.
[[gnu::noinline]] pid_t start_process(StartPlan& plan) {
    const pid_t pid = ::vfork(); // NOLINT(clang-analyzer-security.insecureAPI.vfork)
    if (pid == 0) {
        become_contract(plan); // NOLINT(clang-analyzer-unix.Vfork)
    }
    return pid;
}

// Checks the numbers of the channels and puts what replaces stdin, stdout and stderr, received
// behind them, into place.
bool place_descriptors(const LaunchRequest& request, const std::vector<int>& fds) {
    for (std::size_t i = 0; i < request.channel_count; ++i) {
        if (fds[i] != first_channel_fd + static_cast<int>(i)) {
            return false;
        }
    }
    for (std::size_t i = 0; i < request.replaced_stdio.size(); ++i) {
        const int received = fds[request.channel_count + i];
        if (::dup2(received, request.replaced_stdio[i]) < 0 || ::close(received) != 0) {
            return false;
        }
    }
    return true;
}

class Supervisor {
public:
    Supervisor(const Sandbox& sandbox, const RunSetup& setup)
        : sandbox_(sandbox), has_cgroup_(setup.has_cgroup), has_view_(setup.has_view) {}

    void start(const LaunchRequest& request);
    [[noreturn]] void watch();

private:
    void keep_only_listener(int listener);
    void on_command();
    bool contract_exited() const;
    void terminate() const;
    void kill() const;
    [[noreturn]] void finish();
    void clear_away() const;

    const Sandbox& sandbox_;
    const bool has_cgroup_;
    const bool has_view_;
    pid_t contract_ = 0;
    StdinHold hold_;
};

void Supervisor::start(const LaunchRequest& request) {
    int status[2] = {-1, -1};
    if (::pipe2(status, O_CLOEXEC) != 0) {
        report_and_exit(StartFailure{StartStep::request, errno});
    }
    StartPlan plan;
    plan.request = &request;
    plan.sandbox = &sandbox_;
    plan.has_cgroup = has_cgroup_;
    plan.argv = pointers(request.bin_path.c_str(), request.args);
    plan.envp = pointers(nullptr, request.environment);
    plan.first_foreign_fd = first_channel_fd + static_cast<int>(request.channel_count);
    plan.status_fd = status[1];
    plan.supervisor_pid = ::getpid();
    int listener[2] = {-1, -1};
    if (request.hold_stdin) {
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, listener) != 0) {
            report_and_exit(StartFailure{StartStep::request, errno});
        }
        plan.stdin_filter = make_stdin_filter();
        plan.listener_fd = listener[1];
    }
    contract_ = start_process(plan);
    if (contract_ < 0) {
        report_and_exit(StartFailure{StartStep::supervisor, errno});
    }
    ::close(status[1]);
    StartFailure failure;
    if (::read(status[0], &failure, sizeof failure) == sizeof failure) {
        report_and_exit(failure);
    }
    keep_only_listener(request.hold_stdin ? receive_listener(listener[0]) : -1);
}

// The contract's ends of its channels are its own from now on: the node must see when it closes
// them. The listener takes the place of stdin.
void Supervisor::keep_only_listener(int listener) {
    if (listener >= 0) {
        ::dup3(listener, STDIN_FILENO, O_CLOEXEC);
        hold_ = StdinHold(STDIN_FILENO);
    }
    ::close_range(first_channel_fd, ~0U, 0);
    ::close_range(listener >= 0 ? 1 : 0, 2, 0);
}

void Supervisor::watch() {
    for (;;) {
        // poll() leaves out negative descriptors.
        pollfd fds[] = {{node_fd, POLLIN, 0}, {signals_fd, POLLIN, 0}, {hold_.fd(), POLLIN, 0}};
        ::poll(fds, 3, -1);
        if (fds[1].revents != 0) {
            drain_signals(signals_fd);
            if (contract_exited()) {
                finish();
            }
        }
        if (fds[2].revents != 0) {
            hold_.on_event(fds[2].revents);
        }
        if (fds[0].revents != 0) {
            on_command();
        }
    }
}

void Supervisor::on_command() {
    char command = 0;
    const ssize_t count = ::recv(node_fd, &command, 1, MSG_DONTWAIT);
    if (count < 0 && errno == EAGAIN) {
        return;
    }
    if (count <= 0) { // the node is gone, or wants no report
        kill();
        clear_away();
        ::_exit(0);
    }
    if (command == command_release) {
        hold_.release();
    } else if (command == command_terminate) {
        terminate();
    } else if (command == command_kill) {
        kill();
    }
}

// Reaps orphans that the contract has left behind, but never the contract itself: as long as it is
// not reaped its number cannot belong to another process.
bool Supervisor::contract_exited() const {
    for (;;) {
        siginfo_t info{};
        if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) != 0 ||
            info.si_pid == 0) {
            return false;
        }
        if (info.si_pid == contract_) {
            return true;
        }
        ::waitpid(info.si_pid, nullptr, WNOHANG | __WALL);
    }
}

void Supervisor::terminate() const {
    ::kill(-contract_, SIGTERM);
    if (::getpgid(contract_) != contract_) { // it has moved to another group
        ::kill(contract_, SIGTERM);
    }
}

void Supervisor::kill() const {
    ::kill(-contract_, SIGKILL);
    ::kill(contract_, SIGKILL);
}

// Whatever is left of the run's processes, wherever they went.
void Supervisor::clear_away() const {
    if (has_cgroup_) {
        CgroupParent::kill(cgroup_fd);
    }
    if (sandbox_.has_own_processes()) {
        kill_and_reap_namespace();
    } else {
        kill_and_reap_all(signals_fd);
    }
}

void Supervisor::finish() {
    // Before the contract is reaped, which would free the number of its group for others. A group
    // is killed in one step: processes with a pending SIGKILL cannot fork, so what was in the
    // group does not outrun this, however fast it forks.
    ::kill(-contract_, SIGKILL);
    int status = 0;
    ::waitpid(contract_, &status, 0);
    clear_away();
    if (const int error = has_view_ ? tracked::end_view(view_fd) : 0; error != 0) {
        report_and_exit(StartFailure{StartStep::view, error});
    }
    rusage usage{}; // of all that were reaped
    ::getrusage(RUSAGE_CHILDREN, &usage);

    ExitReport report;
    report.signaled = WIFSIGNALED(status);
    report.code = report.signaled ? WTERMSIG(status) : WEXITSTATUS(status);
    report.cpu_us = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * std::int64_t{1'000'000} +
                    usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
    report.max_rss_kib = usage.ru_maxrss;
    report_and_exit(report);
}

} // namespace

void run_supervisor(const Sandbox& sandbox, const RunSetup& setup) {
    // Nothing but SIGKILL and SIGSTOP reaches a supervisor: it goes when its channel closes.
    sigset_t all;
    sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
    ::prctl(PR_SET_NAME, "hpnode-run");
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    sandbox.enter_run();
    if (setup.view_error != 0) {
        report_and_exit(StartFailure{StartStep::view, setup.view_error});
    }
    if (setup.has_view) {
        if (!sandbox.cover_view(setup.fuse)) {
            report_and_exit(StartFailure{StartStep::view, errno});
        }
        tracked::begin_view(view_fd);
    }
    ::close_range(first_channel_fd, ~0U, 0);

    std::vector<int> fds;
    const auto request = receive_request(node_fd, fds);
    if (!request) {
        const int number = request.err().code == Errc::too_large ? EMFILE : EPROTO;
        report_and_exit(StartFailure{StartStep::request, number});
    }
    if (!place_descriptors(*request, fds)) {
        report_and_exit(StartFailure{StartStep::request, EBADF});
    }
    Supervisor supervisor(sandbox, setup);
    supervisor.start(*request);
    supervisor.watch();
}

} // namespace hp::contract
