// SPDX-License-Identifier: Apache-2.0
//
// The poll loop and what it does with each channel.
//
// Threads: see node_side.hpp.
#include "node_side.hpp"

#include <cerrno>
#include <chrono>
#include <optional>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace hp::contract::testing::detail {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t packet_bytes_max = 262144;
constexpr int poll_ms = 20;

/// Takes what is there; closes `fd` at its end.
std::optional<std::string> take(Fd& fd, std::size_t bytes_max) {
    std::string buffer(bytes_max, '\0');
    const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR)
        return std::string();
    if (got <= 0) {
        fd.close();
        return std::nullopt;
    }
    buffer.resize(static_cast<std::size_t>(got));
    return buffer;
}

void append_from(Fd& fd, std::string& out) {
    if (const auto text = take(fd, packet_bytes_max))
        out += *text;
}

} // namespace

NodeSide::NodeSide(const RunSpec& spec, Channels& channels) : spec_(spec), channels_(channels) {
    for (const TestUser& user : spec.users)
        outcome_.outputs[user.key_hex];
    if (spec.readonly)
        return;
    npl_queue_.assign(spec.npl_packets.begin(), spec.npl_packets.end());
    for (const TestNplPeer& peer : spec.npl_peers)
        for (const std::string& message : peer.first_messages)
            queue_npl(peer.key_hex, message);
    flush_npl();
}

void NodeSide::feed_stdin(Fd fd, std::string text) {
    stdin_ = std::move(fd);
    unsent_stdin_ = std::move(text);
    if (::fcntl(stdin_.get(), F_SETFL, O_NONBLOCK) != 0)
        fail("O_NONBLOCK");
}

void NodeSide::collect_streams(Fd out, Fd err) {
    out_ = std::move(out);
    err_ = std::move(err);
}

void NodeSide::queue_npl(const std::string& key_hex, std::string message) {
    npl_queue_.push_back(key_hex);
    npl_queue_.push_back(std::move(message));
}

/// Writes what fits. A contract that does not read must not stop the run.
void NodeSide::flush_npl() {
    while (channels_.npl.host.is_open() && !npl_queue_.empty()) {
        const std::string& packet = npl_queue_.front();
        if (::send(channels_.npl.host.get(), packet.data(), packet.size(),
                   MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
            if (errno == EAGAIN)
                return;
            if (errno != EPIPE && errno != ECONNRESET)
                fail("NPL");
            npl_queue_.clear();
            return;
        }
        npl_queue_.pop_front();
    }
    if (spec_.npl_close_early)
        channels_.npl.host.close();
}

void NodeSide::on_output(std::size_t user) {
    std::string& all = outcome_.outputs[spec_.users[user].key_hex];
    if (const auto bytes = take(channels_.users[user].host, spec_.output_chunk_bytes))
        all += *bytes;
    if (all.size() > spec_.output_bytes_max)
        channels_.users[user].host.close();
}

void NodeSide::on_npl(short events) {
    if ((events & POLLOUT) != 0)
        flush_npl();
    if ((events & ~POLLOUT) != 0 && channels_.npl.host.is_open())
        on_npl_message();
}

void NodeSide::on_npl_message() {
    const auto packet = take(channels_.npl.host, packet_bytes_max);
    if (!packet)
        return;
    outcome_.npl.push_back(*packet);
    if (spec_.npl_echo)
        queue_npl(spec_.node_key, *packet);
    for (const TestNplPeer& peer : spec_.npl_peers) {
        if (!peer.on_message)
            continue;
        for (std::string& answer : peer.on_message(*packet))
            queue_npl(peer.key_hex, std::move(answer));
    }
    flush_npl();
}

void NodeSide::on_control() {
    if (const auto packet = take(channels_.control.host, packet_bytes_max))
        outcome_.control.push_back(*packet);
}

void NodeSide::on_stdin_writable() {
    const ssize_t written = ::write(stdin_.get(), unsent_stdin_.data(), unsent_stdin_.size());
    if (written > 0)
        unsent_stdin_.erase(0, static_cast<std::size_t>(written));
    if (unsent_stdin_.empty() || (written < 0 && errno != EAGAIN))
        stdin_.close();
}

std::vector<NodeSide::Source> NodeSide::make_sources() {
    std::vector<Source> sources;
    const auto add = [&sources](Fd& fd, int events, std::function<void(short)> on_ready) {
        if (fd.is_open())
            sources.push_back({&fd, static_cast<short>(events), std::move(on_ready)});
    };
    for (std::size_t i = 0; i < channels_.users.size(); ++i)
        add(channels_.users[i].host, POLLIN, [this, i](short) { on_output(i); });
    add(channels_.npl.host, npl_queue_.empty() ? POLLIN : POLLIN | POLLOUT,
        [this](short events) { on_npl(events); });
    add(channels_.control.host, POLLIN, [this](short) { on_control(); });
    add(out_, POLLIN, [this](short) { append_from(out_, outcome_.out); });
    add(err_, POLLIN, [this](short) { append_from(err_, outcome_.err); });
    add(stdin_, POLLOUT, [this](short) { on_stdin_writable(); });
    return sources;
}

/// Serves every channel that has something. True if any had.
bool NodeSide::serve_once(int ended_fd, int wait_ms) {
    const std::vector<Source> sources = make_sources();
    std::vector<pollfd> polled;
    for (const Source& source : sources)
        polled.push_back({source.fd->get(), source.events, 0});
    polled.push_back({ended_fd, POLLIN, 0});
    if (::poll(polled.data(), polled.size(), wait_ms) < 0) {
        if (errno != EINTR)
            fail("poll");
        return false;
    }
    bool any = false;
    for (std::size_t i = 0; i < sources.size(); ++i)
        if (polled[i].revents != 0) {
            sources[i].on_ready(polled[i].revents);
            any = true;
        }
    return any;
}

void NodeSide::drain() {
    npl_queue_.clear(); // nobody is left to read it
    // A process that got away may write for ever.
    const auto deadline = Clock::now() + std::chrono::milliseconds(spec_.timeout_ms);
    while (serve_once(-1, 0) && Clock::now() < deadline) {
    }
}

void NodeSide::close_channels() {
    for (Pair& user : channels_.users)
        user.host.close();
    channels_.npl.host.close();
    channels_.control.host.close();
}

void NodeSide::serve(int ended_fd, bool give_up_at_timeout) {
    const auto deadline = Clock::now() + std::chrono::milliseconds(spec_.timeout_ms);
    const auto has_ended = [ended_fd] {
        pollfd entry{ended_fd, POLLIN, 0};
        return ::poll(&entry, 1, 0) == 1;
    };
    while (!has_ended()) {
        serve_once(ended_fd, poll_ms);
        if (outcome_.timed_out || Clock::now() < deadline)
            continue;
        outcome_.timed_out = true;
        if (give_up_at_timeout)
            return;
        close_channels();
    }
    drain();
}

} // namespace hp::contract::testing::detail
