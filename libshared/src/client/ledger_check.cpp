// SPDX-License-Identifier: Apache-2.0
#include "hp/client/ledger_check.hpp"

#include "hp/crypto/blake3.hpp"
#include "hp/crypto/merkle.hpp"

#include <algorithm>
#include <tuple>

namespace hp::client {

ListCheck check_inputs(const proto::QueriedLedger& ledger) {
    if (!ledger.inputs) {
        return ListCheck::not_asked;
    }
    std::vector<const proto::QueriedInput*> order;
    for (const proto::QueriedInput& input : *ledger.inputs) {
        order.push_back(&input);
    }
    std::ranges::sort(order, [](const auto* a, const auto* b) {
        return std::tie(a->nonce, a->hash) < std::tie(b->nonce, b->hash);
    });
    std::vector<Hash32> hashes;
    for (const auto* input : order) {
        hashes.push_back(input->hash);
    }
    if (crypto::b3_list(hashes) == ledger.header.input_hash) {
        return ListCheck::whole;
    }
    return hashes.empty() ? ListCheck::not_kept : ListCheck::wrong;
}

ListCheck check_outputs(const proto::QueriedLedger& ledger) {
    if (!ledger.outputs) {
        return ListCheck::not_asked;
    }
    if (ledger.outputs->empty()) {
        return ledger.header.output_hash.is_zero() ? ListCheck::whole : ListCheck::not_kept;
    }
    std::vector<Hash32> leaves;
    for (const proto::QueriedOutput& output : *ledger.outputs) {
        // Private mode lists other users' hashes without their content.
        if (!output.blobs.empty() && crypto::output_hash(output.key, output.blobs) != output.hash) {
            return ListCheck::wrong;
        }
        leaves.push_back(output.hash);
    }
    std::ranges::sort(leaves);
    leaves.push_back(ledger.header.state_hash);
    const bool same = crypto::OutputTree(std::move(leaves)).root() == ledger.header.output_hash;
    return same ? ListCheck::whole : ListCheck::wrong;
}

Presence find_input(const proto::QueriedLedger& ledger, const Hash32& input) {
    const Hash32& list_hash = ledger.header.input_hash;
    if (list_hash.is_zero()) {
        return Presence::absent;
    }
    if (list_hash == crypto::b3(input.view())) { // the only one: no list needed
        return Presence::present;
    }
    if (check_inputs(ledger) != ListCheck::whole) {
        return Presence::unknown;
    }
    return std::ranges::find(*ledger.inputs, input, &proto::QueriedInput::hash) !=
                   ledger.inputs->end()
               ? Presence::present
               : Presence::absent;
}

std::string check_link(const proto::LedgerHeader& previous, const proto::LedgerHeader& next) {
    const std::string name = "ledger " + std::to_string(next.seq);
    if (next.seq != previous.seq + 1) {
        return name + " does not follow ledger " + std::to_string(previous.seq);
    }
    if (next.prev_hash != previous.hash) {
        return name + " does not continue from the hash of the one before";
    }
    if (next.timestamp_ms < previous.timestamp_ms) {
        return name + " is older than the one before";
    }
    return {};
}

} // namespace hp::client
