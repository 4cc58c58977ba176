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

#include <cstddef>
#include <optional>
#include <string_view>
#include <system_error>

namespace hp::contract {

struct NplMessage {
    PublicKey sender;
    /// The node hands a validator its own messages back; this marks them.
    bool from_self = false;
    Bytes data;

    [[nodiscard]] std::string_view text() const noexcept { return as_text(data); }
};

enum class NplStatus {
    message, ///< `message` is set
    timeout, ///< nothing complete arrived in time; receive() may be called again
    closed,  ///< the node closed the channel, nothing more will arrive; also in read-only mode
    failed,  ///< `error` says why
};

struct NplResult {
    NplStatus status = NplStatus::failed;
    std::optional<NplMessage> message;
    std::error_code error;

    explicit operator bool() const noexcept { return message.has_value(); }
};

class Npl {
public:
    static constexpr std::size_t message_bytes_max = 131072;

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

private:
    PublicKey own_key_;
    std::optional<PublicKey> pending_sender_;
    std::optional<int> fd_;
};

} // namespace hp::contract
