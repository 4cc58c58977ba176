// SPDX-License-Identifier: Apache-2.0
//
// Control channel: requests to the node that runs this contract (contract protocol section 8.5).
// They change this one node only; each node's own instance of the contract must send them. The node
// never answers: success here means that the request was handed over.
//
// Threads: one thread at a time.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <system_error>

namespace hp::contract {

class Control {
public:
    static constexpr std::size_t message_bytes_max = 131072;

    /// Used by the SDK. `fd` is not owned.
    explicit Control(std::optional<int> fd) noexcept : fd_(fd) {}

    /// Adds and removes known peers, each written "host:port". The node ignores this while its
    /// mesh.peer_discovery.enabled is true, which is the default. Errors: errc::invalid_argument (a
    /// malformed peer; nothing is sent, because the node would reject the whole request),
    /// errc::message_size, errc::not_connected (no control channel), errc::broken_pipe, or the
    /// errno of the socket.
    std::error_code update_peers(std::span<const std::string> add,
                                 std::span<const std::string> remove);

    /// Forgets every known peer, then adds these. Errors as above.
    std::error_code replace_all(std::span<const std::string> add);

    /// Tells the node that this contract is done, so that it may close the NPL channel. run() does
    /// this after the handler; only the first call sends. Never waits: if the node is not reading,
    /// the exit of the process says the same.
    std::error_code contract_end();

    /// The socket, for code that writes messages of its own: one packet is one JSON object. Owned
    /// by the Context; absent if the node gave none.
    [[nodiscard]] std::optional<int> fd() const noexcept { return fd_; }

private:
    std::optional<int> fd_;
    bool ended_ = false;
};

} // namespace hp::contract
