// SPDX-License-Identifier: Apache-2.0
// What every child of ours does first, between fork and exec: nothing here allocates or locks.
#pragma once

#include <csignal>
#include <sys/prctl.h>
#include <unistd.h>

namespace hp::dev {

// The child gets `end_signal` when its parent's thread ends, or ends at once if `parent` is gone by
// now. It blocks no signals, whatever its parent holds back.
inline void begin_child(pid_t parent, int end_signal) {
    ::prctl(PR_SET_PDEATHSIG, end_signal);
    if (::getppid() != parent) {
        ::_exit(127); // it ended before the kernel knew
    }
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

} // namespace hp::dev
