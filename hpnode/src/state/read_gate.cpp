// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "hp/base/check.hpp"
#include "state/store.hpp"

namespace hp::state {
namespace {

using SteadyClock = std::chrono::steady_clock;

// How long an application may be kept out by overlapping readers before new ones are held back,
// and for how long those wait. A reader that alone takes longer only costs the others this much.
constexpr auto patience = std::chrono::milliseconds(500);
constexpr auto hold_back = std::chrono::milliseconds(100);

} // namespace

struct ReadGate::Impl {
    std::mutex mutex;
    std::condition_variable changed;
    std::size_t inside = 0;
    bool closed = false;
    bool announced = false; // an application is about to be tried
    bool shut = false;
    std::optional<SteadyClock::time_point> wanted_since; // an application is being kept out
};

ReadGate::ReadGate() : impl_(std::make_unique<Impl>()) {}

ReadGate::~ReadGate() {
    HP_CHECK(impl_->inside == 0, "a reader outlives its gate");
}

ReadGate::Pass::~Pass() {
    if (gate_ != nullptr) {
        const std::lock_guard lock(gate_->impl_->mutex);
        --gate_->impl_->inside;
    }
}

ReadGate::Pass ReadGate::enter() {
    Impl& gate = *impl_;
    std::unique_lock lock(gate.mutex);
    if (gate.wanted_since && SteadyClock::now() - *gate.wanted_since >= patience) {
        const bool came = gate.changed.wait_for(
            lock, hold_back, [&gate] { return gate.shut || !gate.wanted_since; });
        if (!came) {
            gate.wanted_since = SteadyClock::now();
        }
    }
    gate.changed.wait_for(lock, hold_back, [&gate] { return gate.shut || !gate.announced; });
    gate.changed.wait(lock, [&gate] { return gate.shut || !gate.closed; });
    if (gate.shut) {
        return Pass(nullptr);
    }
    ++gate.inside;
    return Pass(this);
}

void ReadGate::announce() {
    const std::lock_guard lock(impl_->mutex);
    impl_->announced = true;
}

bool ReadGate::try_close() {
    const std::lock_guard lock(impl_->mutex);
    impl_->announced = false;
    impl_->changed.notify_all();
    HP_CHECK(!impl_->closed, "only one application at a time");
    if (impl_->inside > 0) {
        if (!impl_->wanted_since) {
            impl_->wanted_since = SteadyClock::now();
        }
        return false;
    }
    impl_->closed = true;
    impl_->wanted_since.reset();
    return true;
}

void ReadGate::open() {
    const std::lock_guard lock(impl_->mutex);
    impl_->closed = false;
    impl_->changed.notify_all();
}

void ReadGate::shut() {
    const std::lock_guard lock(impl_->mutex);
    impl_->shut = true;
    impl_->changed.notify_all();
}

} // namespace hp::state
