// SPDX-License-Identifier: Apache-2.0
#include "contract/landlock.hpp"
#include "contract/launcher.hpp"
#include "contract/scratch.hpp"
#include "doctor/doctor.hpp"

#include <linux/seccomp.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace hp::dev {
namespace {

using State = cli::Check::State;

void add(const std::string& what, bool there, const std::string& found, const std::string& cure,
         cli::Checks& out) {
    out.push_back({what, there ? State::ok : State::warn, found, there ? "" : cure});
}

// What a node's contracts would get here with contract.sandbox auto and large files.
Result<contract::Protection> try_sandbox() {
    HP_TRY(const Scratch scratch, Scratch::make());
    HP_TRY(const auto launcher, contract::Launcher::start({}));
    contract::Confinement wanted;
    wanted.sandbox = config::Sandbox::automatic;
    wanted.node_dir = scratch.path().string();
    wanted.view = scratch.path().string();
    wanted.track = true;
    return launcher->confine(wanted);
}

std::string joined(const std::vector<std::string>& texts) {
    std::string out;
    for (const std::string& text : texts) {
        out += (out.empty() ? "" : "; ") + text;
    }
    return out;
}

void check_sandbox(cli::Checks& out) {
    const auto got = try_sandbox();
    if (!got) {
        out.push_back({"sandbox", State::fail, got.err().context,
                       "contracts cannot be started at all; see the message"});
        return;
    }
    const bool whole = got->mounts && got->processes;
    add("namespaces", whole, whole ? "mounts, processes" : "lacking: " + joined(got->lacking),
        "contracts can see each other's processes; sysctl kernel.unprivileged_userns_clone=1, or "
        "in a container --security-opt seccomp=unconfined",
        out);
    add("FUSE", got->tracking,
        got->tracking ? "writes to large files can be recorded" : got->no_tracking,
        "states with files above 64 MiB are read as a whole in each round; make /dev/fuse "
        "accessible (modprobe fuse)",
        out);
}

bool has_seccomp() {
    std::uint32_t action = SECCOMP_RET_ERRNO;
    return ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

bool can_trace() {
    const pid_t child = ::fork();
    if (child == 0) {
        ::_exit(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0 ? 0 : 1);
    }
    int status = 1;
    return child > 0 && ::waitpid(child, &status, 0) == child && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

} // namespace

void check_kernel(cli::Checks& out) {
    check_sandbox(out);
    const int abi = contract::landlock_abi();
    add("Landlock", abi > 0, abi > 0 ? "version " + std::to_string(abi) : "the kernel has none",
        "without namespaces nothing keeps read requests from writing; boot with lsm=landlock,...",
        out);
    add("seccomp", has_seccomp(), has_seccomp() ? "filters" : "the kernel has none",
        "contract.sandbox strict is not to be had", out);
#if defined(__x86_64__)
    const bool traces = can_trace();
    add("ptrace", traces, traces ? "own children" : "forbidden",
        "hpdev check varies less and cannot hold the clock still; sysctl "
        "kernel.yama.ptrace_scope=1",
        out);
#else
    add("ptrace", false, "not used on this processor", "hpdev check varies less", out);
#endif
}

} // namespace hp::dev
