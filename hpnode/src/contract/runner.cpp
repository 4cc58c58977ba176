// SPDX-License-Identifier: Apache-2.0
// One execution: a level-triggered epoll loop over the process, the stop event and every channel.
// The node keeps only its own ends, so a channel that the contract closes shows an end of file, is
// taken out of the loop, and cannot make it spin.
#include "contract/runner.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "contract/channels.hpp"
#include "contract/log_capture.hpp"
#include "contract/npl_channel.hpp"
#include "contract/stdin_document.hpp"
#include "hp/base/check.hpp"
#include "hp/base/limits.hpp"

namespace hp::contract {
namespace {

constexpr std::size_t read_buffer_bytes = 256 * limits::kib;
static_assert(read_buffer_bytes >= limits::npl_message_bytes_max);
static_assert(read_buffer_bytes >= limits::control_message_bytes_max);

// Control packets taken off before other channels get their turn.
constexpr int packets_per_turn = 64;

// Reads of one channel after the end of the process: more than any socket or pipe holds. Without
// an end a process outside the run, to which the contract has given the descriptor, could keep the
// node reading for ever.
constexpr int drain_reads_max = 16 * 1024;

constexpr std::int64_t exec_timeout_ms_max = 366LL * 24 * 3600 * 1000; // keeps the sums small
constexpr std::int64_t poll_ms_max = 3'600'000;

enum class Source : std::uint32_t { process, stop, control, npl, stdout_log, stderr_log, user };

std::uint64_t event_data(Source source, std::size_t index) {
    return std::uint64_t{static_cast<std::uint32_t>(source)} << 32 | index;
}

std::vector<std::string> split_args(std::string_view text) {
    std::vector<std::string> args;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        if (end > 0) {
            args.emplace_back(text.substr(0, end));
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return args;
}

std::vector<std::string> flatten(const std::map<std::string, std::string>& environment) {
    std::vector<std::string> out;
    out.reserve(environment.size());
    for (const auto& [key, value] : environment) {
        out.push_back(std::string(key).append("=").append(value));
    }
    return out;
}

// Shortages of this node. Any other error of exec is the contract's own and the same everywhere.
bool is_shortage(int error) {
    constexpr std::array shortages = {ENOMEM, EAGAIN, EMFILE, ENFILE, EIO, ETXTBSY, ENOSPC};
    return std::find(shortages.begin(), shortages.end(), error) != shortages.end();
}

std::vector<PublicKey> keys_of(const std::vector<RunUser>& users) {
    std::vector<PublicKey> keys;
    keys.reserve(users.size());
    for (const RunUser& user : users) {
        keys.push_back(user.key);
    }
    return keys;
}

class Run {
public:
    Run(Launcher& launcher, const RunSpec& spec, const RunHandlers& handlers,
        const StopSource& stop);

    RunResult execute();

private:
    // Before the start.
    Status prepare();
    Status open_stdin();
    Status open_shared_channels();
    Status open_user_channels();
    void open_logs();
    Status watch(int fd, Source source, std::size_t index = 0, std::uint32_t events = EPOLLIN);
    void pass_on(os::Fd fd);

    // While it runs.
    void loop();
    int poll_timeout_ms() const;
    void on_event(const epoll_event& event);
    void on_stop();
    void on_deadline();
    bool read_user(std::size_t index);
    bool read_control();
    void on_npl(std::uint32_t events);
    void on_process();

    // After its end.
    void drain();
    RunResult finish();
    void set_end(RunResult& result);
    RunResult not_spawned(const Error& error);

    std::span<std::uint8_t> buffer() { return {buffer_.get(), read_buffer_bytes}; }
    std::int64_t now_us() const { return clock_.now().mono_us; }

    Launcher& launcher_;
    const RunSpec& spec_;
    const RunHandlers& handlers_;
    const StopSource& stop_;
    SystemClock clock_;
    Notes notes_;
    std::unique_ptr<std::uint8_t[]> buffer_; // not cleared: most runs touch one page of it
    os::Fd epoll_;
    SpawnRequest request_;
    std::vector<os::Fd> passed_on_; // the contract's ends, closed once they are passed
    InputLayout layout_;

    OutputCollector outputs_;
    std::vector<os::Fd> user_fds_;
    os::Fd control_;
    std::optional<NplChannel> npl_;
    std::uint32_t npl_events_ = EPOLLIN; // as epoll knows them
    std::array<std::optional<LogCapture>, 2> logs_;

    std::optional<Process> process_;
    std::optional<Result<ExitReport>> report_;
    std::int64_t started_us_ = 0;
    std::int64_t ended_us_ = 0;
    std::optional<std::int64_t> deadline_us_;
    bool timed_out_ = false;
    bool stopped_ = false;
};

Run::Run(Launcher& launcher, const RunSpec& spec, const RunHandlers& handlers,
         const StopSource& stop)
    : launcher_(launcher), spec_(spec), handlers_(handlers), stop_(stop),
      buffer_(std::make_unique_for_overwrite<std::uint8_t[]>(read_buffer_bytes)),
      outputs_(keys_of(spec.users),
               {spec.limits.user_output_bytes, limits::run_output_bytes_max,
                limits::output_message_bytes_max},
               notes_) {}

RunResult Run::execute() {
    started_us_ = now_us();
    if (const Status status = prepare(); !status) {
        return not_spawned(status.err());
    }
    auto process = launcher_.spawn(request_);
    passed_on_.clear();
    if (!process) {
        return not_spawned(process.err());
    }
    process_ = std::move(*process);
    if (const Status status = watch(process_->fd(), Source::process); !status) {
        process_->kill();
        static_cast<void>(process_->read_report()); // nothing may be alive when this returns
        return not_spawned(status.err());
    }
    if (spec_.limits.exec_timeout > 0) {
        const auto timeout_ms = static_cast<std::int64_t>(std::min<std::uint64_t>(
            spec_.limits.exec_timeout, static_cast<std::uint64_t>(exec_timeout_ms_max)));
        deadline_us_ = now_us() + timeout_ms * 1000;
    }
    loop();
    ended_us_ = now_us();
    drain();
    return finish();
}

Status Run::prepare() {
    epoll_ = os::Fd(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll_) {
        return fail(errno_error("cannot make an epoll", errno));
    }
    HP_TRY_STATUS(watch(stop_.fd(), Source::stop));
    request_.state_dir = spec_.state_dir.string();
    request_.bin_path = spec_.bin_path;
    request_.args = split_args(spec_.bin_args);
    request_.environment = flatten(spec_.environment);
    request_.limits = spec_.limits;
    request_.run_as = spec_.run_as;
    HP_TRY_STATUS(open_shared_channels());
    HP_TRY_STATUS(open_stdin());
    HP_TRY_STATUS(open_user_channels());
    open_logs();
    return {};
}

Status Run::watch(int fd, Source source, std::size_t index, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = event_data(source, index);
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
        return fail(errno_error("cannot watch a channel", errno));
    }
    return {};
}

// The next channel in the contract's order.
void Run::pass_on(os::Fd fd) {
    request_.channels.push_back(fd.get());
    passed_on_.push_back(std::move(fd));
}

// The order of the channels is that of number_channels(): control, inputs, NPL, users.
Status Run::open_shared_channels() {
    HP_TRY(os::FdPair control, make_packet_channel());
    HP_TRY_STATUS(watch(control.ours.get(), Source::control));
    control_ = std::move(control.ours);
    pass_on(std::move(control.theirs));

    layout_ = lay_out_inputs(spec_.users);
    HP_TRY(os::Fd inputs, make_input_file(spec_.users, layout_));
    pass_on(std::move(inputs));

    if (!spec_.readonly) {
        HP_TRY(os::FdPair npl, make_packet_channel());
        HP_TRY_STATUS(watch(npl.ours.get(), Source::npl, 0, npl_events_));
        npl_.emplace(std::move(npl.ours),
                     NplChannel::Settings{spec_.node_keys.public_key, spec_.limits.npl_output_bytes,
                                          spec_.npl_enabled},
                     notes_);
        pass_on(std::move(npl.theirs));
    }
    return {};
}

Status Run::open_stdin() {
    const std::string document =
        make_stdin_document(spec_, layout_, number_channels(spec_.readonly));
    HP_TRY(os::Fd in, os::sealed_memfd("hp_stdin", as_bytes(document)));
    request_.stdin_fd = in.get();
    passed_on_.push_back(std::move(in));
    return {};
}

Status Run::open_user_channels() {
    user_fds_.reserve(spec_.users.size());
    for (std::size_t i = 0; i < spec_.users.size(); ++i) {
        HP_TRY(os::FdPair user, os::stream_pair());
        HP_TRY_STATUS(watch(user.ours.get(), Source::user, i));
        user_fds_.push_back(std::move(user.ours));
        pass_on(std::move(user.theirs));
    }
    return {};
}

// Without its log file a contract still runs: consensus must not depend on it.
void Run::open_logs() {
    if (!spec_.log_files) {
        return;
    }
    std::string title;
    if (spec_.lcl) {
        title =
            "Execution lcl " + std::to_string(spec_.lcl->seq) + "-" + spec_.lcl->hash.hex() + "\n";
    }
    const std::array files = {&spec_.log_files->stdout_file, &spec_.log_files->stderr_file};
    const std::array sources = {Source::stdout_log, Source::stderr_log};
    const std::array targets = {&request_.stdout_fd, &request_.stderr_fd};
    for (std::size_t i = 0; i < files.size(); ++i) {
        auto log = LogCapture::open(*files[i], as_bytes(title));
        const Status watched = log ? watch(log->fd(), sources[i]) : Status(fail(log.err()));
        if (!watched) {
            notes_.add("no contract log: " + watched.err().context);
            continue;
        }
        passed_on_.push_back(log->take_write_end());
        *targets[i] = passed_on_.back().get();
        logs_[i] = std::move(*log);
    }
}

void Run::loop() {
    std::array<epoll_event, 64> events;
    while (!report_) {
        const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                       poll_timeout_ms());
        HP_CHECK(count >= 0 || errno == EINTR, "a broken epoll");
        for (int i = 0; i < count && !report_; ++i) {
            on_event(events[static_cast<std::size_t>(i)]);
        }
        if (!report_ && deadline_us_ && now_us() >= *deadline_us_) {
            on_deadline();
        }
    }
}

int Run::poll_timeout_ms() const {
    if (!deadline_us_) {
        return -1;
    }
    const std::int64_t left_ms = (*deadline_us_ - now_us() + 999) / 1000;
    return static_cast<int>(std::clamp<std::int64_t>(left_ms, 0, poll_ms_max));
}

void Run::on_event(const epoll_event& event) {
    const auto source = static_cast<Source>(event.data.u64 >> 32);
    switch (source) {
    case Source::process:
        on_process();
        break;
    case Source::stop:
        on_stop();
        break;
    case Source::control:
        for (int i = 0; i < packets_per_turn && read_control(); ++i) {
        }
        break;
    case Source::npl:
        on_npl(event.events);
        break;
    case Source::stdout_log:
        logs_[0]->pump(buffer());
        break;
    case Source::stderr_log:
        logs_[1]->pump(buffer());
        break;
    case Source::user:
        read_user(event.data.u64 & UINT32_MAX);
        break;
    }
}

void Run::on_process() {
    report_ = process_->read_report();
}

void Run::on_stop() {
    // The event stays set, for others that wait on it.
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, stop_.fd(), nullptr);
    process_->kill();
    stopped_ = true;
    deadline_us_.reset();
}

