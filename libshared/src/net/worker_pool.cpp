// SPDX-License-Identifier: Apache-2.0
#include "hp/net/worker_pool.hpp"

#include "hp/base/check.hpp"

#include <csignal>
#include <utility>

#include <pthread.h>

namespace hp::net {
namespace {

constexpr std::size_t thread_name_chars_max = 15; // the kernel's limit

// Signals belong to the reactor thread. New threads inherit the mask of their maker, so it is
// blocked around their creation: no instant remains in which a worker could take a signal.
class BlockedSignals {
public:
    BlockedSignals() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    BlockedSignals(const BlockedSignals&) = delete;
    BlockedSignals& operator=(const BlockedSignals&) = delete;

private:
    sigset_t before_{};
};

} // namespace

WorkerPool::WorkerPool(std::size_t threads, const std::string& name) {
    HP_CHECK(threads > 0, "a pool without threads would never run a job");
    const BlockedSignals blocked;
    const std::string short_name = name.substr(0, thread_name_chars_max);
    threads_.reserve(threads);
    for (std::size_t i = 0; i < threads; ++i) {
        std::thread& thread = threads_.emplace_back([this] { work(); });
        pthread_setname_np(thread.native_handle(), short_name.c_str());
    }
}

WorkerPool::~WorkerPool() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) {
        thread.join();
    }
}

void WorkerPool::submit(std::function<void()> job) {
    add(jobs_, std::move(job));
}

void WorkerPool::submit_urgent(std::function<void()> job) {
    add(urgent_, std::move(job));
}

void WorkerPool::add(Jobs& jobs, std::function<void()> job) {
    {
        const std::lock_guard lock(mutex_);
        jobs.push_back(std::move(job));
    }
    wake_.notify_one();
}

std::size_t WorkerPool::waiting() const {
    const std::lock_guard lock(mutex_);
    return urgent_.size() + jobs_.size();
}

void WorkerPool::work() {
    std::unique_lock lock(mutex_);
    while (true) {
        wake_.wait(lock, [this] { return stopping_ || !urgent_.empty() || !jobs_.empty(); });
        if (stopping_) {
            return;
        }
        Jobs& next = urgent_.empty() ? jobs_ : urgent_;
        std::function<void()> job = std::move(next.front());
        next.pop_front();
        lock.unlock();
        job();
        job = nullptr; // what the job owns is destroyed without the lock
        lock.lock();
    }
}

} // namespace hp::net
