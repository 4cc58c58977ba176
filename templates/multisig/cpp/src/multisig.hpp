// SPDX-License-Identifier: Apache-2.0
// The two halves of the contract: signatures.cpp makes and checks the signatures of nodes, and
// ledger.cpp is a stand-in for a ledger with accounts of several signers, such as the XRP Ledger,
// so that this template needs no network: it moves funds when enough of its signers have signed,
// and takes every sequence number once. With a real ledger submit() would send the signed order
// there.
//
// The book is one JSON document: {"sequence","quorum","signers":[{"number","key"}],"funds",
// "balances":{}}. A signed order is {"order":"1 pay bob 5","signatures":[{"number","signature"}]},
// with Ed25519 signatures as hex texts.
#pragma once

#include <hp/contract/state.hpp>

namespace multisig {

using hp::contract::Value;

/// The order with signatures of the nodes, by two exchanges of messages: every node signs; then
/// every node says which signatures it has heard, because not all need have heard the same. The
/// list of more than two thirds of the UNL counts. Null if there is none.
[[nodiscard]] Value collect(hp::contract::Context& c, const Value& book, const std::string& order);

/// The valid ones of `signatures`: one for each signer, in the book's order of signers.
[[nodiscard]] Value verified(const Value& book, std::string_view order, const Value& signatures);

/// "pay bob 5" and the next sequence number: "1 pay bob 5". Empty if it is no request.
[[nodiscard]] std::string make_order(const Value& book, std::string_view request);

/// Carries out a signed order, or says why not.
[[nodiscard]] Value submit(Value& book, const Value& signed_order);

} // namespace multisig
