// SPDX-License-Identifier: Apache-2.0
#include "contract/syscall_filter.hpp"

#include <cerrno>
#include <memory>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <linux/seccomp.h>
#include <seccomp.h>

#include "hp/os/fd.hpp"

namespace hp::contract {
namespace {

// Tracing and reading other processes, keyrings, kernel programs and modules, mounts and
// namespaces, clocks, raw devices, and interfaces with a long history of holes.
constexpr int denied[] = {SCMP_SYS(ptrace),
                          SCMP_SYS(process_vm_readv),
                          SCMP_SYS(process_vm_writev),
                          SCMP_SYS(kcmp),
                          SCMP_SYS(pidfd_getfd),
                          SCMP_SYS(keyctl),
                          SCMP_SYS(add_key),
                          SCMP_SYS(request_key),
                          SCMP_SYS(bpf),
                          SCMP_SYS(perf_event_open),
                          SCMP_SYS(init_module),
                          SCMP_SYS(finit_module),
                          SCMP_SYS(delete_module),
                          SCMP_SYS(kexec_load),
                          SCMP_SYS(kexec_file_load),
                          SCMP_SYS(mount),
                          SCMP_SYS(umount2),
                          SCMP_SYS(pivot_root),
                          SCMP_SYS(chroot),
                          SCMP_SYS(move_mount),
                          SCMP_SYS(open_tree),
                          SCMP_SYS(fsopen),
                          SCMP_SYS(fsmount),
                          SCMP_SYS(fspick),
                          SCMP_SYS(mount_setattr),
                          SCMP_SYS(setns),
                          SCMP_SYS(unshare),
                          SCMP_SYS(swapon),
                          SCMP_SYS(swapoff),
                          SCMP_SYS(reboot),
                          SCMP_SYS(settimeofday),
                          SCMP_SYS(clock_settime),
                          SCMP_SYS(clock_adjtime),
                          SCMP_SYS(adjtimex),
                          SCMP_SYS(sethostname),
                          SCMP_SYS(setdomainname),
                          SCMP_SYS(acct),
                          SCMP_SYS(quotactl),
                          SCMP_SYS(syslog),
                          SCMP_SYS(iopl),
                          SCMP_SYS(ioperm),
                          SCMP_SYS(userfaultfd),
                          SCMP_SYS(io_uring_setup),
                          SCMP_SYS(io_uring_enter),
                          SCMP_SYS(io_uring_register),
                          SCMP_SYS(open_by_handle_at),
                          SCMP_SYS(name_to_handle_at),
                          SCMP_SYS(mknod),
                          SCMP_SYS(vhangup),
                          SCMP_SYS(personality)};

using Context = std::unique_ptr<void, decltype(&seccomp_release)>;

bool add_rules(scmp_filter_ctx context) {
    for (const int call : denied) {
        const int error = call == SCMP_SYS(io_uring_setup) ? ENOSYS : EPERM; // libraries fall back
        if (seccomp_rule_add(context, SCMP_ACT_ERRNO(static_cast<unsigned>(error)), call, 0) != 0) {
            return false;
        }
    }
    // New namespaces through clone() too. clone3() hides its flags in memory: libraries fall back.
    const scmp_arg_cmp new_user{0, SCMP_CMP_MASKED_EQ, CLONE_NEWUSER, CLONE_NEWUSER};
    return seccomp_rule_add(context, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1, new_user) == 0 &&
           seccomp_rule_add(context, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0;
}

} // namespace

Result<std::vector<sock_filter>> make_syscall_filter() {
    const Context context(seccomp_init(SCMP_ACT_ALLOW), seccomp_release);
    if (!context || !add_rules(context.get())) {
        return fail(Errc::unsupported, "cannot make a system call filter");
    }
    HP_TRY(os::Fd file, os::make_memfd("hp_filter"));
    if (seccomp_export_bpf(context.get(), file.get()) != 0) {
        return fail(Errc::unsupported, "cannot export the system call filter");
    }
    const off_t size = ::lseek(file.get(), 0, SEEK_END);
    std::vector<sock_filter> filter(static_cast<std::size_t>(size) / sizeof(sock_filter));
    const auto bytes = static_cast<ssize_t>(filter.size() * sizeof(sock_filter));
    if (filter.empty() ||
        ::pread(file.get(), filter.data(), static_cast<std::size_t>(bytes), 0) != bytes) {
        return fail(Errc::unsupported, "cannot read the system call filter");
    }
    return filter;
}

bool apply_syscall_filter(const std::vector<sock_filter>& filter) {
    const sock_fprog program{static_cast<unsigned short>(filter.size()),
                             const_cast<sock_filter*>(filter.data())};
    return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

} // namespace hp::contract