void Run::on_deadline() {
    if (!timed_out_) {
        timed_out_ = true;
        process_->terminate();
        deadline_us_ = now_us() + limits::term_grace_ms * 1000;
    } else {
        process_->kill();
        deadline_us_.reset();
    }
}

// False when nothing is waiting. Closes the channel at its end, which also ends its watch.
bool Run::read_user(std::size_t index) {
    os::Fd& fd = user_fds_[index];
    if (!fd) {
        return false;
    }
    ssize_t count = -1;
    do {
        count = ::recv(fd.get(), buffer_.get(), read_buffer_bytes, MSG_DONTWAIT);
    } while (count < 0 && errno == EINTR);
    if (count > 0) {
        outputs_.on_bytes(index, buffer().first(static_cast<std::size_t>(count)));
        return true;
    }
    if (count == 0 || errno != EAGAIN) {
        fd.reset();
    }
    return false;
}

bool Run::read_control() {
    if (!control_) {
        return false;
    }
    const std::span<std::uint8_t> room = buffer().first(limits::control_message_bytes_max);
    const Packet packet = receive_packet_now(control_, room);
    if (packet.kind == Packet::Kind::end) {
        control_.reset();
    } else if (packet.kind == Packet::Kind::longer) {
        notes_.add("a control message over the size limit was dropped");
    } else if (packet.kind == Packet::Kind::data && packet.size > 0 && handlers_.on_control) {
        handlers_.on_control(Bytes(room.begin(), room.begin() + static_cast<long>(packet.size)));
    }
    return packet.received();
}

