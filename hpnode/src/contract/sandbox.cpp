// SPDX-License-Identifier: Apache-2.0
#include "contract/sandbox.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>

#include "contract/landlock.hpp"
#include "contract/mounts.hpp"
#include "hp/base/limits.hpp"
#include "tracked/view_mount.hpp"

namespace hp::contract {
namespace {

using Mode = config::Sandbox;

// What a contract run by root keeps: to work with files and users of its own. Everything else
// (mounts, modules, raw devices, tracing, clocks...) is a way around the confinement or into the
// host.
constexpr std::array kept_capabilities = {CAP_CHOWN,      CAP_DAC_OVERRIDE, CAP_FOWNER,
                                          CAP_FSETID,     CAP_KILL,         CAP_SETGID,
                                          CAP_SETUID,     CAP_SETPCAP,      CAP_NET_BIND_SERVICE,
                                          CAP_SYS_CHROOT, CAP_SETFCAP,      CAP_AUDIT_WRITE};

std::vector<int> capabilities_to_drop(bool all) {
    std::vector<int> out;
    for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability) >= 0; ++capability) {
        const bool kept = std::find(kept_capabilities.begin(), kept_capabilities.end(),
                                    capability) != kept_capabilities.end();
        if (all || !kept) {
            out.push_back(capability);
        }
    }
    return out;
}

// True when the child got as far as `step` says.
template <class Step>
bool succeeds_in_child(pid_t child, Step step) {
    if (child == 0) {
        ::_exit(step() ? 0 : 1);
    }
    int status = 0;
    while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

pid_t fork_with(unsigned long flags) {
    return static_cast<pid_t>(::syscall(SYS_clone, flags | SIGCHLD, nullptr, nullptr, nullptr, 0));
}

} // namespace

Result<Protection> Sandbox::prepare(const Confinement& confinement) {
    const bool reader = confinement.view.empty();
    const bool strict = confinement.sandbox == Mode::strict;
    const bool sandboxed = confinement.sandbox != Mode::off;
    const bool root = ::geteuid() == 0;
    if (sandboxed || reader) {
        if (const Status done = prepare_mounts(confinement); !done) {
            note("mounts", done.err());
        }
        no_new_privileges_ = strict || reader || !root;
        if (root) {
            dropped_capabilities_ = capabilities_to_drop(strict);
        }
        // Readers have it in addition: root could undo mounts, and nobody can undo this.
        if (reader || !protection_.mounts) {
            if (const Status done = prepare_landlock(confinement); !done) {
                note("landlock", done.err());
            }
        }
    }
    if (sandboxed) {
        prepare_processes();
    } else if (root && !reader) { // readers, and sandboxed contracts of root, cannot mount
        own_mounts_ =
            succeeds_in_child(fork_with(0), [] { return static_cast<bool>(enter_own_mounts()); });
    }
    view_ = confinement.view;
    if (confinement.track) {
        prepare_tracking();
    }
    if (strict) {
        const auto filter = make_syscall_filter();
        if (filter) {
            filter_ = *filter;
            protection_.syscall_filter = true;
        } else {
            note("system call filter", filter.err());
        }
    }
    auto cgroup = CgroupParent::open();
    if (cgroup && (!protection_.processes || !cgroup->controllers().empty())) {
        cgroup_ = std::move(*cgroup);
        protection_.cgroup = true;
    }
    limits_processes_ = !root && protection_.mounts && sandboxed;
    limits_run_as_ = root && sandboxed;
    if (strict && !protection_.lacking.empty()) {
        return fail(Errc::unsupported, "contract.sandbox is strict, but this machine lacks: " +
                                           protection_.lacking.front());
    }
    return protection_;
}

void Sandbox::note(std::string_view what, const Error& error) {
    protection_.lacking.push_back(std::string(what) + " (" + error.context + ")");
}

Status Sandbox::prepare_mounts(const Confinement& confinement) {
    HP_TRY_STATUS(enter_mount_namespace());
    if (confinement.sandbox == Mode::strict) {
        HP_TRY_STATUS(leave_network());
        protection_.no_network = true;
        HP_TRY_STATUS(make_system_read_only(confinement.node_dir));
    }
    HP_TRY_STATUS(make_read_only(confinement.node_dir));
    if (!confinement.view.empty()) {
        HP_TRY_STATUS(make_writable(confinement.view));
    }
    if (confinement.sandbox != Mode::off) {
        for (const std::string& directory : confinement.hidden) {
            HP_TRY_STATUS(hide(directory));
        }
    }
    protection_.mounts = true;
    return {};
}

