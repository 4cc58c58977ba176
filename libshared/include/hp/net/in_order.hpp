// SPDX-License-Identifier: Apache-2.0
// Results of a WorkerPool's jobs, taken in the order in which the jobs were submitted, though they
// end in another one. One owner: the thread that submits the jobs and that they post back to.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

namespace hp::net {

template <class Result>
class InOrder {
public:
    // For the job that is submitted next; whatever comes of it has to be given to arrived().
    std::uint64_t expect() {
        waiting_.emplace_back();
        return first_ + waiting_.size() - 1;
    }

    // What can be taken now: none, as long as an earlier result is missing.
    std::vector<Result> arrived(std::uint64_t number, Result result) {
        waiting_[number - first_] = std::move(result);
        std::vector<Result> ready;
        while (!waiting_.empty() && waiting_.front()) {
            ready.push_back(std::move(*waiting_.front()));
            waiting_.pop_front();
            ++first_;
        }
        return ready;
    }

private:
    std::deque<std::optional<Result>> waiting_; // of jobs that have not ended: empty
    std::uint64_t first_ = 0;                   // number of the front
};

} // namespace hp::net
