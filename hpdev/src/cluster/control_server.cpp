// SPDX-License-Identifier: Apache-2.0
#include "cluster/control_server.hpp"

#include "cluster/control.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/socket.h>
#include <unistd.h>

namespace hp::dev {
namespace {

// A request is a few hundred bytes; what a client has not read is a backlog of events.
constexpr std::size_t request_bytes_max = 64 * 1024;
constexpr std::size_t unread_bytes_max = 4 << 20;
constexpr std::size_t clients_max = 64;

} // namespace

void ControlServer::add_descriptors(std::vector<pollfd>& out) const {
    out.push_back({listening_.get(), POLLIN, 0});
    for (const auto& [id, client] : clients_) {
        const short events = client.out.empty() ? POLLIN : POLLIN | POLLOUT;
        out.push_back({client.socket.get(), events, 0});
    }
}

void ControlServer::on_ready(const std::vector<pollfd>& polled) {
    const auto ready = [&polled](const os::Fd& fd, int events) {
        const auto found = std::ranges::find(polled, fd.get(), &pollfd::fd);
        return found != polled.end() && (found->revents & events) != 0;
    };
    for (auto& [id, client] : clients_) {
        if (ready(client.socket, POLLOUT)) {
            write_to(client);
        }
        if (ready(client.socket, POLLIN | POLLHUP | POLLERR)) {
            read_from(id, client);
        }
    }
    std::erase_if(clients_, [](const auto& item) { return item.second.closed; });
    if (ready(listening_, POLLIN)) {
        accept_all();
    }
}

void ControlServer::accept_all() {
    for (;;) {
        os::Fd socket(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!socket) {
            return;
        }
        if (clients_.size() < clients_max) {
            clients_[next_id_++].socket = std::move(socket);
        }
    }
}

void ControlServer::read_from(ClientId id, Client& client) {
    std::array<char, 16 * 1024> chunk{};
    const ssize_t got = ::read(client.socket.get(), chunk.data(), chunk.size());
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        client.closed = true;
        return;
    }
    client.in.append(chunk.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
    std::size_t end = 0;
    while (!client.closed && (end = client.in.find('\n')) != std::string::npos) {
        const auto request = parse_object(std::string_view(client.in).substr(0, end));
        client.in.erase(0, end + 1);
        if (request) {
            on_request_(id, *request);
        } else {
            send(id, {{"ok", false},
                      {"error", failure_json({cli::ErrorId::usage, "not a JSON object", ""})}});
        }
    }
    client.closed = client.closed || client.in.size() > request_bytes_max;
}

void ControlServer::write_to(Client& client) {
    while (!client.out.empty()) {
        const ssize_t wrote = ::send(client.socket.get(), client.out.data(), client.out.size(),
                                     MSG_NOSIGNAL | MSG_DONTWAIT);
        if (wrote < 0) {
            client.closed = client.closed || (errno != EAGAIN && errno != EINTR);
            return;
        }
        client.out.erase(0, static_cast<std::size_t>(wrote));
    }
}

void ControlServer::send(ClientId id, const Json& json) {
    const auto found = clients_.find(id);
    if (found == clients_.end() || found->second.closed) {
        return;
    }
    Client& client = found->second;
    client.out += dump_json(json) + "\n";
    write_to(client);
    client.closed = client.closed || client.out.size() > unread_bytes_max;
}

void ControlServer::subscribe(ClientId client, std::set<std::string> topics) {
    if (const auto found = clients_.find(client); found != clients_.end()) {
        found->second.topics = std::move(topics);
    }
}

void ControlServer::publish(const std::string& topic, const Json& event) {
    for (auto& [id, client] : clients_) {
        if (client.topics.contains(topic)) {
            send(id, event);
        }
    }
}

bool ControlServer::has_unsent() const {
    return std::ranges::any_of(
        clients_, [](const auto& item) { return !item.second.closed && !item.second.out.empty(); });
}

} // namespace hp::dev
