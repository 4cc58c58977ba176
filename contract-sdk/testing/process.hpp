// SPDX-License-Identifier: Apache-2.0
//
// Starting a program the way a node does, and its end (private).
//
// Threads: may fork in a process with threads: the child makes only calls that are safe there.
#pragma once

#include "channels.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

#include <sys/types.h>

namespace hp::contract::testing::detail {

struct ProcessSpec {
    std::string program;
    std::vector<std::string> args; ///< without the program itself
    std::vector<std::string> environment;
    std::string directory;
    mode_t umask = 022;
    int stdin_fd = -1;
    int stdout_fd = -1;
    int stderr_fd = -1;
    std::vector<int> inherited; ///< the only other descriptors it gets
};

/// A child process in a process group of its own. Killed with its group if it is still there at the
/// end of this object's life.
class Process {
public:
    /// Exit code 125 means that it could not be started.
    explicit Process(const ProcessSpec& spec);
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process();

    /// Becomes readable when it ends.
    [[nodiscard]] int ended_fd() const noexcept { return pid_fd_.get(); }
    /// Waits until then or for `timeout_ms`, whichever comes first.
    void wait(int timeout_ms) const;
    /// Ends it and what is left of its group. Its exit status stays if it has ended already.
    void kill() noexcept;
    /// Waits for the end and returns the status of waitpid().
    [[nodiscard]] int collect();

private:
    pid_t pid_ = -1;
    Fd pid_fd_;
};

} // namespace hp::contract::testing::detail
