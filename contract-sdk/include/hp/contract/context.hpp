// SPDX-License-Identifier: Apache-2.0
//
// Everything a node tells a contract about one run, and the channels to answer on (contract
// protocol sections 7 and 8). There are two modes: consensus (once per closed ledger, the state
// directory is writable) and read-only (once per read request, one user with one input).
//
// Ownership: run() owns the Context; everything reached through it dies when the handler returns.
// Threads: accessors of const values are safe from any thread; see each channel for its own rule.
#pragma once

#include <hp/contract/control.hpp>
#include <hp/contract/key.hpp>
#include <hp/contract/npl.hpp>
#include <hp/contract/rng.hpp>
#include <hp/contract/unl.hpp>
#include <hp/contract/user.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace hp::contract {

/// Exit codes of the SDK's own; see Context::set_exit_code() for what they mean to a node.
inline constexpr int exit_ok = 0;
inline constexpr int exit_handler_failed = 1; ///< the handler threw; the message is on stderr
inline constexpr int exit_bad_start = 2;      ///< not started by a node; the reason is on stderr

class Context {
public:
    struct Impl;

    explicit Context(std::unique_ptr<Impl> impl) noexcept;
    ~Context();
    Context(Context&&) noexcept;
    Context& operator=(Context&&) noexcept;
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;

    /// Version of the node, for example "0.6.4". Not deterministic while a cluster is upgraded.
    [[nodiscard]] const std::string& hp_version() const noexcept;

    /// Identity of the contract; the same on every node.
    [[nodiscard]] const std::string& contract_id() const noexcept;

    /// Keys of the node that runs this instance. NOT DETERMINISTIC: other nodes have others. The
    /// private key is absent if the node keeps it to itself; never write it to the state directory.
    [[nodiscard]] const PublicKey& public_key() const noexcept;
    [[nodiscard]] const std::optional<PrivateKey>& private_key() const noexcept;

    /// True while serving a read request: the state directory must not be written.
    [[nodiscard]] bool readonly() const noexcept;

    /// The consensus clock: time of the closed ledger in ms since the epoch, the same on every
    /// node, about one round behind the wall clock. 0 in read-only mode.
    [[nodiscard]] std::uint64_t timestamp_ms() const noexcept;
    [[nodiscard]] std::chrono::sys_time<std::chrono::milliseconds> time() const noexcept;

    /// Number and hash of the ledger that was just closed. Absent in read-only mode.
    [[nodiscard]] std::optional<std::uint64_t> lcl_seq_no() const noexcept;
    [[nodiscard]] const std::optional<Hash>& lcl_hash() const noexcept;

    [[nodiscard]] Users& users() noexcept;
    [[nodiscard]] const Unl& unl() const noexcept;
    [[nodiscard]] Npl& npl() noexcept;
    [[nodiscard]] Control& control() noexcept;

    /// One predictable random stream per run, seeded with lcl_hash (see rng.hpp). In read-only
    /// mode, where there is no ledger, the seed is zero and each run sees the same numbers.
    [[nodiscard]] Rng& rng();

    /// What run() returns unless the handler throws: 0 to 255, at first 0. A node treats every code
    /// as success (contract protocol section 6.8); it is for people and their logs. Other values
    /// become exit_handler_failed.
    void set_exit_code(int code) noexcept;
    [[nodiscard]] int exit_code() const noexcept;

    /// The JSON document as the node sent it, for recording and replay tools. It holds the private
    /// key: do not log it.
    [[nodiscard]] std::string_view document() const noexcept;

    /// The node's input file, for code that reads inputs itself; absent if there is none. Use
    /// positional reads: the file offset may be shared with other processes.
    [[nodiscard]] std::optional<int> input_fd() const noexcept;

private:
    std::unique_ptr<Impl> impl_;
};

} // namespace hp::contract
