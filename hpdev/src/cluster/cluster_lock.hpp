// SPDX-License-Identifier: Apache-2.0
// Who may change a cluster: an flock that ends with its holder (a supervisor inherits it from the
// command that starts it), and in the file who that is, so that others can name it and a holder
// that did not end in good order is noticed. Any thread.
#pragma once

#include "cluster/expected.hpp"
#include "cluster/process_mark.hpp"
#include "hp/os/fd.hpp"

namespace hp::dev {

class ClusterLock {
public:
    // ErrorId::cluster_exists when somebody has it. Whoever had it and never let go of it is in
    // stale().
    static Expected<ClusterLock> acquire(const fs::path& cluster_dir);

    const ProcessMark& stale() const { return stale_; }
    void record(const ProcessMark& holder) const;
    void clear() const; // in good order

private:
    explicit ClusterLock(os::Fd file) : file_(std::move(file)) {}
    os::Fd file_;
    ProcessMark stale_;
};

} // namespace hp::dev
