// SPDX-License-Identifier: Apache-2.0
// The helper. It keeps its own copy of the supervisor's end of every run's channel until the
// supervisor is reaped and, when it was killed, until its orphans are dead too: only then does the
// node see the end of the channel. So for the node "no report" also means "nothing alive".
#include "contract/launcher_main.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <map>
#include <poll.h>
#include <set>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "contract/fd_passing.hpp"
#include "contract/launch_protocol.hpp"
#include "contract/process_tree.hpp"
#include "contract/run_view.hpp"
#include "contract/supervisor.hpp"

namespace hp::contract {
namespace {

Status system_call(int result, std::string_view doing) {
    return result < 0 ? Status(fail(errno_error(doing, errno))) : Status();
}

// A copy of `fd` above every number that arrange_descriptors() fills.
Result<int> park(int fd) {
    const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 2 * first_channel_fd);
    HP_TRY_STATUS(system_call(copy, "cannot move a descriptor"));
    return copy;
}

// Gives every descriptor its place (see supervisor.hpp) and closes all others.
Status arrange_descriptors(int channel, const std::vector<int>& keep_open) {
    sigset_t child_exits;
    sigemptyset(&child_exits);
    sigaddset(&child_exits, SIGCHLD);
    HP_TRY_STATUS(system_call(::sigprocmask(SIG_SETMASK, &child_exits, nullptr), "sigprocmask"));
    const int signals = ::signalfd(-1, &child_exits, SFD_CLOEXEC | SFD_NONBLOCK);
    HP_TRY_STATUS(system_call(signals, "cannot make a signalfd"));

    std::vector<int> parked; // for node_fd, signals_fd, first_kept_fd...
    HP_TRY(parked.emplace_back(), park(channel));
    HP_TRY(parked.emplace_back(), park(signals));
    for (const int fd : keep_open) {
        HP_TRY(parked.emplace_back(), park(fd));
    }
    parked.resize(first_channel_fd - node_fd, parked.front()); // placeholders
    for (int number = node_fd; number < first_channel_fd; ++number) {
        const int source = parked[static_cast<std::size_t>(number - node_fd)];
        HP_TRY_STATUS(system_call(::dup3(source, number, O_CLOEXEC), "cannot move a descriptor"));
    }
    return system_call(::close_range(first_channel_fd, ~0U, 0), "close_range");
}

// SIGINT from a terminal goes to its whole foreground group: only the node's own orderly shutdown
// may answer it. SIGHUP likewise.
void reset_signals() {
    struct sigaction action {};
    action.sa_handler = SIG_DFL;
    for (int number = 1; number <= SIGRTMAX; ++number) {
        ::sigaction(number, &action, nullptr); // fails for the few that cannot be changed
    }
    action.sa_handler = SIG_IGN;
    ::sigaction(SIGINT, &action, nullptr);
    ::sigaction(SIGHUP, &action, nullptr);
}

// A supervisor receives a descriptor for every user at once.
Status allow_many_descriptors() {
    rlimit limit{};
    HP_TRY_STATUS(system_call(::getrlimit(RLIMIT_NOFILE, &limit), "getrlimit"));
    limit.rlim_cur = limit.rlim_max;
    return system_call(::setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
}

Status become_helper(int channel, const std::vector<int>& keep_open) {
    ::prctl(PR_SET_NAME, "hpnode-launch");
    reset_signals();
    ::umask(022); // modes of state files are the same on every node
    HP_TRY_STATUS(arrange_descriptors(channel, keep_open));
    HP_TRY_STATUS(allow_many_descriptors());
    HP_TRY_STATUS(system_call(::prctl(PR_SET_CHILD_SUBREAPER, 1), "cannot become a subreaper"));
    const auto children = own_children();
    return children ? Status() : Status(fail(children.err())); // a kernel that cannot list them
}

class Helper {
public:
    // Until the node is gone and the last supervisor with it.
    void run();

private:
    void on_request();
    void confine(ByteView request);
    void start_supervisor(int run_channel, RunView view);
    void on_child_exit(pid_t pid, int status);
    void on_child_exits();
    void kill_orphans();

    struct Run {
        int channel = -1; // our copy of the supervisor's
        unsigned number = 0;
        pid_t view_server = -1;
    };
    Sandbox sandbox_;
    bool node_alive_ = true;
    unsigned runs_ = 0;
    std::map<pid_t, Run> supervisors_;
    std::set<pid_t> view_servers_;
    std::vector<Run> lost_; // of killed supervisors whose orphans may live
};

void Helper::run() {
    while (node_alive_ || !supervisors_.empty() || !lost_.empty()) {
        // poll() leaves out negative descriptors.
        pollfd fds[] = {{node_alive_ ? node_fd : -1, POLLIN, 0}, {signals_fd, POLLIN, 0}};
        ::poll(fds, 2, -1);
        if (fds[1].revents != 0) {
            drain_signals(signals_fd);
            on_child_exits();
        }
        if (fds[0].revents != 0) {
            on_request();
        }
    }
}

void Helper::on_request() {
    Bytes packet(helper_packet_bytes_max);
    std::vector<int> fds;
    const auto count = receive_packet(node_fd, packet, fds);
    if (count && *count == 0) {
        node_alive_ = false;
    }
    if (!fds.empty()) {
        start_supervisor(fds.front(), fds.size() > 1
                                          ? RunView::start(sandbox_.view(), os::Fd(fds[1]))
                                          : RunView());
    }
    if (count && *count > 0 && fds.empty()) {
        confine(ByteView(packet).first(*count));
    }
}

void Helper::confine(ByteView request) {
    const auto confinement = decode_confinement(request);
    const Result<Protection> protection =
        confinement ? sandbox_.prepare(*confinement) : fail(confinement.err());
    // Contracts of the same user cannot look into the helper or its supervisors. Not earlier: it
    // also takes /proc/self away from this process.
    ::prctl(PR_SET_DUMPABLE, 0);
    static_cast<void>(send_packet(node_fd, encode_protection(protection), {}));
}

void Helper::start_supervisor(int run_channel, RunView view) {
    if (view.server > 0) {
        view_servers_.insert(view.server);
    }
    const unsigned number = ++runs_;
    const os::Fd cgroup(sandbox_.make_cgroup(number));
    const pid_t pid = sandbox_.fork_run();
    if (pid == 0) {
        ::dup3(run_channel, node_fd, O_CLOEXEC);
        RunSetup setup;
        setup.has_cgroup = cgroup && ::dup3(cgroup.get(), cgroup_fd, O_CLOEXEC) >= 0;
        setup.has_view = view.control && ::dup3(view.control.get(), view_fd, O_CLOEXEC) >= 0;
        setup.fuse = view.fuse.get();
        setup.view_error = view.error;
        run_supervisor(sandbox_, setup);
    }
    if (pid > 0) {
        supervisors_[pid] = {run_channel, number, view.server};
        return;
    }
    ExitReport report;
    report.failed_step = StartStep::supervisor;
    report.code = errno;
    sandbox_.remove_cgroup(number);
    // The node may be gone already; then nobody is left to tell.
    static_cast<void>(send_packet(run_channel, encode_report(report), {}));
    ::close(run_channel);
}

void Helper::on_child_exits() {
    for (;;) {
        int status = 0;
        const pid_t pid = ::waitpid(-1, &status, WNOHANG | WUNTRACED | __WALL);
        if (pid <= 0) {
            break;
        }
        on_child_exit(pid, status);
    }
    if (!lost_.empty()) {
        kill_orphans();
    }
}

void Helper::on_child_exit(pid_t pid, int status) {
    if (WIFSTOPPED(status)) {
        // By its contract, to escape its deadline.
        ::kill(pid, SIGCONT);
        return;
    }
    view_servers_.erase(pid);
    const auto supervisor = supervisors_.find(pid);
    if (supervisor == supervisors_.end()) {
        return; // an orphan, or the server of a view
    }
    if (WIFSIGNALED(status)) {
        sandbox_.kill_cgroup(supervisor->second.number);
        lost_.push_back(supervisor->second);
    } else {
        ::close(supervisor->second.channel);
        sandbox_.remove_cgroup(supervisor->second.number);
    }
    supervisors_.erase(supervisor);
}

void Helper::kill_orphans() {
    const auto children = own_children();
    bool found = !children; // unreadable just now: try again at the next exit
    for (const int pid : children.value_or(std::vector<int>())) {
        if (view_servers_.contains(pid)) {
            // Ends by itself when nobody of its run is left, and not before.
            found = found || std::any_of(lost_.begin(), lost_.end(),
                                         [pid](const Run& run) { return run.view_server == pid; });
        } else if (!supervisors_.contains(pid)) {
            ::kill(pid, SIGKILL);
            found = true;
        }
    }
    if (!found) {
        for (const Run& run : lost_) {
            ::close(run.channel);
            sandbox_.remove_cgroup(run.number);
        }
        lost_.clear();
    }
}

} // namespace

void run_helper(int channel, const std::vector<int>& keep_open) {
    if (const Status status = become_helper(channel, keep_open); !status) {
        // Whatever was arranged so far, the channel is open under one of these numbers.
        const ByteView text = as_bytes(status.err().context);
        static_cast<void>(send_packet(channel, text, {}) || send_packet(node_fd, text, {}));
        ::_exit(1);
    }
    if (!send_packet(node_fd, as_bytes(helper_ready), {})) {
        ::_exit(1);
    }
    Helper().run();
    ::_exit(0);
}

} // namespace hp::contract