Status Sandbox::prepare_landlock(const Confinement& confinement) {
    LandlockPlan plan;
    plan.node_dir = confinement.node_dir;
    if (!confinement.view.empty()) {
        plan.writable.push_back(confinement.view);
    }
    if (confinement.sandbox != Mode::off && !protection_.mounts) {
        // Hidden by leaving them out.
        plan.readable = {confinement.node_dir + "/contract_fs/seed",
                         confinement.node_dir + "/contract_fs/base"};
    }
    HP_TRY(const os::Fd rules, make_landlock_rules(plan));
    if (::dup3(rules.get(), landlock_fd, O_CLOEXEC) < 0) {
        return fail(errno_error("cannot keep the landlock rules", errno));
    }
    protection_.landlock_abi = landlock_abi();
    return {};
}

void Sandbox::prepare_processes() {
    if (!succeeds_in_child(fork_with(CLONE_NEWPID), [] { return true; })) {
        note("pid namespace", errno_error("clone", errno));
        return;
    }
    protection_.processes = true;
    protection_.fresh_proc = succeeds_in_child(fork_with(CLONE_NEWPID),
                                               [] { return static_cast<bool>(mount_own_proc()); });
}

// Tried out as a run will do it.
void Sandbox::prepare_tracking() {
    if (!protection_.mounts && !own_mounts_) {
        protection_.no_tracking = "no mount namespace for contracts: contract.sandbox is off, or "
                                  "this machine has none";
        return;
    }
    const auto fuse = tracked::open_fuse();
    if (!fuse) {
        protection_.no_tracking = fuse.err().context;
        return;
    }
    protection_.tracking = succeeds_in_child(
        fork_with(0), [this, &fuse] { return static_cast<bool>(cover_view(fuse->get())); });
    if (!protection_.tracking) {
        protection_.no_tracking = "this machine does not let the node mount with FUSE";
    }
}

Status Sandbox::cover_view(int fuse) const {
    HP_TRY_STATUS(enter_own_mounts());
    return tracked::mount_view(fuse, view_);
}

pid_t Sandbox::fork_run() const {
    return fork_with(protection_.processes ? CLONE_NEWPID : 0);
}

void Sandbox::enter_run() const {
    if (protection_.fresh_proc) {
        // It has worked before; without it a contract only sees less.
        static_cast<void>(mount_own_proc());
    }
    if (own_mounts_) {
        static_cast<void>(enter_own_mounts());
    }
}

void Sandbox::remove_cgroup(unsigned run) const {
    if (cgroup_) {
        cgroup_->remove(run);
    }
}

void Sandbox::kill_cgroup(unsigned run) const {
    if (const os::Fd group(make_cgroup(run)); group) {
        CgroupParent::kill(group.get());
    }
}

bool Sandbox::drop_privileges() const {
    for (const int capability : dropped_capabilities_) {
        if (::prctl(PR_CAPBSET_DROP, capability) != 0) {
            return false;
        }
    }
    return true;
}

bool Sandbox::restrict_self(bool user_changed) const {
    const rlimit processes{limits::run_processes_max, limits::run_processes_max};
    const bool limited = limits_processes_ || (limits_run_as_ && user_changed);
    return (!limited || ::setrlimit(RLIMIT_NPROC, &processes) == 0) &&
           (!no_new_privileges_ || ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) &&
           (protection_.landlock_abi == 0 || apply_landlock(landlock_fd)) &&
           (filter_.empty() || apply_syscall_filter(filter_));
}

std::string describe(const Protection& protection) {
    std::string out;
    const auto add = [&out](bool present, const std::string& what) {
        if (present) {
            out += (out.empty() ? "" : ", ") + what;
        }
    };
    add(protection.mounts, "mounts");
    add(protection.landlock_abi > 0, "landlock " + std::to_string(protection.landlock_abi));
    add(protection.processes,
        protection.fresh_proc ? "pid namespace" : "pid namespace (old /proc)");
    add(protection.no_network, "no network");
    add(protection.syscall_filter, "system call filter");
    add(protection.cgroup, "cgroup");
    add(protection.tracking, "tracked views");
    if (out.empty()) {
        out = "none";
    }
    for (const std::string& lacking : protection.lacking) {
        out += "; lacking " + lacking;
    }
    return out;
}

} // namespace hp::contract
