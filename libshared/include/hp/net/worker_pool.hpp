// SPDX-License-Identifier: Apache-2.0
// Threads for work that must not block the reactor: signature checks, fsync'd appends, contract
// runs. Jobs start in submission order; a pool of one thread is therefore a serial queue. Jobs
// own their data and post their results back to the reactor.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace hp::net {

class WorkerPool {
public:
    // `name` appears in thread listings (at most 15 characters are kept).
    WorkerPool(std::size_t threads, const std::string& name);

    // Finishes the jobs that have started, drops the rest.
    ~WorkerPool();
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    void submit(std::function<void()> job); // any thread
    std::size_t waiting() const;            // jobs not yet started

private:
    void work();

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::function<void()>> jobs_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

} // namespace hp::net
