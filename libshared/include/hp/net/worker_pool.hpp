// SPDX-License-Identifier: Apache-2.0
// Threads for work that must not block the reactor: signature checks, fsync'd appends, contract
// runs. Jobs start in submission order, urgent ones before all others; a pool of one thread is
// therefore a serial queue. Jobs own their data and post their results back to the reactor.
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

    // Any thread.
    void submit(std::function<void()> job);
    void submit_urgent(std::function<void()> job);
    std::size_t waiting() const; // jobs not yet started

private:
    using Jobs = std::deque<std::function<void()>>;
    void add(Jobs& jobs, std::function<void()> job);
    void work();

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    Jobs urgent_;
    Jobs jobs_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

} // namespace hp::net