void Run::on_npl(std::uint32_t events) {
    npl_->on_events(events, buffer(), handlers_.on_npl);
    if (npl_->fd() < 0 || npl_->wanted_events() == npl_events_) {
        return;
    }
    npl_events_ = npl_->wanted_events();
    epoll_event change{};
    change.events = npl_events_;
    change.data.u64 = event_data(Source::npl, 0);
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, npl_->fd(), &change);
}

// Nothing of the run is alive any more: what is in the sockets is all that counts.
void Run::drain() {
    for (std::size_t i = 0; i < user_fds_.size(); ++i) {
        for (int reads = 0; reads < drain_reads_max && read_user(i); ++reads) {
        }
    }
    for (int reads = 0; reads < drain_reads_max && read_control(); ++reads) {
    }
    if (npl_) {
        npl_->drain(buffer(), handlers_.on_npl, drain_reads_max);
    }
    for (std::optional<LogCapture>& log : logs_) {
        for (int reads = 0; reads < drain_reads_max && log && log->pump(buffer()); ++reads) {
        }
        if (log && log->write_failed()) {
            notes_.add("a part of the contract's log could not be written");
        }
    }
    outputs_.finish();
}

RunResult Run::finish() {
    RunResult result;
    set_end(result);
    result.stats.wall_us = ended_us_ - started_us_;
    result.stats.input_bytes = layout_.input_bytes;
    const bool void_run = result.end == RunEnd::stopped || result.end == RunEnd::failed;
    for (std::size_t i = 0; i < spec_.users.size() && !void_run; ++i) {
        std::vector<Bytes> messages = outputs_.take(i);
        for (const Bytes& message : messages) {
            result.stats.output_bytes += message.size();
        }
        if (!messages.empty()) {
            result.outputs.push_back({spec_.users[i].key, std::move(messages)});
        }
    }
    for (std::string& note : notes_.take()) {
        result.notes.push_back(std::move(note));
    }
    return result;
}

