// SPDX-License-Identifier: Apache-2.0
// The node's end of a run's NPL socket (contract-protocol.md 8.4): messages of the contract out to
// the node, messages of all senders from the inlet in to the contract. Never blocks, never sends
// half of a message's two packets and then something else. One owner.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "contract/channels.hpp"
#include "contract/npl_inlet.hpp"
#include "contract/run.hpp"
#include "hp/base/ids.hpp"
#include "hp/os/fd.hpp"

namespace hp::contract {

class NplChannel {
public:
    struct Settings {
        LedgerId run; // what the contract's messages are tagged with
        PublicKey own_key;
        std::uint64_t bytes_max = 0; // round_limits.npl_output_bytes, 0 = none
        bool enabled = false;        // else what the contract sends goes nowhere
    };

    // The inlet must outlive the channel and have begun `run`.
    NplChannel(os::Fd socket, const Settings& settings, NplInlet& inlet, Notes& notes)
        : socket_(std::move(socket)), settings_(settings), inlet_(inlet), notes_(notes) {}

    int fd() const { return socket_.get(); }
    // For epoll.
    std::uint32_t wanted_events() const;
    // Both ways, a bounded amount. Closes the socket once the contract has.
    void on_events(std::uint32_t events, std::span<std::uint8_t> buffer,
                   const std::function<void(Bytes)>& on_message);
    // Sends what the socket takes now: when the inlet has something, or after on_events().
    void flush();
    // No more messages for the contract: its pending read ends, after what is in the socket. What
    // it sends still counts.
    void end_input();
    // What is left after the end of the contract.
    void drain(std::span<std::uint8_t> buffer, const std::function<void(Bytes)>& on_message,
               int packets_max);
    const NplStats& stats() const { return stats_; }

private:
    bool read_one(std::span<std::uint8_t> buffer, const std::function<void(Bytes)>& on_message);
    void send_out(ByteView message, const std::function<void(Bytes)>& on_message);
    bool send_packet_now(ByteView packet);

    os::Fd socket_;
    Settings settings_;
    NplInlet& inlet_;
    Notes& notes_;
    NplStats stats_;
    std::uint64_t bytes_sent_ = 0; // by the contract, whatever became of them
    bool over_limit_ = false;
    bool reading_ = true; // the contract may still send
    enum class Input : std::uint8_t { open, ending, ended } input_ = Input::open;
    std::optional<NplMessage> next_; // on its way to the contract
    bool key_sent_ = false;          // of `next_`
};

} // namespace hp::contract
