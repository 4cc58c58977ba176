// SPDX-License-Identifier: Apache-2.0
// What the node and the launcher's processes say to each other. Both are always the same program,
// so there are no versions. On the helper's socket: one packet with a run's channel attached and
// perhaps the file for what it writes, or a confinement, answered with what is in force. On a run's
// channel (SOCK_SEQPACKET), node to supervisor: the request, cut into packets, its descriptors
// spread over them; then command bytes. Back: one report. Values; any thread.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "contract/launcher.hpp"
#include "hp/base/limits.hpp"

namespace hp::contract {

// Helper to node, at the start; otherwise the text of an error.
inline constexpr std::string_view helper_ready = "ready";
// A handful of paths.
inline constexpr std::size_t helper_packet_bytes_max = 64 * limits::kib;

inline constexpr char command_release = 'R';
inline constexpr char command_terminate = 'T';
inline constexpr char command_kill = 'K';

// Small enough for one packet in any socket buffer, large enough for nearly every request.
inline constexpr std::size_t request_packet_bytes_max = 32 * limits::kib;

// What a supervisor needs, without the descriptors: those are the channels, then what replaces
// stdin, stdout and stderr.
struct LaunchRequest {
    std::string state_dir;
    std::string bin_path;
    std::vector<std::string> args;
    std::vector<std::string> environment;
    config::RoundLimits limits; // only the proc_* ones travel
    std::optional<config::RunAs> run_as;
    std::size_t channel_count = 0;
    std::vector<int> replaced_stdio; // numbers out of 0, 1, 2
    bool no_new_privs = false;
    bool hold_stdin = false;
};

// The node's side, and the supervisor's: Errc::closed when the node is gone.
Status send_request(int channel, const SpawnRequest& request);
Result<LaunchRequest> receive_request(int channel, std::vector<int>& fds);

Bytes encode_confinement(const Confinement& confinement);
Result<Confinement> decode_confinement(ByteView bytes);

// The answer to it: what is in force, or why that is not enough.
Bytes encode_protection(const Result<Protection>& protection);
Result<Protection> decode_protection(ByteView bytes);

Bytes encode_report(const ExitReport& report);
Result<ExitReport> decode_report(ByteView bytes);

} // namespace hp::contract
