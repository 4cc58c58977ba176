// SPDX-License-Identifier: Apache-2.0
#include "contract/runner.hpp"

#include "contract/contract_log.hpp"
#include "contract/post_exec.hpp"
#include "contract/process_end.hpp"
#include "contract/run_channels.hpp"
#include "hp/base/time.hpp"

namespace hp::contract {
namespace {

// Reads of one channel after the end of the process: more than any socket or pipe holds. Without
// an end a process outside the run, to which the contract has given the descriptor, could keep the
// node reading for ever.
constexpr int drain_reads_max = 16 * 1024;

class Run {
public:
    Run(Launcher& launcher, const RunSpec& spec, const RunHandlers& handlers,
        const StopSource& stop)
        : launcher_(launcher), spec_(spec), handlers_(handlers), stop_(stop),
          buffer_(std::make_unique_for_overwrite<std::uint8_t[]>(RunChannels::buffer_bytes)) {}

    RunResult execute(std::optional<StartedContract> contract);

private:
    ProcessEnd run_process(std::optional<StartedContract> contract);
    ProcessEnd move_data(StartedContract& contract);
    void run_script();

    std::span<std::uint8_t> buffer() { return {buffer_.get(), RunChannels::buffer_bytes}; }
    bool repeats() const { return result_.end == RunEnd::stopped || result_.end == RunEnd::failed; }

    Launcher& launcher_;
    const RunSpec& spec_;
    const RunHandlers& handlers_;
    const StopSource& stop_;
    SystemClock clock_;
    Notes notes_;
    std::unique_ptr<std::uint8_t[]> buffer_; // not cleared: most runs touch one page of it
    std::uint64_t log_run_ = 0;
    RunResult result_;
};

RunResult Run::execute(std::optional<StartedContract> contract) {
    result_.stats.ahead = contract && contract->delivered_us;
    const std::int64_t started_us =
        result_.stats.ahead ? *contract->delivered_us : clock_.now().mono_us;
    const ProcessEnd end = run_process(std::move(contract));
    result_.end = end.end;
    result_.code = end.code;
    result_.stats.wall_us = clock_.now().mono_us - started_us;
    result_.stats.cpu_us = end.cpu_us;
    result_.stats.max_rss_kib = end.max_rss_kib;
    if (!end.note.empty()) {
        result_.notes.push_back(end.note);
    }
    if (!spec_.readonly && is_success(result_)) {
        run_script();
    }
    if (repeats() || result_.post_exec.verdict == PostExecVerdict::failed) {
        result_.outputs.clear();
        result_.stats.output_bytes = 0;
    }
    for (std::string& note : notes_.take()) {
        result_.notes.push_back(std::move(note));
    }
    return std::move(result_);
}

ProcessEnd Run::run_process(std::optional<StartedContract> contract) {
    if (!contract) {
        auto started = start_contract(launcher_, spec_, notes_);
        if (!started) {
            return end_without_process(started.err());
        }
        contract = std::move(*started);
    }
    result_.stats.input_bytes = contract->input_bytes;
    return move_data(*contract);
}

ProcessEnd Run::move_data(StartedContract& contract) {
    auto channels =
        RunChannels::open(std::move(contract.channels), spec_, handlers_, notes_, buffer());
    if (!channels) {
        kill_and_wait(contract.process);
        return end_without_process(channels.err());
    }
    std::vector<EventSource> sources;
    sources.push_back({(*channels)->fd(), [&channels] { (*channels)->on_ready(); }});
    if (spec_.log) {
        log_run_ = spec_.log->files->next_run();
        contract.logs.attach(*spec_.log, log_run_, spec_.readonly);
        contract.logs.add_sources(sources, buffer());
    }
    ProcessEnd end = wait_for_end(contract.process, launcher_, stop_,
                                  {spec_.limits.exec_timeout, spec_.bin_path}, sources);
    (*channels)->drain(drain_reads_max);
    contract.logs.drain(buffer(), drain_reads_max, notes_);
    result_.outputs = (*channels)->take_outputs(result_.stats);
    result_.written = read_report_file(contract.written);
    return end;
}

// A script that has to be repeated takes its run with it.
void Run::run_script() {
    result_.post_exec = run_post_exec(launcher_, spec_, log_run_, stop_, buffer(), notes_);
    const PostExecResult& script = result_.post_exec;
    if (script.verdict != PostExecVerdict::none) {
        result_.written = result_.written && script.written
                              ? std::optional(merge(*result_.written, *script.written))
                              : std::nullopt;
    }
    if (script.verdict == PostExecVerdict::failed &&
        (script.end == RunEnd::stopped || script.end == RunEnd::failed)) {
        result_.end = script.end;
        result_.code = 0;
    }
}

} // namespace

RunResult run_contract(Launcher& launcher, const RunSpec& spec, const RunHandlers& handlers,
                       const StopSource& stop, const Log& log,
                       std::optional<StartedContract> contract) {
    RunResult result = Run(launcher, spec, handlers, stop).execute(std::move(contract));
    if (spec.readonly) { // runs for ledgers are the node's to tell
        log.debug("read run", {{"end", describe(result)},
                               {"ahead", result.stats.ahead},
                               {"wall_us", result.stats.wall_us},
                               {"cpu_us", result.stats.cpu_us},
                               {"output_bytes", result.stats.output_bytes}});
    }
    return result;
}

} // namespace hp::contract
