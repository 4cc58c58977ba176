// SPDX-License-Identifier: Apache-2.0
//
// The node's end of a scripted run: takes what the contract sends, plays the other nodes, feeds
// standard input. One poll loop, until the run has ended and the channels hold no more data
// (private).
//
// Threads: one thread at a time; for a handler that is a thread beside the handler's own.
#pragma once

#include "channels.hpp"

#include <deque>
#include <functional>
#include <string>

namespace hp::contract::testing::detail {

class NodeSide {
public:
    /// Both must outlive it. Packets that are waiting at the start are put into the channel now, as
    /// far as there is room.
    NodeSide(const RunSpec& spec, Channels& channels);

    /// Standard streams of a process: written to, read from.
    void feed_stdin(Fd fd, std::string text);
    void collect_streams(Fd out, Fd err);

    /// Serves until `ended_fd` is readable, then takes what is left. When the specification's time
    /// is over first, it returns (`give_up_at_timeout`) or ends all channels and goes on.
    void serve(int ended_fd, bool give_up_at_timeout);

    /// Takes what is left in the channels, without waiting.
    void drain();
    /// Ends every channel, so that whoever waits for one goes on.
    void close_channels();

    /// What was collected.
    [[nodiscard]] RunOutcome take_outcome() noexcept { return std::move(outcome_); }

private:
    struct Source {
        Fd* fd;
        short events;
        std::function<void(short)> on_ready;
    };

    std::vector<Source> make_sources();
    bool serve_once(int ended_fd, int wait_ms);
    void on_output(std::size_t user);
    void on_npl(short events);
    void on_npl_message();
    void flush_npl();
    void queue_npl(const std::string& key_hex, std::string message);
    void on_control();
    void on_stdin_writable();

    const RunSpec& spec_;
    Channels& channels_;
    std::deque<std::string> npl_queue_;
    std::string unsent_stdin_;
    Fd stdin_;
    Fd out_;
    Fd err_;
    RunOutcome outcome_;
};

} // namespace hp::contract::testing::detail
