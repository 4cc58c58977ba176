// SPDX-License-Identifier: Apache-2.0
// Signals that ask a command to end, for commands that have to do something first. As long as there
// is one of these they are counted, not obeyed. One thread.
#pragma once

#include "hp/os/fd.hpp"

#include <csignal>
#include <sys/signalfd.h>
#include <unistd.h>

namespace hp::dev {

class EndSignals {
public:
    EndSignals() {
        sigset_t wanted;
        ::sigemptyset(&wanted);
        for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
            ::sigaddset(&wanted, signal);
        }
        ::sigprocmask(SIG_BLOCK, &wanted, &before_);
        descriptor_ = os::Fd(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
    }
    ~EndSignals() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }
    EndSignals(const EndSignals&) = delete;
    EndSignals& operator=(const EndSignals&) = delete;

    // How many there were so far.
    int count() {
        signalfd_siginfo info{};
        while (::read(descriptor_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
            ++count_;
            last_ = static_cast<int>(info.ssi_signo);
        }
        return count_;
    }
    int exit_code() const { return 128 + last_; }

private:
    sigset_t before_{};
    os::Fd descriptor_;
    int count_ = 0;
    int last_ = SIGINT;
};

} // namespace hp::dev
