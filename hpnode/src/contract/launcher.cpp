// SPDX-License-Identifier: Apache-2.0
// The node's side of the launcher.
#include "contract/launcher.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "contract/fd_passing.hpp"
#include "contract/launch_protocol.hpp"
#include "contract/launcher_main.hpp"
#include "hp/base/check.hpp"

namespace hp::contract {
namespace {

// What execve() would silently cut short.
bool has_nul(const std::string& text) {
    return text.find('\0') != std::string::npos;
}

Status check_texts(const SpawnRequest& request) {
    if (has_nul(request.state_dir) || has_nul(request.bin_path) ||
        std::any_of(request.args.begin(), request.args.end(), has_nul) ||
        std::any_of(request.environment.begin(), request.environment.end(), has_nul)) {
        return fail(Errc::invalid, "a NUL character in the contract's command or environment");
    }
    return {};
}

void reap(int pid) {
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
}

// A program started without stdin, stdout or stderr would give their numbers to whatever it opens
// next, and later write its messages into that.
Status open_missing_stdio() {
    for (int number = 0; number < 3; ++number) {
        // The lower ones are taken, so that open() returns this number.
        if (::fcntl(number, F_GETFD) < 0 && ::open("/dev/null", O_RDWR) < 0) {
            return fail(errno_error("cannot open /dev/null", errno));
        }
    }
    return {};
}

// The helper's answer: ready, or why not.
Status wait_until_ready(int channel) {
    std::uint8_t buffer[512];
    std::vector<int> none;
    HP_TRY(const std::size_t count, receive_packet(channel, buffer, none));
    const std::string text = to_text(ByteView(buffer).first(count));
    if (text != helper_ready) {
        return fail(Errc::unsupported, text);
    }
    return {};
}

} // namespace

std::string_view to_string(StartStep step) {
    switch (step) {
    case StartStep::none:
        return "none";
    case StartStep::supervisor:
        return "cannot make a process";
    case StartStep::request:
        return "cannot take over the channels";
    case StartStep::directory:
        return "cannot enter the state directory";
    case StartStep::limits:
        return "cannot set resource limits";
    case StartStep::identity:
        return "cannot become the run_as user";
    case StartStep::sandbox:
        return "cannot enter the sandbox";
    case StartStep::hold:
        return "cannot wait on stdin here";
    case StartStep::view:
        return "cannot keep a view of its files";
    case StartStep::exec:
        return "cannot execute";
    }
    return "unknown";
}

void Process::send_command(char command) {
    // A supervisor that is gone has ended its run already.
    ::send(channel_.get(), &command, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void Process::release() {
    send_command(command_release);
}

void Process::terminate() {
    send_command(command_terminate);
}

void Process::kill() {
    send_command(command_kill);
}

Result<ExitReport> Process::read_report() {
    std::uint8_t buffer[64];
    ssize_t count = -1;
    do {
        count = ::recv(channel_.get(), buffer, sizeof buffer, 0);
        // ECONNRESET: it has not read our last command. What it said before comes next.
    } while (count < 0 && (errno == EINTR || errno == ECONNRESET));
    if (count < 0) {
        return fail(errno_error("cannot read an exit report", errno));
    }
    if (count == 0) {
        return fail(Errc::closed, "the supervisor of the run was killed");
    }
    return decode_report(ByteView(buffer).first(static_cast<std::size_t>(count)));
}

Result<std::unique_ptr<Launcher>> Launcher::start(const std::vector<int>& keep_open) {
    HP_CHECK(keep_open.size() <= keep_open_max, "more descriptors than there are places for");
    HP_TRY_STATUS(open_missing_stdio());
    HP_TRY(os::FdPair pair, os::seqpacket_pair());
    const pid_t pid = ::fork();
    if (pid < 0) {
        return fail(errno_error("cannot fork the launcher", errno));
    }
    if (pid == 0) {
        run_helper(pair.theirs.get(), keep_open);
    }
    pair.theirs.reset();
    if (Status status = wait_until_ready(pair.ours.get()); !status) {
        reap(pid);
        return fail(std::move(status.error()).in("the launcher cannot start"));
    }
    return std::unique_ptr<Launcher>(new Launcher(std::move(pair.ours), pid));
}

Launcher::~Launcher() {
    channel_.reset();
    reap(pid_);
}

bool Launcher::is_running() const {
    pollfd state{channel_.get(), 0, 0};
    return ::poll(&state, 1, 0) == 0;
}

Result<Protection> Launcher::confine(const Confinement& confinement) {
    HP_TRY_STATUS(send_packet(channel_.get(), encode_confinement(confinement), {}));
    std::vector<std::uint8_t> answer(helper_packet_bytes_max);
    std::vector<int> none;
    HP_TRY(const std::size_t count, receive_packet(channel_.get(), answer, none));
    return decode_protection(ByteView(answer).first(count));
}

Result<Process> Launcher::spawn(const SpawnRequest& request) {
    HP_TRY_STATUS(check_texts(request));
    HP_TRY(os::FdPair run, os::seqpacket_pair());
    const std::uint8_t byte = 0;
    std::vector<int> fds = {run.theirs.get()};
    if (request.tracked) {
        fds.push_back(request.written_fd);
    }
    if (Status status = send_packet(channel_.get(), {&byte, 1}, fds); !status) {
        return fail(std::move(status.error()).in("cannot reach the launcher"));
    }
    run.theirs.reset();
    const Status status = send_request(run.ours.get(), request);
    // A supervisor that gave up while receiving says why in its report.
    if (!status && status.err().code != Errc::closed) {
        return fail(status.err());
    }
    return Process(std::move(run.ours));
}

} // namespace hp::contract
