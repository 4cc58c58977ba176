// SPDX-License-Identifier: Apache-2.0
//
// Runs a contract the way a node does (contract protocol sections 6 to 8): real process, JSON
// document on standard input, inputs in a memfd, outputs, NPL and control over socket pairs that
// the process inherits. Every knob of RunSpec is something that nodes really do, or really get
// wrong.
//
// Threads: one thread at a time; forks, so no other threads may exist.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace hp::test {

struct HostUser {
    std::string key_hex;
    std::vector<std::string> inputs;
};

struct RunSpec {
    std::string program;
    std::vector<std::string> args;
    std::vector<std::string> environment;
    std::string directory; ///< working directory; empty: the caller's
    std::vector<HostUser> users;
    bool readonly = false;

    bool stdin_from_pipe = false; ///< else from a file, which gives the document in one read
    int stdin_fd = -1;            ///< use this instead of a document
    /// Last chance to damage or extend the document.
    std::function<std::string(std::string)> edit_document;

    bool seal_inputs = true;
    std::size_t output_chunk_bytes = 131072; ///< read size per user socket
    int output_buffer_bytes = 0;             ///< send buffer of the contract's end; 0: default
    std::size_t output_bytes_max = SIZE_MAX; ///< then the host closes its end

    /// Packets waiting on the NPL socket when the contract starts.
    std::vector<std::string> npl_packets;
    bool npl_echo = true; ///< hand the contract's own messages back, as a validator's node does
    bool npl_close_early = false; ///< close the host's end once npl_packets are written

    int timeout_ms = 20000;
};

struct RunOutcome {
    int exit_code = -1; ///< -1 if it ended otherwise
    int signal = 0;
    bool timed_out = false;
    std::string document;
    std::map<std::string, std::string> outputs; ///< bytes received, by user key
    std::vector<std::string> control;           ///< packets received
    std::vector<std::string> npl;
    std::string out; ///< standard output
    std::string err;
};

[[nodiscard]] RunOutcome run_contract(const RunSpec& spec);

/// The messages in a user's output. A part that is no complete frame becomes "<partial>".
[[nodiscard]] std::vector<std::string> split_frames(std::string_view bytes);

/// A valid key: `ed`, then 64 hex digits that spell `number`.
[[nodiscard]] std::string make_key(unsigned number);

/// Keys the host uses in the document.
[[nodiscard]] std::string node_key();
[[nodiscard]] std::string node_private_key();
[[nodiscard]] std::string lcl_hash();

/// An own directory <tmp>/state for one test, removed at the end together with <tmp>.
class StateDir {
public:
    StateDir();
    StateDir(const StateDir&) = delete;
    StateDir& operator=(const StateDir&) = delete;
    ~StateDir();

    [[nodiscard]] const std::string& path() const { return state_; }
    /// Content of a file relative to the state directory, or "<none>".
    [[nodiscard]] std::string read(const std::string& name) const;
    void write(const std::string& name, std::string_view content) const;
    /// Names in the state directory, sorted, separated by spaces.
    [[nodiscard]] std::string list() const;

private:
    std::string root_;
    std::string state_;
};

} // namespace hp::test
