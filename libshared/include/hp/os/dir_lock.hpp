// SPDX-License-Identifier: Apache-2.0
// One process per directory: an flock on a separate lock file (a record lock on hp.cfg would be
// lost at the first close of any of its descriptors). The lock belongs to the open file, so
// helper processes that inherit the descriptor keep the directory locked until they are gone too;
// that is what stops a restarted node from running beside a contract of its killed predecessor.
#pragma once

#include <cstdint>
#include <filesystem>
#include <utility>

#include "hp/base/result.hpp"
#include "hp/os/fd.hpp"

namespace hp::os {

class DirLock {
public:
    // Waits up to `wait_ms` when the recorded holder is no longer alive (its helpers are on their
    // way out), or not yet recorded; Errc::exists at once when it is alive, naming its pid, and
    // after the wait.
    static Result<DirLock> acquire(const std::filesystem::path& lock_file, std::int64_t wait_ms);

    const Fd& fd() const { return fd_; }

private:
    explicit DirLock(Fd fd) : fd_(std::move(fd)) {}
    Fd fd_;
};

} // namespace hp::os
