// SPDX-License-Identifier: Apache-2.0
// The event loop. One Reactor, one thread: everything mutable belongs to it, and callbacks run
// on it one after another. Only post() and stop() may be called from other threads. No Asio type
// is visible here, so including this header stays cheap.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>

#include "hp/base/time.hpp"

namespace hp::net {

class Reactor {
public:
    Reactor();
    ~Reactor();
    Reactor(const Reactor&) = delete;
    Reactor& operator=(const Reactor&) = delete;

    // Runs callbacks on the calling thread until stop().
    void run();
    void stop();

    // Queues `work` to run on the reactor thread. Work posted after stop() is dropped.
    void post(std::function<void()> work);

    // Calls `on_signal` for each of `signals` received by the process. One call per Reactor.
    void on_signals(std::initializer_list<int> signals, std::function<void(int)> on_signal);

    struct Impl; // for net/*.cpp
    Impl& impl() { return *impl_; }

private:
    std::unique_ptr<Impl> impl_;
};

// A one-shot timer on the monotonic clock of SystemClock. Re-arming replaces the earlier
// deadline; destruction cancels. Reactor thread only; must not outlive its Reactor.
class Timer {
public:
    explicit Timer(Reactor& reactor);
    ~Timer();
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    void arm_at(std::int64_t mono_us, std::function<void()> on_due);
    void arm_after(std::int64_t delay_us, std::function<void()> on_due);
    void cancel();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace hp::net
