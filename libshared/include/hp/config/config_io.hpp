// SPDX-License-Identifier: Apache-2.0
// hp.cfg and patch.cfg between bytes and structs. Decoding is strict (contract-protocol.md section
// 4.1: wrong types and ranges are errors, never wrapped or cut) and reports every problem at once
// with its JSON path. Encoding reproduces the documented layout byte for byte: 4 spaces, one
// element a line, no trailing newline (sections 4 and 5.1). Any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hp/base/result.hpp"
#include "hp/config/config.hpp"

namespace hp::config {

struct Problem {
    std::string path; // "contract.consensus.roundtime"; empty for the document itself
    std::string what; // "must be 1..3600000, is 0"
};

// All problems in one Error's context, one per line as "path: what".
std::string describe(const std::vector<Problem>& problems);

struct DecodedConfig {
    Config config;                 // usable only when problems is empty
    std::vector<Problem> problems; // errors
    std::vector<Problem> unknown;  // keys nobody reads; each with a "did you mean" when one is near
};

DecodedConfig decode_config(ByteView text);
std::string encode_config(const Config& config);

struct DecodedPatch {
    Patch patch;
    std::vector<Problem> problems;
};

// patch.cfg: all P fields must be there; unknown keys are ignored.
DecodedPatch decode_patch(ByteView text);
std::string encode_patch(const Patch& patch);

// An entry of mesh.known_peers: a host and a port of 1..65535. Empty when it is none.
std::optional<HostPort> parse_host_port(std::string_view text);

} // namespace hp::config
