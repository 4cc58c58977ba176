// SPDX-License-Identifier: Apache-2.0
// Talking to a supervisor: one JSON document a line each way over its control socket. Answers have
// "ok"; lines before the answer have "progress" or "event". Blocking; one thread.
#pragma once

#include "cluster/cluster_file.hpp"
#include "hp/os/fd.hpp"

#include <functional>
#include <optional>

namespace hp::dev {

// An error as the control socket carries it, both ways.
Json failure_json(const cli::Failure& failure);
cli::Failure failure_from_json(const Json& error);

class ControlClient {
public:
    // ErrorId::cluster_down when nobody serves it.
    static Expected<ControlClient> connect(const Cluster& cluster);

    Done send(const Json& request);
    // The next line; nothing when `timeout_ms` is over. An error when the supervisor is gone.
    Expected<std::optional<Json>> receive(std::int64_t timeout_ms);
    int descriptor() const { return socket_.get(); }

private:
    explicit ControlClient(os::Fd socket) : socket_(std::move(socket)) {}
    os::Fd socket_;
    std::string buffer_;
};

// One request and its answer, an error if that is one. `on_progress` may be empty.
Expected<Json> control(const Cluster& cluster, const Json& request, std::int64_t timeout_ms,
                       const std::function<void(const Json&)>& on_progress = {});

} // namespace hp::dev
