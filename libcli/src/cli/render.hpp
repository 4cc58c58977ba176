// SPDX-License-Identifier: Apache-2.0
// Protocol values as JSON and as text for people. Pure.
#pragma once

#include "cli/json_writer.hpp"
#include "hp/client/client.hpp"

#include <string>

namespace hp::cli {

JsonObject to_json(const LedgerId& ledger);            // {"seq":..,"hash":..}
JsonObject to_json(const proto::LedgerHeader& header); // the nine fields
JsonObject to_json(const proto::QueriedLedger& ledger);
JsonObject to_json(const client::OutputProof& proof); // {"unl":..,"signed":..,"threshold":..}
JsonArray to_json(const std::vector<PublicKey>& keys);
// One element an output message: {"ledger":..,"data":..}.
JsonArray outputs_json(const proto::ContractOutput& output);

// Names padded to one column: "seq           12\n".
std::string text_row(std::string_view name, std::string_view value);

std::string to_text(const LedgerId& ledger); // "12 <hash>"
std::string to_text(const proto::QueriedLedger& ledger);
// Contract bytes as they are, one line each.
std::string outputs_text(const proto::ContractOutput& output);

} // namespace hp::cli
