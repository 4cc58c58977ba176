// SPDX-License-Identifier: Apache-2.0
#include "tracked/view_server.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/fuse.h>

#include "hp/os/files.hpp"
#include "tracked/view_files.hpp"
#include "tracked/view_operations.hpp"

namespace hp::tracked {
namespace {

// After the end of a run its files are closed and written back within microseconds. Longer takes
// only a descriptor that went to a process outside, which is not waited for.
constexpr int quiet_ms = 2000;
// A server that is asked to end does so; a bound all the same, since a node waits behind it.
constexpr int answer_ms = 120'000;

// A record of every other block of files with the largest total size.
constexpr std::size_t report_bytes_max = 64 * limits::mib;

class ViewServer {
public:
    ViewServer(ViewServerStart start, int control) : start_(std::move(start)), control_(control) {}
    // 0, or what went wrong.
    int serve();

private:
    Status open();
    void answer_all();
    bool answer_one();
    void on_lease_signals();
    int finish();

    ViewServerStart start_;
    int control_;
    int lease_signal_ = SIGRTMIN;
    os::Fd signals_;
    std::unique_ptr<ViewFiles> files_;
    fuse_session* session_ = nullptr;
    fuse_buf buffer_{};
    bool ending_ = false;
    bool gone_ = false; // the last mount is
};

Status ViewServer::open() {
    ::umask(0); // the kernel has applied the contract's
    HP_TRY(os::Fd root, os::open_file(start_.directory, O_PATH | O_DIRECTORY));
    sigset_t leases;
    sigemptyset(&leases);
    sigaddset(&leases, lease_signal_);
    signals_ = os::Fd(::signalfd(-1, &leases, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals_) {
        return fail(errno_error("cannot make a signalfd", errno));
    }
    files_ = std::make_unique<ViewFiles>(std::move(root), start_.file_bytes_min, lease_signal_);
    std::array<char, 12> name = {"hpnode-view"};
    std::array<char*, 1> words = {name.data()};
    fuse_args arguments = FUSE_ARGS_INIT(static_cast<int>(words.size()), words.data());
    session_ =
        fuse_session_new(&arguments, &view_operations(), sizeof view_operations(), files_.get());
    HP_TRY_STATUS(os::set_nonblocking(start_.fuse));
    // Mounted by the run itself, behind this descriptor.
    const std::string mounted = "/dev/fd/" + std::to_string(start_.fuse.get());
    if (session_ == nullptr || fuse_session_mount(session_, mounted.c_str()) != 0) {
        return fail(Errc::io, "cannot serve a view");
    }
    start_.fuse.release(); // the session closes it
    return {};
}

int ViewServer::serve() {
    if (!open()) {
        return EIO;
    }
    const int fuse = fuse_session_fd(session_);
    for (;;) {
        if (ending_ && files_->is_idle()) {
            answer_all();
            if (files_->is_idle()) {
                return finish();
            }
        }
        // poll() leaves out negative descriptors.
        std::array<pollfd, 3> fds = {{{gone_ ? -1 : fuse, POLLIN, 0},
                                      {ending_ ? -1 : control_, POLLIN, 0},
                                      {signals_.get(), POLLIN, 0}}};
        const int ready = ::poll(fds.data(), fds.size(), ending_ ? quiet_ms : -1);
        if (ready == 0 || (gone_ && ending_)) {
            return finish();
        }
        if (fds[2].revents != 0) {
            on_lease_signals();
        }
        if (fds[0].revents != 0) {
            gone_ = !answer_one() || (fds[0].revents & (POLLERR | POLLHUP)) != 0;
        }
        if (fds[1].revents != 0) {
            char end = 0; // taken: what is not read would cut off the answer
            static_cast<void>(::recv(control_, &end, 1, MSG_DONTWAIT));
            ending_ = true; // whether asked to or left alone
        }
    }
}

// What has been asked until now.
void ViewServer::answer_all() {
    pollfd fuse{fuse_session_fd(session_), POLLIN, 0};
    while (!gone_ && ::poll(&fuse, 1, 0) > 0) {
        gone_ = !answer_one() || (fuse.revents & (POLLERR | POLLHUP)) != 0;
    }
}

// False when nothing will come any more.
bool ViewServer::answer_one() {
    const int got = fuse_session_receive_buf(session_, &buffer_);
    if (got == -EINTR || got == -EAGAIN) {
        return true;
    }
    if (got <= 0) {
        return false;
    }
    auto& head = *static_cast<fuse_in_header*>(buffer_.mem);
    if (head.opcode == FUSE_TMPFILE) { // laid out like the other; see `unnamed`
        head.opcode = FUSE_CREATE;
    }
    fuse_session_process_buf(session_, &buffer_);
    return true;
}

void ViewServer::on_lease_signals() {
    signalfd_siginfo signal{};
    while (::read(signals_.get(), &signal, sizeof signal) == sizeof signal) {
        files_->give_up_lease(signal.ssi_fd);
    }
}

// In this order: nobody can write through the view any more, then nobody else's writing is missed.
int ViewServer::finish() {
    fuse_session_destroy(session_);
    std::free(buffer_.mem); // NOLINT: libfuse's
    on_lease_signals();
    const int failure = files_->failure();
    const std::optional<Written> written = files_->finish();
    if (failure == 0 && written) {
        // A report cut short is none.
        static_cast<void>(os::write_all(start_.report.get(), encode_written(*written)));
    }
    return failure;
}

} // namespace

void serve_view(ViewServerStart start) {
    ::prctl(PR_SET_NAME, "hpnode-view");
    sigset_t all;
    sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
    fuse_set_log_func([](fuse_log_level, const char*, va_list) {}); // stderr is the contract's
    const os::Fd control = std::move(start.control);
    char mounted = 0; // before that, reading requests fails
    if (::recv(control.get(), &mounted, 1, 0) == 1) {
        ViewServer server(std::move(start), control.get());
        const int failure = server.serve();
        ::send(control.get(), &failure, sizeof failure, MSG_NOSIGNAL);
    }
    ::_exit(0);
}

void begin_view(int control) {
    const char mounted = 'M';
    ::send(control, &mounted, 1, MSG_NOSIGNAL);
}

int end_view(int control) {
    const char end = 'E';
    int failure = 0;
    pollfd answer{control, POLLIN, 0};
    ::send(control, &end, 1, MSG_NOSIGNAL);
    const bool answered = ::poll(&answer, 1, answer_ms) == 1 &&
                          ::recv(control, &failure, sizeof failure, MSG_DONTWAIT) == sizeof failure;
    return answered ? failure : EPIPE;
}

Result<Written> read_written(const os::Fd& report) {
    struct stat st {};
    if (::fstat(report.get(), &st) != 0 || st.st_size == 0) {
        return fail(Errc::not_found, "not known");
    }
    if (static_cast<std::uint64_t>(st.st_size) > report_bytes_max) {
        return fail(Errc::too_large, "the record of what a run has written");
    }
    Bytes bytes(static_cast<std::size_t>(st.st_size));
    for (std::size_t at = 0; at < bytes.size();) {
        const ssize_t got =
            ::pread(report.get(), bytes.data() + at, bytes.size() - at, static_cast<off_t>(at));
        if (got <= 0) {
            return fail(errno_error("cannot read what a run has written", errno));
        }
        at += static_cast<std::size_t>(got);
    }
    return decode_written(bytes);
}

} // namespace hp::tracked
