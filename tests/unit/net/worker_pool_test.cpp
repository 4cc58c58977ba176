// SPDX-License-Identifier: Apache-2.0
// WorkerPool.
#include "hp/net/worker_pool.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <future>
#include <optional>

#include <catch2/catch.hpp>
#include <pthread.h>

namespace hp::net::test {

TEST_CASE("a pool of one thread is a serial queue", "[net]") {
    std::vector<int> order;
    std::promise<void> done;
    WorkerPool pool(1, "serial");
    for (int i = 0; i < 1000; ++i) {
        pool.submit([&order, i] { order.push_back(i); });
    }
    pool.submit([&done] { done.set_value(); });
    done.get_future().wait();
    CHECK(order.size() == 1000);
    CHECK(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("urgent jobs start before all others, in their own order", "[net]") {
    std::vector<int> order;
    std::promise<void> go;
    std::promise<void> done;
    WorkerPool pool(1, "serial");
    pool.submit([gate = go.get_future().share()] { gate.wait(); });
    for (int i = 0; i < 5; ++i) {
        pool.submit([&order, i] { order.push_back(10 + i); });
        pool.submit_urgent([&order, i] { order.push_back(i); });
    }
    pool.submit([&done] { done.set_value(); });
    go.set_value();
    done.get_future().wait();
    CHECK(order == std::vector<int>{0, 1, 2, 3, 4, 10, 11, 12, 13, 14});
}

TEST_CASE("jobs of a larger pool run at the same time", "[net]") {
    WorkerPool pool(3, "pool");
    std::array<std::promise<void>, 3> arrived;
    std::promise<void> go;
    const std::shared_future<void> gate = go.get_future().share();
    for (std::promise<void>& promise : arrived) {
        pool.submit([&promise, gate] {
            promise.set_value();
            gate.wait();
        });
    }
    for (std::promise<void>& promise : arrived) {
        promise.get_future().wait(); // each needs a thread of its own to get here
    }
    pool.submit([] {});
    pool.submit([] {});
    CHECK(pool.waiting() == 2);
    go.set_value();
}

TEST_CASE("destroying a pool finishes what runs and drops the rest", "[net]") {
    std::atomic<int> ran = 0;
    std::promise<void> started;
    std::promise<void> go;
    std::optional<WorkerPool> pool(std::in_place, 1, "dropped");
    pool->submit([&] {
        started.set_value();
        go.get_future().wait();
        ++ran;
    });
    pool->submit([&] { ++ran; });
    started.get_future().wait();
    std::thread destroyer([&] { pool.reset(); });
    std::this_thread::sleep_for(std::chrono::milliseconds(50)); // let the destructor begin
    go.set_value();
    destroyer.join();
    CHECK(ran == 1);
}

TEST_CASE("workers are named and take no signals", "[net]") {
    WorkerPool pool(1, "a-name-that-is-too-long");
    std::promise<std::string> name;
    std::promise<bool> blocked;
    pool.submit([&] {
        std::array<char, 32> text{};
        pthread_getname_np(pthread_self(), text.data(), text.size());
        name.set_value(text.data());
        sigset_t mask;
        pthread_sigmask(SIG_SETMASK, nullptr, &mask);
        blocked.set_value(sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGINT) == 1);
    });
    CHECK(name.get_future().get() == "a-name-that-is-");
    CHECK(blocked.get_future().get());
    sigset_t mine;
    pthread_sigmask(SIG_SETMASK, nullptr, &mine);
    CHECK(sigismember(&mine, SIGTERM) == 0);
}

} // namespace hp::net::test
