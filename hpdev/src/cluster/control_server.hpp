// SPDX-License-Identifier: Apache-2.0
// The supervisor's side of the control socket: lines in, lines out, many clients, nobody waits for
// a slow one: who does not read loses the connection. One thread, in whose poll(2) it takes part.
#pragma once

#include "cluster/expected.hpp"
#include "hp/os/fd.hpp"

#include <functional>
#include <map>
#include <poll.h>
#include <set>
#include <string>
#include <vector>

namespace hp::dev {

using ClientId = std::uint64_t;

class ControlServer {
public:
    using OnRequest = std::function<void(ClientId, const Json&)>;

    ControlServer(os::Fd listening, OnRequest on_request)
        : listening_(std::move(listening)), on_request_(std::move(on_request)) {}

    void add_descriptors(std::vector<pollfd>& out) const;
    void on_ready(const std::vector<pollfd>& polled);

    // A line to a client that may be gone.
    void send(ClientId client, const Json& json);
    void subscribe(ClientId client, std::set<std::string> topics);
    void publish(const std::string& topic, const Json& event);
    bool has_unsent() const;

private:
    struct Client {
        os::Fd socket;
        std::string in, out;
        std::set<std::string> topics; // of events
        bool closed = false;
    };

    void accept_all();
    void read_from(ClientId id, Client& client);
    void write_to(Client& client);

    os::Fd listening_;
    OnRequest on_request_;
    ClientId next_id_ = 1;
    std::map<ClientId, Client> clients_;
};

} // namespace hp::dev
