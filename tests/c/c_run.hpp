// SPDX-License-Identifier: Apache-2.0
//
// Runs contracts in C with the SDK's testing library, and puts patch.cfg where they look for it.
//
// Threads: one.
#pragma once

#include "contract_tests.hpp"

#include <string_view>
#include <utility>
#include <vector>

namespace hp::test {

using Strings = std::vector<std::string>;

/// As it is delivered, and with the address and undefined behaviour sanitizers.
inline Strings api_programs() {
    return {HP_API_CONTRACT, HP_API_CONTRACT_SANITIZED};
}

inline RunSpec make_api_run(std::string program, Strings args) {
    RunSpec spec;
    spec.program = std::move(program);
    spec.args = std::move(args);
    spec.timeout_ms = 60000;
    return spec;
}

/// A path beside the state directory.
inline std::string beside(const StateDir& dir, const std::string& name) {
    return dir.path() + "/../" + name;
}

/// What a node writes: section 5.1 of the contract protocol.
inline std::string plain_patch() {
    return R"({
    "version": "1.0",
    "unl": [
        ")" +
           node_key() +
           R"("
    ],
    "bin_path": "/usr/bin/contract",
    "bin_args": "",
    "environment": {},
    "max_input_ledger_offset": 10,
    "consensus": {
        "mode": "private",
        "roundtime": 1000,
        "stage_slice": 25,
        "threshold": 80
    },
    "npl": {
        "mode": "private"
    },
    "round_limits": {
        "user_input_bytes": 0,
        "user_output_bytes": 0,
        "npl_output_bytes": 0,
        "proc_cpu_seconds": 0,
        "proc_mem_bytes": 0,
        "proc_ofd_count": 0,
        "exec_timeout": 300000
    }
})";
}

/// `text` with one occurrence of `from`, which must be there, replaced.
inline std::string replaced(std::string text, std::string_view from, std::string_view to) {
    const std::size_t at = text.find(from);
    INFO("looking for " << from << " in " << text);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

} // namespace hp::test
