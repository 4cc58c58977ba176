// SPDX-License-Identifier: Apache-2.0
// Proof that outputs are the cluster's and not just one node's (user-protocol.md 9.4 to 9.7):
// their hash, the path to the round's root, and enough validator signatures over that root.
// Pure; any thread.
#pragma once

#include "hp/base/ids.hpp"
#include "hp/proto/user_message.hpp"

#include <cstddef>
#include <span>
#include <string>

namespace hp::client {

inline constexpr double default_quorum = 0.8; // the published client's fixed share

enum class OutputProblem : std::uint8_t {
    none,
    content,    // the outputs do not hash to output_hash
    tree,       // the hash tree has no place for them
    signatures, // too few of the validators signed the root
};

struct OutputProof {
    OutputProblem problem = OutputProblem::none;
    std::size_t validators = 0; // distinct keys counted against
    std::size_t signed_by = 0;  // how many of them signed
    double quorum = default_quorum;

    bool ok() const { return problem == OutputProblem::none; }
};

// Signatures count when they verify and their key is in `validators`; none there is no proof.
OutputProof verify_output(const proto::ContractOutput& output, const PublicKey& user,
                          std::span<const PublicKey> validators, double quorum);

// One sentence for people; empty when the proof holds.
std::string explain(const OutputProof& proof);

} // namespace hp::client
