// SPDX-License-Identifier: Apache-2.0
//
// Node party line: messages between the instances of the contract that run for the same ledger on
// different nodes (contract protocol section 8.4). Consensus mode only.
//
// NOT DETERMINISTIC: which messages arrive, and in which order, differs per node. Only what the
// contract derives from them by its own agreement may reach state or outputs.
//
// Threads: one thread may send while another receives; no two of the same kind at once.
#pragma once

#include <hp/contract/bytes.hpp>
#include <hp/contract/key.hpp>
#include <hp/contract/unl.hpp>

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <limits>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace hp::contract {

struct NplMessage {
    PublicKey sender;
    /// The node hands a validator its own messages back; this marks them.
    bool from_self = false;
    Bytes data;

    [[nodiscard]] std::string_view text() const noexcept { return as_text(data); }
};

enum class NplStatus {
    message, ///< `message` is set; of an exchange: everything wanted arrived
    timeout, ///< nothing (more) complete arrived in time; receiving may go on
    closed,  ///< the node closed the channel, nothing more will arrive; also in read-only mode
    failed,  ///< `error` says why
    stopped, ///< listen(): the listener or the stop token asked for the end
};

struct NplResult {
    NplStatus status = NplStatus::failed;
    std::optional<NplMessage> message;
    std::error_code error;

    explicit operator bool() const noexcept { return message.has_value(); }
};

/// Why listen() returned; never NplStatus::message.
struct NplEnd {
    NplStatus status = NplStatus::failed;
    std::error_code error;
};

/// What Npl::exchange() collected.
struct NplExchange {
    NplStatus status = NplStatus::failed; ///< message, timeout, closed or failed
    std::error_code error;
    /// One per UNL member that was heard, ascending by key, without the topic. This node's own
    /// message is among them once the node has handed it back: then the others got it too. The
    /// node of an observer never does, so an exchange of all takes its full time there.
    std::vector<NplMessage> messages;

    /// True if everything wanted arrived.
    [[nodiscard]] bool complete() const noexcept { return status == NplStatus::message; }
};

/// What more than two thirds of `unl` said in an exchange, if they said the same: how nodes that
/// need not have heard the same come to one result. They must all have taken part in it.
[[nodiscard]] std::optional<std::string> agreed_text(const NplExchange& votes, const Unl& unl);

class Npl {
public:
    static constexpr std::size_t message_bytes_max = 131072;
    static constexpr std::size_t topic_bytes_max = 255;
    /// Messages kept for later per sender while an exchange waits for others; more are dropped, so
    /// that a node gone mad cannot fill this one's memory.
    static constexpr std::size_t held_per_sender_max = 64;

    /// Called for each message; false ends listening.
    using Listener = std::function<bool(const NplMessage&)>;

    /// Used by the SDK. `fd` is not owned; nothing means read-only mode.
    Npl(std::optional<int> fd, PublicKey own_key) noexcept : own_key_(own_key), fd_(fd) {}

    /// False in read-only mode.
    [[nodiscard]] bool available() const noexcept { return fd_.has_value(); }

    /// Sends one message of 1 to 131072 bytes to all nodes, this one included. Errors:
    /// errc::invalid_argument (empty), errc::message_size (too long), errc::not_connected
    /// (read-only mode), errc::broken_pipe (the node closed the channel), or the errno of the
    /// socket. Success means that the node took it, not that anybody received it: a node that is
    /// no validator drops it silently.
    std::error_code send(BytesView message);
    std::error_code send(std::string_view message) { return send(as_bytes(message)); }

    /// Waits at most `timeout_ms` (0 or less: does not wait) for the next message. There is no way
    /// to wait for ever on purpose: a run that waits for a silent node is killed at exec_timeout.
    /// A message whose second half is late is not lost, the next call returns it.
    [[nodiscard]] NplResult receive(int timeout_ms);

    /// Calls `on_message` on this thread for each message until it returns false, `timeout_ms` is
    /// over, the channel ends, or `stop` is requested, which another thread may do at any time.
    /// Nothing is left behind: no thread, no pending read, and no message half taken.
    NplEnd listen(int timeout_ms, const Listener& on_message, std::stop_token stop = {});

    /// Sends `message` to all nodes and collects one message on the same topic from each member of
    /// `unl`, until `wanted` of them were heard (more than there are: all) or `timeout_ms` is over.
    /// Call it on every node with the same topic, and with another topic for each further exchange
    /// of the run: fast nodes are an exchange ahead, and their messages for it are kept. What
    /// arrives without this topic is kept for later exchanges and receive(). Topic and message
    /// together may have 131067 bytes. Errors as for send(); nothing is collected then.
    ///
    /// NOT DETERMINISTIC: every node may see another set. Let a further exchange decide which.
    [[nodiscard]] NplExchange
    exchange(std::string_view topic, BytesView message, const Unl& unl, int timeout_ms,
             std::size_t wanted = std::numeric_limits<std::size_t>::max());

    /// The socket, for event loops of one's own: when it is readable, call receive(0) until that
    /// gives NplStatus::timeout. Messages an exchange kept make no descriptor readable. Owned by
    /// the Context; nothing in read-only mode.
    [[nodiscard]] std::optional<int> fd() const noexcept { return fd_; }

private:
    using Clock = std::chrono::steady_clock;

    NplResult next_message(Clock::time_point deadline, int wake_fd);
    NplResult read_message(Clock::time_point deadline, int wake_fd);
    void hold(NplMessage message);

    PublicKey own_key_;
    std::optional<PublicKey> pending_sender_;
    std::optional<int> fd_;
    std::deque<NplMessage> held_;
};

} // namespace hp::contract
