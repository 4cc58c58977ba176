// SPDX-License-Identifier: Apache-2.0
#include "hp/client/verify.hpp"

#include "hp/crypto/keys.hpp"
#include "hp/crypto/merkle.hpp"

#include <set>

namespace hp::client {
namespace {

// Distinct validators whose signature over `root` holds; repeated pairs count once.
std::size_t count_signers(const proto::ContractOutput& output, const Hash32& root,
                          const std::set<PublicKey>& validators) {
    std::set<PublicKey> signers;
    for (const proto::UnlSignature& item : output.unl_signatures) {
        if (validators.contains(item.key) && !signers.contains(item.key) &&
            crypto::verify(item.key, root.view(), item.signature)) {
            signers.insert(item.key);
        }
    }
    return signers.size();
}

} // namespace

OutputProof verify_output(const proto::ContractOutput& output, const PublicKey& user,
                          std::span<const PublicKey> validators, double quorum) {
    const std::set<PublicKey> distinct(validators.begin(), validators.end());
    OutputProof proof{OutputProblem::none, distinct.size(), 0, quorum};
    const Hash32 own = crypto::output_hash(user, output.outputs);
    if (own != output.output_hash) {
        proof.problem = OutputProblem::content;
        return proof;
    }
    const auto root = crypto::root_of(output.hash_tree, own);
    if (!root) {
        proof.problem = OutputProblem::tree;
        return proof;
    }
    proof.signed_by = count_signers(output, *root, distinct);
    // Divided, not multiplied: 4/5 compares equal to the literal 0.8.
    const double share = distinct.empty() ? 0.0
                                          : static_cast<double>(proof.signed_by) /
                                                static_cast<double>(distinct.size());
    if (distinct.empty() || share < quorum) {
        proof.problem = OutputProblem::signatures;
    }
    return proof;
}

std::string explain(const OutputProof& proof) {
    switch (proof.problem) {
    case OutputProblem::none:
        return {};
    case OutputProblem::content:
        return "the outputs do not match their hash";
    case OutputProblem::tree:
        return "the hash tree does not contain the outputs";
    case OutputProblem::signatures:
        break;
    }
    return std::to_string(proof.signed_by) + " of " + std::to_string(proof.validators) +
           " validators signed the outputs, too few";
}

} // namespace hp::client
