// SPDX-License-Identifier: Apache-2.0
//
// What nodes check when they adopt patch.cfg (contract protocol sections 4.1 and 5.3). An invalid
// file is ignored by new nodes; on old ones it stops the contract on the whole cluster.
//
// Threads: pure functions.
#include <hp/contract/config.hpp>

#include <algorithm>
#include <limits>
#include <set>

namespace hp::contract {
namespace {

/// Nodes refuse a larger patch.cfg.
constexpr std::size_t file_bytes_max = 1024UL * 1024;
constexpr std::uint32_t roundtime_ms_max = 3'600'000;
constexpr std::uint8_t ed25519_prefix = 0xED;

class Findings {
public:
    void expect(bool good, std::string_view path, std::string_view what) {
        if (good)
            return;
        if (!lines_.empty())
            lines_ += '\n';
        lines_.append(path).append(": ").append(what);
    }

    void expect_range(std::uint64_t value, std::uint64_t min, std::uint64_t max,
                      std::string_view path) {
        expect(value >= min && value <= max, path,
               "must be from " + std::to_string(min) + " to " + std::to_string(max));
    }

    /// Text for files, arguments and the environment: the system would cut it at a NUL, and JSON
    /// could not carry it unchanged if it were not UTF-8.
    void expect_text(std::string_view text, std::string_view path) {
        expect(text.find('\0') == std::string_view::npos, path, "must not contain a NUL character");
        expect(valid_utf8(text), path, "must be UTF-8");
    }

    [[nodiscard]] Status result() const {
        if (lines_.empty())
            return {};
        return Error(std::errc::invalid_argument, lines_);
    }

private:
    std::string lines_;
};

/// The version goes into JSON and logs that are written by hand in places.
bool is_plain(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) >= 0x20 && c != 0x7F && c != '"' && c != '\\';
    });
}

void check_unl(const std::vector<PublicKey>& unl, Findings& findings) {
    findings.expect(!unl.empty(), "unl", "must name at least one node");
    std::set<PublicKey> seen;
    for (std::size_t i = 0; i < unl.size(); ++i) {
        const std::string path = "unl[" + std::to_string(i) + "]";
        findings.expect(unl[i].bytes()[0] == ed25519_prefix, path, "must start with ed");
        findings.expect(seen.insert(unl[i]).second, path, "is there more than once");
    }
}

void check_environment(const std::vector<EnvironmentVariable>& environment, Findings& findings) {
    std::set<std::string_view> seen;
    for (const auto& [name, value] : environment) {
        const std::string path = "environment." + json_quote(name);
        findings.expect(!name.empty() && name.find('=') == std::string::npos, path,
                        "a variable's name must not be empty or contain =");
        findings.expect_text(name, path);
        findings.expect_text(value, path);
        findings.expect(seen.insert(name).second, path, "is there more than once");
    }
}

void check_limits(const RoundLimits& limits, Findings& findings) {
    constexpr std::uint64_t max = RoundLimits::value_max;
    findings.expect_range(limits.user_input_bytes, 0, max, "round_limits.user_input_bytes");
    findings.expect_range(limits.user_output_bytes, 0, max, "round_limits.user_output_bytes");
    findings.expect_range(limits.npl_output_bytes, 0, max, "round_limits.npl_output_bytes");
    findings.expect_range(limits.proc_cpu_seconds, 0, max, "round_limits.proc_cpu_seconds");
    findings.expect_range(limits.proc_mem_bytes, 0, max, "round_limits.proc_mem_bytes");
    findings.expect_range(limits.proc_ofd_count, 0, max, "round_limits.proc_ofd_count");
    findings.expect_range(limits.exec_timeout_ms, 0, std::numeric_limits<std::uint32_t>::max(),
                          "round_limits.exec_timeout");
}

} // namespace

Status verify_config(const Config& config) {
    Findings findings;
    findings.expect(!config.version.empty(), "version", "must not be empty");
    findings.expect(is_plain(config.version), "version",
                    "must not contain quotes, backslashes or control characters");
    findings.expect(valid_utf8(config.version), "version", "must be UTF-8");
    check_unl(config.unl, findings);
    findings.expect(!config.bin_path.empty(), "bin_path", "must not be empty");
    findings.expect_text(config.bin_path, "bin_path");
    findings.expect_text(config.bin_args, "bin_args");
    check_environment(config.environment, findings);
    findings.expect_range(config.consensus.roundtime_ms, 1, roundtime_ms_max,
                          "consensus.roundtime");
    findings.expect_range(config.consensus.stage_slice_percent, 1, 33, "consensus.stage_slice");
    findings.expect_range(config.consensus.threshold_percent, 1, 100, "consensus.threshold");
    check_limits(config.round_limits, findings);
    findings.expect(encode_config(config).size() <= file_bytes_max, "the file",
                    "must not have more than " + std::to_string(file_bytes_max) + " bytes");
    return findings.result();
}

} // namespace hp::contract
