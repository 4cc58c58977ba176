// SPDX-License-Identifier: Apache-2.0
// A control group (version 2) for each run, where this process may make them below its own: all
// processes of a run can then be killed in one step, whatever they did to get away, and their
// number is limited where the "pids" controller is enabled. One owner.
#pragma once

#include <string>
#include <vector>

#include "hp/os/fd.hpp"

namespace hp::contract {

class CgroupParent {
public:
    // Below the own group of this process. Removes groups that dead processes have left there.
    // Errc::unsupported where there is no version 2, or it may not be written.
    static Result<CgroupParent> open();
    ~CgroupParent();
    CgroupParent(CgroupParent&&) noexcept = default;
    CgroupParent& operator=(CgroupParent&&) noexcept = default;

    // A group for one run; -1 if it cannot be made just now. The caller closes it.
    int make(unsigned number) const;

    // Controllers that limit runs here, for reports.
    const std::vector<std::string>& controllers() const { return controllers_; }

    static bool kill(int group);
    // Once its processes are reaped.
    void remove(unsigned number) const;

private:
    CgroupParent(os::Fd own, std::string prefix)
        : own_(std::move(own)), prefix_(std::move(prefix)) {}
    void remove_stale() const;

    os::Fd own_; // directory
    std::string prefix_;
    std::vector<std::string> controllers_;
};

} // namespace hp::contract
