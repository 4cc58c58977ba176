// SPDX-License-Identifier: Apache-2.0
// hp.cfg as plain structs with their defaults: contract-protocol.md section 4.1, every field, plus
// this project's own optional ones (marked "ours"). Reading, checking and writing is config_io.hpp.
// Values; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "hp/base/ids.hpp"
#include "hp/base/log.hpp"
#include "hp/base/version.hpp"
#include "hp/crypto/keys.hpp"

namespace hp::config {

enum class Role : std::uint8_t { validator, observer };
enum class History : std::uint8_t { full, custom };
enum class Visibility : std::uint8_t { public_, private_ };
// ours: when a ledger closes before its roundtime is over (consensus.md 6.4.5).
// automatic: eager for roundtime >= 500 ms, else paced.
enum class Pace : std::uint8_t { automatic, eager, paced };

// ours: how far contracts are kept from the rest of the machine (docs/adr/0006-sandbox.md).
enum class Sandbox : std::uint8_t { off, automatic, strict };

struct RoundLimits {
    std::uint64_t user_input_bytes = 0;
    std::uint64_t user_output_bytes = 0;
    std::uint64_t npl_output_bytes = 0;
    std::uint64_t proc_cpu_seconds = 0;
    std::uint64_t proc_mem_bytes = 0;
    std::uint64_t proc_ofd_count = 0;
    std::uint64_t exec_timeout = 300'000; // ms, 0 = none
    std::uint64_t state_bytes = 0;        // ours: of all files after a run, 0 = none
    bool operator==(const RoundLimits&) const = default;
};

struct Consensus {
    Visibility mode = Visibility::private_;
    std::uint32_t roundtime = 1000; // ms
    std::uint32_t stage_slice = 25; // percent
    std::uint16_t threshold = 80;   // percent
    bool operator==(const Consensus&) const = default;
};

// The agreed part of the contract section: exactly the fields of patch.cfg, in its order
// (contract-protocol.md 5.1). Those marked "ours" are written only when they are set, because the
// bytes of the file are agreed on.
struct Patch {
    std::string version = "1.0";
    std::set<PublicKey> unl; // sorted by key bytes
    std::string bin_path = "<your contract binary here>";
    std::string bin_args;
    std::map<std::string, std::string> environment;
    std::uint16_t max_input_ledger_offset = 10;
    Consensus consensus;
    Visibility npl_mode = Visibility::private_;
    RoundLimits round_limits;
    bool operator==(const Patch&) const = default;
};

struct RunAs {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    bool operator==(const RunAs&) const = default;
};

struct ContractLog {
    bool enable = false;
    std::uint64_t max_mbytes_per_file = 5;
    std::uint64_t max_file_count = 10;
    bool operator==(const ContractLog&) const = default;
};

struct Contract {
    std::string id; // 36 characters
    bool execute = true;
    std::optional<RunAs> run_as; // absent for "" and "0:0"
    ContractLog log;
    Sandbox sandbox = Sandbox::automatic; // ours: contract.sandbox
    bool warm_start = false;              // ours: start the next process ahead of its run
    Patch patch;                          // the P fields
    bool operator==(const Contract&) const = default;
};

// Of votes, ledgers and the changes of a run: what a node writes until it has noticed.
inline constexpr std::uint32_t disk_reserve_mbytes_default = 64;

struct Node {
    crypto::KeyPair keys;
    Role role = Role::validator;
    History history = History::custom;
    std::uint64_t max_primary_shards = 1;
    std::uint64_t max_raw_shards = 0;
    Pace pace = Pace::automatic; // ours: node.pace
    // ours: takes no part in consensus while less is free. Written only when it is another one.
    std::uint32_t disk_reserve_mbytes = disk_reserve_mbytes_default;
    bool operator==(const Node&) const = default;
};

struct HostPort {
    std::string host;
    std::uint16_t port = 0;
    auto operator<=>(const HostPort&) const = default;
};

// ours: where a node listens, a numeric address. Written only when it is another one.
inline constexpr std::string_view any_address = "0.0.0.0";

struct Mesh {
    std::uint16_t port = 22860;
    bool listen = true;
    std::string address{any_address};
    std::uint32_t idle_timeout = 120'000;
    std::vector<HostPort> known_peers;
    bool msg_forwarding = true;
    std::uint16_t max_connections = 0;
    std::uint16_t max_known_connections = 0;
    std::uint16_t max_in_connections_per_host = 0;
    std::uint64_t max_bytes_per_msg = 0;
    std::uint64_t max_bytes_per_min = 0;
    std::uint64_t max_bad_msgs_per_min = 0;
    std::uint64_t max_bad_msgsigs_per_min = 0;
    std::uint64_t max_dup_msgs_per_min = 0;
    bool peer_discovery = true;
    std::uint16_t peer_discovery_interval = 30'000; // ms
    bool operator==(const Mesh&) const = default;
};

// ours: how the blocks that a run writes are found (docs/protocol/state.md).
enum class StateBackend : std::uint8_t { automatic, plain, tracked };

struct State {
    StateBackend backend = StateBackend::automatic;
    bool operator==(const State&) const = default;
};

struct User {
    std::uint16_t port = 8080;
    bool listen = true;
    std::string address{any_address};
    std::uint32_t idle_timeout = 0;      // ms, 0 = none
    std::uint64_t max_bytes_per_msg = 0; // 0 = limits::user_message_bytes_default
    std::uint64_t max_bytes_per_min = 0;
    std::uint64_t max_bad_msgs_per_min = 0;
    std::uint16_t max_connections = 0;             // 0 = limits::user_sessions_max
    std::uint16_t max_in_connections_per_host = 0; // 0 = unlimited
    std::uint32_t concurrent_read_requests = 4;
    bool plain_ws = false; // ours: no TLS on the user port (behind a proxy, tests)
    std::string tls_cert;  // ours: path, empty = cfg/tlscert.pem; relative to the node's directory
    std::string tls_key;   // ours: path, empty = cfg/tlskey.pem
    bool operator==(const User&) const = default;
};

struct NodeLog {
    LogLevel level = LogLevel::info;
    std::uint64_t max_mbytes_per_file = 5;
    std::uint64_t max_file_count = 10;
    bool console = true;
    bool file = true;
    bool operator==(const NodeLog&) const = default;
};

// Read for compatibility and written back unchanged; this node has no hpfs process.
struct Hpfs {
    bool external = false;
    std::string log_level = "wrn";
    bool operator==(const Hpfs&) const = default;
};

// For development clusters only (docs/operations.md).
struct Dev {
    bool enabled = false; // takes orders to replace the contract's files and to behave badly
    bool operator==(const Dev&) const = default;
};

struct Config {
    std::string hp_version{hp::hp_version}; // of the node that wrote the file
    Node node;
    Contract contract;
    Mesh mesh;
    User user;
    State state;
    Hpfs hpfs;
    NodeLog log;
    Dev dev;
    bool operator==(const Config&) const = default;
};

std::string to_string(Sandbox sandbox); // as in hp.cfg
std::string to_string(StateBackend backend);

// Eager or paced, with automatic resolved for the patch in force.
inline bool is_eager(Pace pace, const Patch& patch) {
    return pace == Pace::eager || (pace == Pace::automatic && patch.consensus.roundtime >= 500);
}

} // namespace hp::config
