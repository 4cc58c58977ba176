// SPDX-License-Identifier: Apache-2.0
#include "contract/post_exec.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <linux/fs.h>
#include <optional>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "contract/contract_start.hpp"
#include "contract/log_capture.hpp"
#include "contract/process_end.hpp"
#include "hp/base/check.hpp"
#include "hp/base/time.hpp"
#include "hp/os/files.hpp"

namespace hp::contract {
namespace {

// The modes that the state's entries get anyway when the run is over. They are set before the
// script is looked at: what a node can do with a file must not depend on who its user is.
constexpr mode_t canonical_mode = 0755;

constexpr int last_reads_max = 16 * 1024;

// A contract of the root user can lock its files against changes (chattr +i and +a).
void unlock(const std::filesystem::path& path) {
    const auto file = os::open_file(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    int flags = 0;
    if (file && ::ioctl(file->get(), FS_IOC_GETFLAGS, &flags) == 0) {
        flags &= ~(FS_IMMUTABLE_FL | FS_APPEND_FL);
        ::ioctl(file->get(), FS_IOC_SETFLAGS, &flags);
    }
}

Status give_mode(const std::filesystem::path& path, const struct stat& info) {
    if ((info.st_mode & 07777U) == canonical_mode || ::chmod(path.c_str(), canonical_mode) == 0) {
        return {};
    }
    unlock(path);
    if (::chmod(path.c_str(), canonical_mode) != 0) {
        return fail(errno_error("cannot set the mode of " + path.string(), errno));
    }
    return {};
}

Status remove_file(const std::filesystem::path& path) {
    if (::unlink(path.c_str()) == 0) {
        return {};
    }
    unlock(path);
    unlock(path.parent_path());
    if (::unlink(path.c_str()) != 0) {
        return fail(errno_error("cannot remove " + path.string(), errno));
    }
    return {};
}

// Stats without following a symlink; empty when there is nothing.
Result<std::optional<struct stat>> look_at(const std::filesystem::path& path) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) == 0) {
        return std::optional(info);
    }
    if (errno == ENOENT || errno == ENOTDIR) {
        return std::optional<struct stat>();
    }
    return fail(errno_error("cannot look at " + path.string(), errno));
}

enum class Script : std::uint8_t { none, executable, not_executable };

// The way to the state leads through its parent, which a run of the node's own user can lock too.
void open_way(const std::filesystem::path& state_dir) {
    if (::access(state_dir.c_str(), F_OK) != 0 && errno == EACCES) {
        ::chmod(state_dir.parent_path().c_str(), canonical_mode); // look_at() says if it failed
    }
}

// Nothing of the run is alive, so that what is seen here stays.
Result<Script> find_script(const std::filesystem::path& state_dir) {
    open_way(state_dir);
    HP_TRY(const auto directory, look_at(state_dir));
    if (!directory || !S_ISDIR(directory->st_mode)) {
        return Script::none; // the run has removed or replaced its own directory
    }
    HP_TRY_STATUS(give_mode(state_dir, *directory));
    const std::filesystem::path path = state_dir / post_exec_name;
    HP_TRY(const auto script, look_at(path));
    if (!script || !S_ISREG(script->st_mode)) {
        return Script::none;
    }
    if ((script->st_mode & S_IXUSR) == 0) {
        return Script::not_executable;
    }
    HP_TRY_STATUS(give_mode(path, *script));
    return Script::executable;
}

// The script may have changed anything, its own file and the mode of the directory included.
Status remove_script(const std::filesystem::path& state_dir) {
    HP_TRY(const Script script, find_script(state_dir));
    return script == Script::none ? Status() : remove_file(state_dir / post_exec_name);
}

void set_variable(std::vector<std::string>& environment, const std::string& name,
                  const std::string& value) {
    const std::string front = name + "=";
    std::erase_if(environment, [&front](const auto& entry) { return entry.starts_with(front); });
    environment.push_back(front + value);
}

SpawnRequest make_script_request(const RunSpec& spec) {
    const std::string seq = std::to_string(spec.lcl->seq);
    const std::string hash = spec.lcl->hash.hex();
    SpawnRequest request = make_request(spec);
    request.bin_path = post_exec_name;
    request.args = {seq + " " + hash};
    set_variable(request.environment, "HP_LCL_SEQ_NO", seq);
    set_variable(request.environment, "HP_LCL_HASH", hash);
    std::sort(request.environment.begin(), request.environment.end());
    return request;
}

// The table of exit codes.
PostExecVerdict verdict_of(const PostExecResult& result) {
    if (result.end != RunEnd::exited) {
        return PostExecVerdict::failed;
    }
    if (result.code == 0) {
        return PostExecVerdict::done;
    }
    return result.code >= 3 && result.code <= 125 ? PostExecVerdict::again
                                                  : PostExecVerdict::failed;
}

ProcessEnd execute(Launcher& launcher, const RunSpec& spec, std::uint64_t log_run,
                   const StopSource& stop, std::span<std::uint8_t> buffer, Notes& notes,
                   std::optional<tracked::Written>& written) {
    SpawnRequest request = make_script_request(spec);
    auto nothing = os::open_file("/dev/null", O_RDONLY);
    if (!nothing) {
        return end_without_process(nothing.err());
    }
    request.stdin_fd = nothing->get();
    const auto report = make_report_file(request);
    if (!report) {
        return end_without_process(report.err());
    }
    LogStreams logs;
    logs.open(spec, request, notes);
    auto process = launcher.spawn(request);
    logs.close_write_ends();
    if (!process) {
        return end_without_process(process.err());
    }
    std::vector<EventSource> sources;
    if (spec.log) {
        logs.attach(*spec.log, log_run, spec.readonly);
        logs.add_sources(sources, buffer);
    }
    ProcessEnd end =
        wait_for_end(*process, launcher, stop, {spec.limits.exec_timeout, post_exec_name}, sources);
    logs.drain(buffer, last_reads_max, notes);
    written = read_report_file(*report);
    return end;
}

} // namespace

PostExecResult run_post_exec(Launcher& launcher, const RunSpec& spec, std::uint64_t log_run,
                             const StopSource& stop, std::span<std::uint8_t> buffer, Notes& notes) {
    HP_CHECK(!spec.readonly && spec.lcl, "post_exec.sh belongs to consensus runs");
    PostExecResult result;
    const auto script = find_script(spec.state_dir);
    if (!script) {
        notes.add(std::string(post_exec_name) + ": " + script.err().context);
        result.verdict = PostExecVerdict::failed;
        result.end = RunEnd::failed;
        return result;
    }
    if (*script == Script::none) {
        return result;
    }
    if (*script == Script::not_executable) {
        result.verdict = PostExecVerdict::failed;
        result.end = RunEnd::not_started;
        result.code = EACCES;
        return result;
    }
    const SystemClock clock;
    const std::int64_t started_us = clock.now().mono_us;
    const ProcessEnd end = execute(launcher, spec, log_run, stop, buffer, notes, result.written);
    result.end = end.end;
    result.code = end.code;
    result.wall_us = clock.now().mono_us - started_us;
    result.cpu_us = end.cpu_us;
    result.max_rss_kib = end.max_rss_kib;
    result.verdict = verdict_of(result);
    if (!end.note.empty()) {
        notes.add(std::string(post_exec_name) + ": " + end.note);
    }
    if (result.verdict == PostExecVerdict::done) {
        if (const Status removed = remove_script(spec.state_dir); !removed) {
            notes.add(removed.err().context);
            result.verdict = PostExecVerdict::failed;
            result.end = RunEnd::failed;
        }
    }
    return result;
}

} // namespace hp::contract
