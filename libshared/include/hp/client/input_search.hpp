// SPDX-License-Identifier: Apache-2.0
// Finds out what became of an input that was in flight when its session ended, from the ledgers
// alone. Certain as soon as the ledgers say so; unknown when the node keeps too little of them.
// Reactor thread only.
#pragma once

#include "hp/client/client.hpp"
#include "hp/client/ledger_check.hpp"

#include <memory>

namespace hp::client {

struct FoundInput {
    // absent: in none of the ledgers searched. unknown: in none of those that could be read.
    Presence presence = Presence::unknown;
    LedgerId ledger; // present only
};

// Asks for the ledgers from `first` to `last`, one after another. `client` must outlive the
// callback or be destroyed first, which drops it.
void search_input(Client& client, const Hash32& input, LedgerSeq first, LedgerSeq last,
                  Callback<FoundInput> on_done);

} // namespace hp::client