void Run::set_end(RunResult& result) {
    if (*report_ && (*report_)->started()) {
        const ExitReport& report = **report_;
        result.end = report.signaled ? RunEnd::signaled : RunEnd::exited;
        result.code = report.code;
        result.stats.cpu_us = report.cpu_us;
        result.stats.max_rss_kib = report.max_rss_kib;
    } else if (*report_) {
        const ExitReport& report = **report_;
        const bool own_fault = report.failed_step == StartStep::exec && !is_shortage(report.code);
        result.end = own_fault ? RunEnd::not_started : RunEnd::failed;
        result.code = own_fault ? report.code : 0;
        result.notes.push_back(std::string(to_string(report.failed_step)) + " (" + spec_.bin_path +
                               "): " + errno_text(report.code));
    } else if (!launcher_.is_running()) {
        result.end = RunEnd::failed;
        result.notes.emplace_back("the launcher is gone");
    } else {
        // Most likely by the contract itself, then on every node: no reason to repeat it.
        result.end = RunEnd::signaled;
        result.code = SIGKILL;
        result.notes.push_back(report_->err().context);
    }
    if (result.end == RunEnd::exited || result.end == RunEnd::signaled) {
        result.end = stopped_ ? RunEnd::stopped : timed_out_ ? RunEnd::timed_out : result.end;
    }
}

RunResult Run::not_spawned(const Error& error) {
    RunResult result;
    // Invalid is the command itself, the same on every node.
    result.end = error.code == Errc::invalid ? RunEnd::not_started : RunEnd::failed;
    result.code = error.code == Errc::invalid ? EINVAL : 0;
    result.notes.push_back(error.context);
    return result;
}

} // namespace

Result<StopSource> StopSource::make() {
    HP_TRY(os::Fd event, os::event_fd());
    return StopSource(std::move(event));
}

bool StopSource::wait(int timeout_ms) const {
    pollfd fd{event_.get(), POLLIN, 0};
    return ::poll(&fd, 1, timeout_ms) > 0;
}

void StopSource::request_stop() {
    const std::uint64_t one = 1;
    // Cannot fail for an eventfd short of 2^64 requests.
    [[maybe_unused]] const ssize_t written = ::write(event_.get(), &one, sizeof one);
}

RunResult run_contract(Launcher& launcher, const RunSpec& spec, const RunHandlers& handlers,
                       const StopSource& stop, const Log& log) {
    RunResult result = Run(launcher, spec, handlers, stop).execute();
    log.debug("contract run", {{"end", describe(result)},
                               {"wall_us", result.stats.wall_us},
                               {"cpu_us", result.stats.cpu_us},
                               {"output_bytes", result.stats.output_bytes}});
    return result;
}

} // namespace hp::contract
