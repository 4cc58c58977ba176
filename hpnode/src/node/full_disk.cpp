// SPDX-License-Identifier: Apache-2.0
#include "node/full_disk.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <vector>

namespace hp::node {
namespace {

// Only what cannot be about a socket or a pipe: those must go on.
constexpr std::array growing_calls = {SYS_pwrite64,  SYS_pwritev,   SYS_pwritev2,
                                      SYS_fallocate, SYS_ftruncate, SYS_copy_file_range};

std::vector<sock_filter> make_filter() {
    std::vector<sock_filter> out = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
    for (const long call : growing_calls) {
        out.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 1));
        out.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSPC));
    }
    out.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    return out;
}

} // namespace

Status fill_disk() {
    std::vector<sock_filter> code = make_filter();
    const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
    // The kernel asks for it, so that no setuid program is started under a filter of ours.
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0) {
        return fail(Errc::unavailable,
                    "this machine allows no seccomp filter: " + errno_text(errno));
    }
    return {};
}

} // namespace hp::node
