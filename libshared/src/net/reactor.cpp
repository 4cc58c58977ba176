// SPDX-License-Identifier: Apache-2.0
// Reactor and Timer over one Asio io_context.
#include "hp/net/reactor.hpp"

#include "hp/base/check.hpp"

#include "reactor_impl.hpp"

#include <chrono>
#include <limits>
#include <utility>

#include <boost/asio/post.hpp>

namespace hp::net {
namespace {

using Signals = asio::basic_signal_set<Executor>;
using SteadyPoint = std::chrono::steady_clock::time_point;

void wait_signal(Signals& signals, std::function<void(int)> on_signal) {
    signals.async_wait(
        [&signals, on_signal = std::move(on_signal)](const ErrorCode& error, int number) mutable {
            if (error) {
                return;
            }
            on_signal(number);
            wait_signal(signals, std::move(on_signal));
        });
}

// steady_clock counts nanoseconds: a far deadline ("never") must not wrap into the past.
SteadyPoint steady_point(std::int64_t mono_us) {
    constexpr std::int64_t mono_us_max = std::numeric_limits<std::int64_t>::max() / 1000;
    if (mono_us >= mono_us_max) {
        return SteadyPoint::max();
    }
    return SteadyPoint(std::chrono::microseconds(mono_us));
}

} // namespace

Reactor::Reactor() : impl_(std::make_unique<Impl>()) {}

Reactor::~Reactor() {
    impl_->stopped = true; // what dying callbacks own may still post
}

void Reactor::run() {
    impl_->io.run();
}

void Reactor::stop() {
    impl_->stopped = true;
    impl_->io.stop();
}

void Reactor::post(std::function<void()> work) {
    if (!impl_->stopped.load(std::memory_order_relaxed)) {
        asio::post(impl_->io, std::move(work));
    }
}

void Reactor::on_signals(std::initializer_list<int> signals, std::function<void(int)> on_signal) {
    HP_CHECK(!impl_->signals, "on_signals is called once");
    impl_->signals.emplace(impl_->io.get_executor());
    for (const int number : signals) {
        ErrorCode error;
        impl_->signals->add(number, error);
        HP_CHECK(!error, "the signal can be caught");
    }
    wait_signal(*impl_->signals, std::move(on_signal));
}

// The callback lives beside a generation number that the queued completion carries: a completion
// that was already queued when the timer was re-armed, cancelled or destroyed finds a newer
// number and does nothing.
struct Timer::Impl {
    struct Armed {
        std::uint64_t generation = 0;
        std::function<void()> on_due;
    };

    explicit Impl(asio::io_context& io) : timer(io.get_executor()) {}

    SteadyTimer timer;
    std::shared_ptr<Armed> armed = std::make_shared<Armed>();
};

Timer::Timer(Reactor& reactor) : impl_(std::make_unique<Impl>(reactor.impl().io)) {}

Timer::~Timer() {
    cancel();
}

void Timer::arm_at(std::int64_t mono_us, std::function<void()> on_due) {
    auto& armed = *impl_->armed;
    ++armed.generation;
    armed.on_due = std::move(on_due);
    impl_->timer.expires_at(steady_point(mono_us));
    impl_->timer.async_wait(
        [armed = impl_->armed, generation = armed.generation](const ErrorCode& error) {
            if (error || armed->generation != generation) {
                return;
            }
            // Moved out first: the callback may re-arm or destroy this timer.
            const std::function<void()> due = std::exchange(armed->on_due, nullptr);
            due();
        });
}

void Timer::arm_after(std::int64_t delay_us, std::function<void()> on_due) {
    using namespace std::chrono;
    const std::int64_t now_us =
        duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count();
    const std::int64_t room_us = std::numeric_limits<std::int64_t>::max() - now_us;
    arm_at(delay_us < room_us ? now_us + delay_us : std::numeric_limits<std::int64_t>::max(),
           std::move(on_due));
}

void Timer::cancel() {
    ++impl_->armed->generation;
    impl_->armed->on_due = nullptr;
    impl_->timer.cancel();
}

} // namespace hp::net
