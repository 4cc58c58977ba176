// SPDX-License-Identifier: Apache-2.0
// A command of hpdev as a process of its own, so that whoever waits for it can do other things and
// end it: `build`, `check`, `deploy`. What compilers say goes to standard error, letter for letter;
// the answer is the command's JSON document. One thread, in whose poll(2) it takes part.
#pragma once

#include "cluster/expected.hpp"
#include "hp/os/fd.hpp"

#include <optional>
#include <string>
#include <vector>

namespace hp::dev {

struct JobResult {
    int exit_code = 0;
    Json answer; // an object

    bool is_ok() const { return exit_code == 0; }
    // "HPE-1004: ..."
    std::string error_text() const;
    cli::Failure failure() const;
};

class Job {
public:
    // `arguments` without --json. What it leaves lying about when it is ended lies in `scratch`.
    static Expected<Job> start(const std::vector<std::string>& arguments, const fs::path& scratch);
    // Ends it, and what it has started, when it has not ended yet.
    ~Job();
    Job(Job&& other) noexcept;
    Job& operator=(Job&&) = delete;
    Job(const Job&) = delete;
    Job& operator=(const Job&) = delete;

    int descriptor() const { return output_.get(); }
    // To be called when the descriptor is ready; the result when it has ended.
    std::optional<JobResult> proceed();

private:
    Job(int pid, os::Fd output) : pid_(pid), output_(std::move(output)) {}

    int pid_ = 0; // also its process group; 0: ended
    os::Fd output_;
    std::string text_;
};

} // namespace hp::dev
