// SPDX-License-Identifier: Apache-2.0
// What a queried ledger proves by itself (user-protocol.md 12 and 13): its header commits to the
// inputs it holds and to the outputs it confirms, so listings can be checked against it, and an
// input that is not listed is known not to be there. Nodes that keep no raw data send empty lists;
// those show in the same way. Pure; any thread.
#pragma once

#include "hp/proto/user_message.hpp"

#include <cstdint>
#include <string>

namespace hp::client {

enum class ListCheck : std::uint8_t {
    not_asked, // the list was not queried
    whole,     // the list is what the header commits to
    not_kept,  // the node has lost or never kept it
    wrong,     // neither empty nor what the header commits to
};

ListCheck check_inputs(const proto::QueriedLedger& ledger);
ListCheck check_outputs(const proto::QueriedLedger& ledger);

enum class Presence : std::uint8_t { absent, present, unknown };

// Whether the input with this hash is in `ledger`, which was queried with inputs.
Presence find_input(const proto::QueriedLedger& ledger, const Hash32& input);

// Empty when `next` may follow `previous`; otherwise what is wrong with it.
std::string check_link(const proto::LedgerHeader& previous, const proto::LedgerHeader& next);

} // namespace hp::client
