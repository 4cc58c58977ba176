// SPDX-License-Identifier: Apache-2.0
// Outputs with everything that proves them, in a file: whoever trusts the validators' keys can
// check it later, without any node. Pure but for reading and writing the file.
#pragma once

#include "cli/errors.hpp"
#include "hp/client/client.hpp"

#include <optional>
#include <string>

namespace hp::cli {

struct ProofFile {
    std::string contract_id;
    PublicKey user;
    std::optional<client::SentInput> input; // that was answered
    LedgerId input_ledger;                  // with `input`
    proto::ContractOutput output;
};

tl::expected<void, Failure> write_proof(const std::string& path, const ProofFile& proof);
tl::expected<ProofFile, Failure> read_proof(const std::string& path);

} // namespace hp::cli
