// SPDX-License-Identifier: Apache-2.0
// What users do while a scenario runs: hpcli, again and again, one process at a time. They end with
// this object, and with this program. One thread, which calls tick() often.
#pragma once

#include "scenario/scenario.hpp"

#include <sys/types.h>

namespace hp::dev {

struct LoadCount {
    std::uint64_t runs = 0, failed = 0;
    // Of inputs: sent, answered (accepted), refused with a reason, without any word.
    std::uint64_t inputs = 0, accepted = 0, rejected = 0, unknown = 0;
    std::string first_failure; // what hpcli said
};

class ScenarioLoader {
public:
    // `folder` is for what hpcli prints; `root` holds the scripts; `target` is of hpcli_target().
    ScenarioLoader(const ScenarioLoad& load, const fs::path& root, const fs::path& folder,
                   std::vector<std::string> target);
    ~ScenarioLoader();
    ScenarioLoader(const ScenarioLoader&) = delete;
    ScenarioLoader& operator=(const ScenarioLoader&) = delete;

    Done tick();
    // Starts no more, and waits for the last one.
    Done finish();
    const LoadCount& count() const { return count_; }

private:
    Done start();
    void collect(int status);

    const ScenarioLoad& load_;
    const fs::path root_, folder_;
    const std::vector<std::string> target_;
    pid_t child_ = 0;
    std::int64_t next_ms_ = 0;
    LoadCount count_;
};

// One run of a script, to its end: its text when it fails.
Expected<std::optional<std::string>> run_hpcli_script(const fs::path& script, const fs::path& root,
                                                      const std::vector<std::string>& target);

// How hpcli is told which of the project's clusters is meant, and how many signatures it takes.
std::vector<std::string> hpcli_target(const Cluster& cluster);

} // namespace hp::dev
