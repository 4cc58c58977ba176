// SPDX-License-Identifier: Apache-2.0
// A stand-in for a ledger with accounts of several signers, such as the XRP Ledger, so that this
// template needs no network: it moves funds when enough of its signers have signed, and takes every
// sequence number once. With a real ledger submit() would send the signed order there.
//
// The book is one JSON document: {"sequence","quorum","signers":[{"number","key"}],"funds",
// "balances":{}}.
#pragma once

#include <hp/contract/value.hpp>

#include <string>
#include <string_view>

namespace ledger {

/// "pay bob 5" and the next sequence number: "1 pay bob 5". Empty if it is no request.
[[nodiscard]] std::string make_order(const hp::contract::Value& book, std::string_view request);

/// Carries out a signed order, or says why not.
[[nodiscard]] hp::contract::Value submit(hp::contract::Value& book,
                                         const hp::contract::Value& signed_order);

} // namespace ledger
