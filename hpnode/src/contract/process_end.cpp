// SPDX-License-Identifier: Apache-2.0
// A level-triggered epoll loop over the process, the stop event and whatever else is to be served.
#include "contract/process_end.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <sys/epoll.h>

#include "hp/base/check.hpp"
#include "hp/base/limits.hpp"
#include "hp/base/time.hpp"

namespace hp::contract {
namespace {

constexpr std::uint64_t timeout_ms_max = 366ULL * 24 * 3600 * 1000; // keeps the sums small
constexpr std::int64_t poll_ms_max = 3'600'000;

// Numbers of the first two descriptors in the epoll; the sources follow.
constexpr std::size_t process_index = 0;
constexpr std::size_t stop_index = 1;
constexpr std::size_t first_source_index = 2;

// Shortages of this node. Any other error of exec is the contract's own and the same everywhere.
bool is_shortage(int error) {
    constexpr std::array shortages = {ENOMEM, EAGAIN, EMFILE, ENFILE, EIO, ETXTBSY, ENOSPC};
    return std::find(shortages.begin(), shortages.end(), error) != shortages.end();
}

class EndWait {
public:
    EndWait(Process& process, const StopSource& stop, std::span<const EventSource> sources)
        : process_(process), stop_(stop), sources_(sources) {}

    Status watch_all();
    Result<ExitReport> wait(std::uint64_t timeout_ms);
    bool timed_out() const { return timed_out_; }
    bool stopped() const { return stopped_; }

private:
    Status watch(int fd, std::size_t index);
    void on_event(std::size_t index);
    void on_stop();
    void on_deadline();
    int poll_timeout_ms() const;
    std::int64_t now_us() const { return clock_.now().mono_us; }

    Process& process_;
    const StopSource& stop_;
    std::span<const EventSource> sources_;
    SystemClock clock_;
    os::Fd epoll_;
    std::optional<Result<ExitReport>> report_;
    std::optional<std::int64_t> deadline_us_;
    bool timed_out_ = false;
    bool stopped_ = false;
};

Status EndWait::watch_all() {
    epoll_ = os::Fd(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll_) {
        return fail(errno_error("cannot make an epoll", errno));
    }
    HP_TRY_STATUS(watch(process_.fd(), process_index));
    HP_TRY_STATUS(watch(stop_.fd(), stop_index));
    for (std::size_t i = 0; i < sources_.size(); ++i) {
        HP_TRY_STATUS(watch(sources_[i].fd, first_source_index + i));
    }
    return {};
}

Status EndWait::watch(int fd, std::size_t index) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = index;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
        return fail(errno_error("cannot watch a process", errno));
    }
    return {};
}

Result<ExitReport> EndWait::wait(std::uint64_t timeout_ms) {
    if (timeout_ms > 0) {
        const auto time_ms = static_cast<std::int64_t>(std::min(timeout_ms, timeout_ms_max));
        deadline_us_ = now_us() + time_ms * 1000;
    }
    std::array<epoll_event, 8> events;
    while (!report_) {
        const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                       poll_timeout_ms());
        HP_CHECK(count >= 0 || errno == EINTR, "a broken epoll");
        for (int i = 0; i < count && !report_; ++i) {
            on_event(events[static_cast<std::size_t>(i)].data.u64);
        }
        if (!report_ && deadline_us_ && now_us() >= *deadline_us_) {
            on_deadline();
        }
    }
    return std::move(*report_);
}

void EndWait::on_event(std::size_t index) {
    if (index == process_index) {
        report_ = process_.read_report();
    } else if (index == stop_index) {
        on_stop();
    } else {
        sources_[index - first_source_index].on_ready();
    }
}

void EndWait::on_stop() {
    // The event stays set, for others that wait on it.
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, stop_.fd(), nullptr);
    process_.kill();
    stopped_ = true;
    deadline_us_.reset();
}

void EndWait::on_deadline() {
    if (!timed_out_) {
        timed_out_ = true;
        process_.terminate();
        deadline_us_ = now_us() + limits::term_grace_ms * 1000;
    } else {
        process_.kill();
        deadline_us_.reset();
    }
}

int EndWait::poll_timeout_ms() const {
    if (!deadline_us_) {
        return -1;
    }
    const std::int64_t left_ms = (*deadline_us_ - now_us() + 999) / 1000;
    return static_cast<int>(std::clamp<std::int64_t>(left_ms, 0, poll_ms_max));
}

ProcessEnd end_of_report(const ExitReport& report, const std::string& program) {
    ProcessEnd out;
    if (report.started()) {
        out.end = report.signaled ? RunEnd::signaled : RunEnd::exited;
        out.code = report.code;
        out.cpu_us = report.cpu_us;
        out.max_rss_kib = report.max_rss_kib;
        return out;
    }
    const bool own_fault = report.failed_step == StartStep::exec && !is_shortage(report.code);
    out.end = own_fault ? RunEnd::not_started : RunEnd::failed;
    out.code = own_fault ? report.code : 0;
    out.note = std::string(to_string(report.failed_step)) + " (" + program +
               "): " + errno_text(report.code);
    return out;
}

} // namespace

ProcessEnd wait_for_end(Process& process, const Launcher& launcher, const StopSource& stop,
                        const WaitOptions& options, std::span<const EventSource> sources) {
    EndWait wait(process, stop, sources);
    if (const Status status = wait.watch_all(); !status) {
        kill_and_wait(process);
        return end_without_process(status.err());
    }
    const Result<ExitReport> report = wait.wait(options.timeout_ms);
    ProcessEnd out;
    if (report) {
        out = end_of_report(*report, options.program);
    } else if (!launcher.is_running()) {
        out.note = "the launcher is gone";
    } else {
        // Most likely by the contract itself, then on every node: no reason to repeat it.
        out.end = RunEnd::signaled;
        out.code = SIGKILL;
        out.note = report.err().context;
    }
    if (out.end == RunEnd::exited || out.end == RunEnd::signaled) {
        out.end = wait.stopped() ? RunEnd::stopped : wait.timed_out() ? RunEnd::timed_out : out.end;
    }
    return out;
}

void kill_and_wait(Process& process) {
    process.kill();
    static_cast<void>(process.read_report());
}

ProcessEnd end_without_process(const Error& error) {
    ProcessEnd out;
    // Invalid is the command itself, the same on every node.
    out.end = error.code == Errc::invalid ? RunEnd::not_started : RunEnd::failed;
    out.code = error.code == Errc::invalid ? EINVAL : 0;
    out.note = error.context;
    return out;
}

} // namespace hp::contract
