// SPDX-License-Identifier: Apache-2.0
// Requests waiting for their replies. stat and lcl replies carry no id and are matched by order
// (user-protocol.md 15.11): a call that timed out keeps its place so that its late reply is not
// taken for the next one's. Reads and queries are matched by id. Private to client/; reactor
// thread only.
#pragma once

#include "hp/client/client.hpp"

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>

namespace hp::client {

template <class T>
struct Call {
    Callback<T> on_done; // empty once answered
    std::unique_ptr<net::Timer> deadline;

    // At most once; later answers are dropped.
    void answer(Result<T> result) {
        if (auto done = std::exchange(on_done, nullptr)) {
            if (deadline) {
                deadline->cancel();
            }
            done(std::move(result));
        }
    }
};

// A call that fails by itself after `timeout_ms` (0: never). The caller keeps it alive.
template <class T>
std::shared_ptr<Call<T>> make_call(net::Reactor& reactor, std::int64_t timeout_ms, const char* what,
                                   Callback<T> on_done) {
    auto call = std::make_shared<Call<T>>(Call<T>{std::move(on_done), nullptr});
    if (timeout_ms > 0) {
        call->deadline = std::make_unique<net::Timer>(reactor);
        call->deadline->arm_after(
            timeout_ms * 1000, [weak = std::weak_ptr<Call<T>>(call), timeout_ms, what] {
                if (const auto late = weak.lock()) {
                    late->answer(fail(Errc::timeout, "no reply to the " + std::string(what) +
                                                         " within " + std::to_string(timeout_ms) +
                                                         " ms"));
                }
            });
    }
    return call;
}

template <class T>
class OrderedCalls {
public:
    void add(std::shared_ptr<Call<T>> call) { calls_.push_back(std::move(call)); }

    // False when nobody is waiting.
    bool answer(Result<T> value) {
        if (calls_.empty()) {
            return false;
        }
        const auto call = std::move(calls_.front());
        calls_.pop_front();
        call->answer(std::move(value));
        return true;
    }
    void fail_all(const Error& error) {
        for (const auto& call : std::exchange(calls_, {})) {
            call->answer(fail(error));
        }
    }

private:
    std::deque<std::shared_ptr<Call<T>>> calls_;
};

template <class Id, class T>
class KeyedCalls {
public:
    void add(Id id, std::shared_ptr<Call<T>> call) {
        std::erase_if(calls_, [](const auto& item) { return !item.second->on_done; });
        calls_.insert_or_assign(std::move(id), std::move(call));
    }
    bool answer(const Id& id, Result<T> value) {
        const auto found = calls_.extract(id);
        if (found.empty()) {
            return false;
        }
        found.mapped()->answer(std::move(value));
        return true;
    }
    void fail_all(const Error& error) {
        for (const auto& [id, call] : std::exchange(calls_, {})) {
            call->answer(fail(error));
        }
    }

private:
    std::map<Id, std::shared_ptr<Call<T>>> calls_;
};

} // namespace hp::client
