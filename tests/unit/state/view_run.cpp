// SPDX-License-Identifier: Apache-2.0
#include "view_run.hpp"

#include <csignal>
#include <iostream>

#include <catch2/catch.hpp>
#include <sys/wait.h>
#include <unistd.h>

#include "contract/mounts.hpp"
#include "tracked/view_mount.hpp"
#include "tracked/view_server.hpp"

namespace hp::state::test {
namespace {

constexpr int cannot_mount = 200;
constexpr int job_failed = 201;

// Whatever happens, `job` must not come back into the test program.
[[noreturn]] void do_job(const std::function<void()>& job) {
    try {
        job();
        _exit(0);
    } catch (...) { // also what test macros throw
        _exit(job_failed);
    }
}

int wait_for(pid_t child) {
    int status = 0;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status)
                                                                    : job_failed;
}

// What the launcher's helper and a supervisor do. The result is the exit code.
int supervise(const fs::path& directory, const std::function<void()>& job,
              const ViewOptions& options, os::Fd report) {
    if (!contract::enter_mount_namespace()) {
        return cannot_mount;
    }
    auto fuse = tracked::open_fuse();
    auto sockets = os::seqpacket_pair();
    if (!fuse || !sockets) {
        return cannot_mount;
    }
    const pid_t server = fork();
    if (server == 0) {
        sockets->ours.reset();
        tracked::serve_view({directory.string(), std::move(*fuse), std::move(sockets->theirs),
                             std::move(report), options.file_bytes_min});
    }
    sockets->theirs.reset();
    if (!contract::enter_own_mounts() || !tracked::mount_view(fuse->get(), directory.string())) {
        return cannot_mount;
    }
    fuse->reset();
    tracked::begin_view(sockets->ours.get());
    const pid_t worker = fork();
    if (worker == 0) {
        do_job(job);
    }
    if (options.kill_server) {
        kill(server, SIGKILL);
    }
    const int code = wait_for(worker);
    const int failure = tracked::end_view(sockets->ours.get());
    return code != 0 && !options.kill_server ? code : failure;
}

} // namespace

ViewRun run_in_view(const fs::path& directory, const std::function<void()>& job,
                    const ViewOptions& options) {
    auto report = os::make_memfd("written");
    REQUIRE(report);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        _exit(supervise(directory, job, options, std::move(*report)));
    }
    if (options.meanwhile) {
        options.meanwhile();
    }
    ViewRun out;
    out.failure = wait_for(child);
    REQUIRE(out.failure != cannot_mount);
    REQUIRE(out.failure != job_failed);
    if (auto written = tracked::read_written(*report)) {
        out.written = std::move(*written);
    }
    return out;
}

bool has_views() {
    static const bool known = [] {
        const TempDir temp;
        const pid_t child = fork();
        if (child == 0) {
            _exit(supervise(
                temp.path(), [] {}, {}, os::Fd()));
        }
        const bool found = wait_for(child) == 0;
        if (!found) {
            std::cerr << "skipped: no FUSE here, so no views that record what runs write\n";
        }
        return found;
    }();
    return known;
}

CaptureStats capture_run(Store& store, const ViewRun& run) {
    CaptureStats stats;
    const auto roots = store.capture(stats, 0, run.written ? &*run.written : nullptr);
    INFO((roots ? std::string() : roots.err().context));
    REQUIRE(roots);
    REQUIRE(hash_tree(store.live_state_dir())->hex() == roots->state.hex());
    return stats;
}

} // namespace hp::state::test
