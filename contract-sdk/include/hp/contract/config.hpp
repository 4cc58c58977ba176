// SPDX-License-Identifier: Apache-2.0
//
// The agreed configuration of the contract, ../patch.cfg (contract protocol section 5). A change
// made while ledger N is executed is agreed on with ledger N+1 and in force before the contract
// runs for it. The bytes of the file are hashed, so all nodes must write the same ones:
//
//     Status changed = modify_config(context, [](Config& config) { config.version = "2.0"; });
//
// Files keep the layout of JSON.stringify(config, null, 4), members stay where they were, and what
// this SDK does not know is kept. What nodes would refuse is refused here, before it is written.
//
// Threads: one thread at a time.
#pragma once

#include <hp/contract/context.hpp>
#include <hp/contract/result.hpp>
#include <hp/contract/value.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace hp::contract {

/// The file, relative to the working directory of a run.
inline constexpr std::string_view config_path = "../patch.cfg";

/// Who gets to see messages between nodes: every connected peer, or the UNL alone.
enum class Visibility : std::uint8_t { public_, private_ };

struct EnvironmentVariable {
    std::string name;
    std::string value;

    friend bool operator==(const EnvironmentVariable&, const EnvironmentVariable&) = default;
};

/// Limits of one run or round; 0 means no limit.
struct RoundLimits {
    /// Nodes refuse larger ones: beyond 2^53 - 1, JavaScript would write other numbers than it
    /// read.
    static constexpr std::uint64_t value_max = 9'007'199'254'740'991;

    std::uint64_t user_input_bytes = 0;  ///< per user and round
    std::uint64_t user_output_bytes = 0; ///< per user and run, 4 bytes of header per message
    std::uint64_t npl_output_bytes = 0;  ///< per run
    std::uint64_t proc_cpu_seconds = 0;
    std::uint64_t proc_mem_bytes = 0;
    std::uint64_t proc_ofd_count = 0;        ///< open file descriptors
    std::uint64_t exec_timeout_ms = 300'000; ///< up to 2^32 - 1

    friend bool operator==(const RoundLimits&, const RoundLimits&) = default;
};

struct ConsensusConfig {
    Visibility mode = Visibility::private_;
    std::uint32_t roundtime_ms = 1000;      ///< 1 to 3 600 000
    std::uint32_t stage_slice_percent = 25; ///< 1 to 33
    std::uint32_t threshold_percent = 80;   ///< 1 to 100

    friend bool operator==(const ConsensusConfig&, const ConsensusConfig&) = default;
};

/// The default value lacks what has no default: unl and bin_path.
struct Config {
    std::string version = "1.0"; ///< of the contract, shown to users
    std::vector<PublicKey> unl;  ///< in the order of the file
    std::string bin_path;        ///< relative to the state directory
    std::string bin_args;        ///< separated by single spaces, no quoting
    std::vector<EnvironmentVariable> environment;
    std::uint16_t max_input_ledger_offset = 10; ///< in ledgers; 0: no limit
    ConsensusConfig consensus;
    Visibility npl_mode = Visibility::private_;
    RoundLimits round_limits;

    /// The document this was read from: the place for members this SDK does not know. Fields above
    /// that differ from it win when the configuration is written.
    Value document;

    friend bool operator==(const Config&, const Config&) = default;
};

/// Reads a configuration. All known members must be there with the right type; whether nodes would
/// accept the values is verify_config()'s business, so that a contract can repair them. Errors:
/// those of decode_json(), errc::invalid_argument with one line "consensus.roundtime: what is
/// wrong" for each problem.
[[nodiscard]] Result<Config> decode_config(std::string_view text);

/// The file's content for `config`, without a line break at the end. Unknown members of `document`
/// stay in place, known ones that are missing are added at the end in the order of section 5.1.
[[nodiscard]] std::string encode_config(const Config& config);

/// Checks what nodes and the published libraries check. Error: errc::invalid_argument with one line
/// "unl[2]: what is wrong" for each problem.
Status verify_config(const Config& config);

/// Reads ../patch.cfg, which is there in both modes. Errors: those of read_file() and
/// decode_config().
[[nodiscard]] Result<Config> read_config();

/// The round time that ../patch.cfg says; 1000 if that cannot be read.
[[nodiscard]] int read_roundtime_ms();

/// Replaces ../patch.cfg in one step (see replace_file()). Errors: errc::operation_not_permitted in
/// read-only mode, those of verify_config() and replace_file(); the file is then unchanged.
Status update_config(const Context& context, const Config& config);

/// Reads, lets `change` do its work, and updates. Errors: as both.
Status modify_config(const Context& context, const std::function<void(Config&)>& change);

} // namespace hp::contract
