// SPDX-License-Identifier: Apache-2.0
// What a Reactor is made of, for the other files of this folder.
#pragma once

#include <atomic>
#include <optional>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/signal_set.hpp>

#include "asio_types.hpp"
#include "hp/net/reactor.hpp"

namespace hp::net {

struct Reactor::Impl {
    // One thread runs it: the hint spares wake-ups and locks for work posted from callbacks, and
    // still allows post() from other threads.
    asio::io_context io{1};
    asio::executor_work_guard<Executor> work{io.get_executor()};
    std::optional<asio::basic_signal_set<Executor>> signals;
    std::atomic<bool> stopped = false;
};

} // namespace hp::net
