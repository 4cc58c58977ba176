// SPDX-License-Identifier: Apache-2.0
// A project that is being worked on, and its running cluster: follows the logs, rebuilds and
// redeploys what was saved, listens to keys, until the user ends it. The steps (build, check,
// deploy) are commands of hpdev that run beside it, so that logs and keys go on meanwhile; a step
// that fails leaves the cluster alone. One thread, which waits in poll(2).
#pragma once

#include "cluster/cluster_file.hpp"
#include "cluster/control.hpp"
#include "cluster/log_records.hpp"
#include "commands/end_signals.hpp"
#include "commands/terminal.hpp"
#include "dev/dev_report.hpp"
#include "dev/job.hpp"
#include "dev/source_watch.hpp"

#include <optional>
#include <string>
#include <vector>

namespace hp::dev {

enum class LogsShown : std::uint8_t { contract, all, warn, none };

struct DevOptions {
    LogsShown logs = LogsShown::contract;
    bool check = true;
    bool strict = false;
    fs::path root;       // of the project
    fs::path scratch;    // for what steps leave lying about when they are ended
    std::string cluster; // its name
};

// Arguments of the step's command.
std::vector<std::string> build_step(const DevOptions& options);
std::vector<std::string> check_step(const DevOptions& options);
std::vector<std::string> deploy_step(const DevOptions& options);

// What came of a step, as an event.
DevEvent build_event(const JobResult& result, std::int64_t took_ms);
DevEvent check_event(const JobResult& result, std::int64_t took_ms);
DevEvent deploy_event(const JobResult& result, std::int64_t took_ms);

class DevSession {
public:
    // `watch` may be absent; the others must outlive this object.
    DevSession(const DevOptions& options, const DevReport& report, const Cluster& cluster,
               EndSignals& signals, std::optional<SourceWatch> watch, bool with_keys);

    // Until the cluster has ended, as the user wanted or not.
    cli::Outcome run();

private:
    enum class Step : std::uint8_t { none, build, check_first, deploy, check };

    // What is under way may be left for another build.
    bool can_build() const { return step_ == Step::none || step_ == Step::check; }
    int next_look_ms() const;
    Done begin(Step step);
    Done proceed();
    Done finish(const JobResult& result);
    Done on_key();
    Done on_changes();
    Done show_logs();
    Done show_event(const Json& event) const;
    Done end_if_asked(ControlClient& client);

    const DevOptions& options_;
    const DevReport& report_;
    const Cluster& cluster_;
    EndSignals& signals_;
    std::optional<SourceWatch> watch_;
    std::optional<RawKeys> keys_;
    LogReader logs_;
    std::optional<Job> job_;
    Step step_ = Step::none;
    std::int64_t step_begun_ms_ = 0;
    std::int64_t round_begun_ms_ = 0; // of the change that is on its way
    bool wish_to_end_ = false;
    int times_asked_ = 0; // the supervisor
};

} // namespace hp::dev
