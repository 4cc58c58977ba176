// SPDX-License-Identifier: Apache-2.0
//
// The users of one run: what each of them sent (contract protocol sections 7.3 and 8.2) and the
// channel that carries outputs back (section 8.3).
//
// Ownership: users, inputs and the memory behind them belong to the Context and live until the
// handler returns. Keep a copy (Input::copy_to) of whatever must live longer.
// Threads: one User must be used by one thread at a time; different users are independent.
#pragma once

#include <hp/contract/bytes.hpp>
#include <hp/contract/key.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace hp::contract {

/// One input: the payload exactly as the user's client submitted it (JSON users: the UTF-8 text;
/// BSON users: the raw bytes). A contract cannot tell which protocol a user speaks.
class Input {
public:
    /// `mapped` must outlive the Input; `store_fd` and `offset` say where the same bytes are kept.
    Input(BytesView mapped, int store_fd, std::uint64_t offset) noexcept
        : mapped_(mapped), offset_(offset), store_fd_(store_fd) {}

    /// The payload, without a copy, straight from the node's input file.
    [[nodiscard]] BytesView bytes() const noexcept { return mapped_; }
    [[nodiscard]] std::string_view text() const noexcept { return as_text(mapped_); }
    [[nodiscard]] std::size_t size() const noexcept { return mapped_.size(); }

    /// Position in the node's input file, in bytes.
    [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }

    /// Replaces `out` with an own copy, read by position. Returns the errno of a failed read, or
    /// errc::io_error if the input file has become too short; `out` is then unspecified.
    std::error_code copy_to(Bytes& out) const;

private:
    BytesView mapped_;
    std::uint64_t offset_;
    int store_fd_;
};

/// One user and the channel to it.
///
/// Sending never throws because of the channel and never raises SIGPIPE. Each send returns a
/// std::error_code that is false on success; std::errc::broken_pipe means that the node takes no
/// more output from this user in this run (section 8.3: the output limit was reached), which a
/// contract may ignore. After an error every later send to that user returns the same error,
/// because the stream may have ended inside a message.
///
/// Messages arrive in sending order, are agreed with the *next* ledger (read requests: at once)
/// and reach only users that are connected then. A send blocks while the node is busy reading.
class User {
public:
    /// Used by the SDK; a unit test may build one on its own socket. `output_fd` is not owned.
    User(PublicKey public_key, int output_fd, std::vector<Input> inputs) noexcept
        : public_key_(public_key), inputs_(std::move(inputs)), output_fd_(output_fd) {}

    User(User&&) noexcept = default;
    User& operator=(User&&) noexcept = default;
    User(const User&) = delete;
    User& operator=(const User&) = delete;

    [[nodiscard]] const PublicKey& public_key() const noexcept { return public_key_; }

    /// In consensus order, which is the same on every node. Empty for a user that is only
    /// connected.
    [[nodiscard]] std::span<const Input> inputs() const noexcept { return inputs_; }

    /// Sends one message. An empty message is delivered as such. The protocol's length field allows
    /// 4 GiB - 1 (more: errc::message_size); nodes and round_limits.user_output_bytes allow less.
    std::error_code send(BytesView message);
    std::error_code send(std::string_view message) { return send(as_bytes(message)); }

    /// Sends one message made of several pieces, without joining them first.
    std::error_code send_parts(std::span<const BytesView> parts);

    /// Sends several messages, in order, with far fewer system calls than one send() each.
    std::error_code send_batch(std::span<const BytesView> messages);

    /// The output socket, for code that frames messages itself. Owned by the Context.
    [[nodiscard]] int output_fd() const noexcept { return output_fd_; }

private:
    PublicKey public_key_;
    std::vector<Input> inputs_;
    std::error_code failed_;
    int output_fd_;
};

/// All users of the run, in ascending order of their binary key, which is the same on every node.
class Users {
public:
    /// `users` must be sorted by key, without duplicates.
    explicit Users(std::vector<User> users) noexcept : users_(std::move(users)) {}

    [[nodiscard]] std::span<User> list() noexcept { return users_; }
    [[nodiscard]] std::size_t count() const noexcept { return users_.size(); }

    /// The user with this key (binary, or 66 lowercase hex digits), or nullptr.
    [[nodiscard]] User* find(const PublicKey& public_key) noexcept;
    [[nodiscard]] User* find(std::string_view public_key_hex) noexcept;

    [[nodiscard]] auto begin() noexcept { return users_.begin(); }
    [[nodiscard]] auto end() noexcept { return users_.end(); }

private:
    std::vector<User> users_;
};

} // namespace hp::contract
