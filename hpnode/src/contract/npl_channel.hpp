// SPDX-License-Identifier: Apache-2.0
// The node's end of a run's NPL socket (contract-protocol.md 8.4): messages of the contract out to
// the node, messages of all senders in to the contract. Never blocks. One owner.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <string>

#include "contract/channels.hpp"
#include "hp/base/ids.hpp"
#include "hp/os/fd.hpp"

namespace hp::contract {

// Messages on their way to the contract: for each a packet with the sender's key, then one with
// the message. Bounded, and never drops half a pair.
class NplOutbox {
public:
    // False when there is no room; the message is dropped.
    bool push(const PublicKey& sender, Bytes message);
    bool empty() const { return queue_.empty(); }
    // Sends what the socket takes now. When the contract has closed it, all is dropped.
    void flush(const os::Fd& socket);

private:
    struct Item {
        std::string sender; // 66 hex characters
        Bytes message;
    };
    std::deque<Item> queue_;
    std::size_t bytes_ = 0;
    bool key_sent_ = false; // of the first item
};

class NplChannel {
public:
    struct Settings {
        PublicKey own_key;
        std::uint64_t bytes_max = 0; // round_limits.npl_output_bytes, 0 = none
        bool enabled = false;        // else what the contract sends goes nowhere
    };

    NplChannel(os::Fd socket, const Settings& settings, Notes& notes)
        : socket_(std::move(socket)), settings_(settings), notes_(notes) {}

    int fd() const { return socket_.get(); }
    // For epoll.
    std::uint32_t wanted_events() const;
    // Both ways, a bounded amount. Closes the socket once the contract has.
    void on_events(std::uint32_t events, std::span<std::uint8_t> buffer,
                   const std::function<void(Bytes)>& on_message);
    // What is left after the end of the contract.
    void drain(std::span<std::uint8_t> buffer, const std::function<void(Bytes)>& on_message,
               int packets_max);

private:
    bool read_one(std::span<std::uint8_t> buffer, const std::function<void(Bytes)>& on_message);
    void send_out(ByteView message, const std::function<void(Bytes)>& on_message);

    os::Fd socket_;
    Settings settings_;
    Notes& notes_;
    NplOutbox outbox_;
    std::uint64_t bytes_ = 0;
    bool over_limit_ = false;
    bool reading_ = true; // the contract may still send
    std::size_t undelivered_ = 0;
};

} // namespace hp::contract
