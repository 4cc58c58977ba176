// SPDX-License-Identifier: Apache-2.0
#include "contract/npl_inlet.hpp"

#include <algorithm>
#include <unistd.h>

#include "hp/base/limits.hpp"

namespace hp::contract {
namespace {

std::size_t cost_of(const Bytes& bytes) {
    return bytes.size() + limits::npl_message_overhead_bytes;
}

} // namespace

std::size_t NplQueue::push(const LedgerId& run, const PublicKey& sender, Bytes bytes) {
    append(sender, {run, std::move(bytes)});
    std::size_t dropped = 0;
    for (; cost_ > limits::npl_waiting_bytes_max; ++dropped) {
        drop_newest(busiest());
    }
    return dropped;
}

void NplQueue::append(const PublicKey& sender, Item item) {
    Waiting& waiting = senders_[sender];
    waiting.cost += cost_of(item.bytes);
    cost_ += cost_of(item.bytes);
    waiting.items.push_back(std::move(item));
}

void NplQueue::drop_newest(Senders::iterator sender) {
    Waiting& waiting = sender->second;
    const std::size_t cost = cost_of(waiting.items.back().bytes);
    waiting.cost -= cost;
    cost_ -= cost;
    waiting.items.pop_back();
    if (waiting.items.empty()) {
        senders_.erase(sender);
    }
}

NplQueue::Senders::iterator NplQueue::busiest() {
    return std::max_element(senders_.begin(), senders_.end(), [](const auto& a, const auto& b) {
        return a.second.cost < b.second.cost;
    });
}

std::optional<NplMessage> NplQueue::pop() {
    if (senders_.empty()) {
        return std::nullopt;
    }
    auto sender = senders_.upper_bound(last_served_);
    if (sender == senders_.end()) {
        sender = senders_.begin();
    }
    last_served_ = sender->first;
    Waiting& waiting = sender->second;
    NplMessage message{sender->first, std::move(waiting.items.front().bytes)};
    waiting.cost -= cost_of(message.bytes);
    cost_ -= cost_of(message.bytes);
    waiting.items.pop_front();
    if (waiting.items.empty()) {
        senders_.erase(sender);
    }
    return message;
}

void NplQueue::advance(const LedgerId& run, NplQueue& to) {
    NplQueue later;
    for (auto& [sender, waiting] : senders_) {
        for (Item& item : waiting.items) {
            if (item.run == run) {
                to.append(sender, std::move(item));
            } else if (item.run.seq == run.seq + 1) {
                later.append(sender, std::move(item));
            }
        }
    }
    *this = std::move(later);
}

void NplInlet::push(const LedgerId& run, const PublicKey& sender, Bytes bytes) {
    if (bytes.empty() || bytes.size() > limits::npl_message_bytes_max) {
        return; // an empty packet would look like the end of the channel
    }
    const std::lock_guard lock(mutex_);
    if (current_ == run) {
        const bool none_waiting = ready_.empty();
        dropped_ += ready_.push(run, sender, std::move(bytes));
        if (none_waiting) {
            signal();
        }
    } else if (!newest_ || run.seq == *newest_ + 1) {
        held_.push(run, sender, std::move(bytes));
    }
}

void NplInlet::begin(const LedgerId& run) {
    const std::lock_guard lock(mutex_);
    current_ = run;
    newest_ = run.seq;
    dropped_ = 0;
    ready_ = NplQueue();
    held_.advance(run, ready_);
    if (!ready_.empty()) {
        signal();
    }
}

void NplInlet::end() {
    const std::lock_guard lock(mutex_);
    current_.reset();
    ready_ = NplQueue();
}

void NplInlet::attach(int event_fd) {
    const std::lock_guard lock(mutex_);
    event_fd_ = event_fd;
    if (!ready_.empty()) {
        signal();
    }
}

std::optional<NplMessage> NplInlet::take() {
    const std::lock_guard lock(mutex_);
    return ready_.pop();
}

std::size_t NplInlet::dropped() const {
    const std::lock_guard lock(mutex_);
    return dropped_;
}

void NplInlet::signal() {
    if (event_fd_ >= 0) {
        const std::uint64_t one = 1;
        // Cannot fail for an eventfd short of 2^64 signals.
        [[maybe_unused]] const ssize_t written = ::write(event_fd_, &one, sizeof one);
    }
}

} // namespace hp::contract
