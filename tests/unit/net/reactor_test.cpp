// SPDX-License-Identifier: Apache-2.0
// Reactor and Timer.
#include "net_support.hpp"

#include <csignal>
#include <optional>

#include <unistd.h>

namespace hp::net::test {

TEST_CASE("timers fire in order of their deadlines, on the clock of SystemClock", "[net]") {
    Reactor reactor;
    Timer first(reactor);
    Timer second(reactor);
    Timer third(reactor);
    std::vector<int> order;
    const std::int64_t now_us = SystemClock().now().mono_us;
    std::int64_t fired_us = 0;
    third.arm_after(60'000, [&] { reactor.stop(); });
    second.arm_at(now_us + 40'000, [&] {
        order.push_back(2);
        fired_us = SystemClock().now().mono_us;
    });
    first.arm_at(now_us + 10'000, [&] { order.push_back(1); });
    reactor.run();
    CHECK(order == std::vector<int>{1, 2});
    CHECK(fired_us >= now_us + 40'000);
    CHECK(fired_us < now_us + 2'000'000);
}

TEST_CASE("re-arming replaces, cancelling and destroying silence a timer", "[net]") {
    Reactor reactor;
    Timer replaced(reactor);
    Timer cancelled(reactor);
    std::optional<Timer> destroyed(std::in_place, reactor);
    Timer last(reactor);
    std::vector<std::string> fired;
    replaced.arm_after(1000, [&] { fired.push_back("old"); });
    replaced.arm_after(2000, [&] { fired.push_back("new"); });
    cancelled.arm_after(1000, [&] { fired.push_back("cancelled"); });
    destroyed->arm_after(1000, [&] { fired.push_back("destroyed"); });
    cancelled.cancel();
    destroyed.reset();
    last.arm_after(30'000, [&] { reactor.stop(); });
    reactor.run();
    CHECK(fired == std::vector<std::string>{"new"});
}

TEST_CASE("a timer that is due is still silent once another callback cancelled it", "[net]") {
    Reactor reactor;
    Timer one(reactor);
    Timer other(reactor);
    Timer last(reactor);
    int fired = 0;
    const std::int64_t past_us = SystemClock().now().mono_us - 1000;
    one.arm_at(past_us, [&] {
        ++fired;
        other.cancel();
    });
    other.arm_at(past_us, [&] {
        ++fired;
        one.cancel();
    });
    last.arm_after(20'000, [&] { reactor.stop(); });
    reactor.run();
    CHECK(fired == 1);
}

TEST_CASE("a timer's callback may re-arm and destroy its timer", "[net]") {
    Reactor reactor;
    auto timer = std::make_unique<Timer>(reactor);
    int fired = 0;
    std::function<void()> on_due = [&] {
        if (++fired == 3) {
            timer.reset();
            reactor.post([&] { reactor.stop(); });
            return;
        }
        timer->arm_after(0, on_due);
    };
    timer->arm_after(0, on_due);
    reactor.run();
    CHECK(fired == 3);
}

TEST_CASE("a deadline at the end of time never comes", "[net]") {
    Reactor reactor;
    Timer never(reactor);
    Timer forever(reactor);
    Timer last(reactor);
    bool fired = false;
    never.arm_at(std::numeric_limits<std::int64_t>::max(), [&] { fired = true; });
    forever.arm_after(std::numeric_limits<std::int64_t>::max(), [&] { fired = true; });
    last.arm_after(20'000, [&] { reactor.stop(); });
    reactor.run();
    CHECK_FALSE(fired);
}

TEST_CASE("work posted from threads runs on the loop, each thread's in its order", "[net]") {
    LoopThread loop;
    constexpr std::size_t threads = 4;
    constexpr int posts = 5000;
    std::vector<std::vector<int>> seen(threads);
    bool on_loop = true;
    const auto loop_id = loop.call([] { return std::this_thread::get_id(); });
    std::vector<std::thread> posters;
    for (std::size_t t = 0; t < threads; ++t) {
        posters.emplace_back([&, t] {
            for (int i = 0; i < posts; ++i) {
                loop.reactor().post([&, t, i] {
                    seen[t].push_back(i);
                    on_loop = on_loop && std::this_thread::get_id() == loop_id;
                });
            }
        });
    }
    for (std::thread& poster : posters) {
        poster.join();
    }
    loop.call([] {});
    CHECK(on_loop);
    for (const std::vector<int>& numbers : seen) {
        REQUIRE(numbers.size() == posts);
        CHECK(std::is_sorted(numbers.begin(), numbers.end()));
    }
}

TEST_CASE("work posted after stop is dropped", "[net]") {
    auto owned = std::make_shared<int>(1);
    bool ran = false;
    {
        Reactor reactor;
        reactor.post([&] { reactor.stop(); });
        reactor.run();
        reactor.post([&ran, owned] { ran = true; });
    }
    CHECK_FALSE(ran);
    CHECK(owned.use_count() == 1);
}

TEST_CASE("signals arrive as callbacks", "[net]") {
    Reactor reactor;
    std::vector<int> signals;
    reactor.on_signals({SIGUSR1, SIGUSR2}, [&](int number) {
        signals.push_back(number);
        if (signals.size() == 1) {
            kill(getpid(), SIGUSR2);
        } else {
            reactor.stop();
        }
    });
    reactor.post([] { kill(getpid(), SIGUSR1); });
    reactor.run();
    CHECK(signals == std::vector<int>{SIGUSR1, SIGUSR2});
}

} // namespace hp::net::test
