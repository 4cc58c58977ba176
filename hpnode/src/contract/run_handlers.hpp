// SPDX-License-Identifier: Apache-2.0
// What a run tells its owner while it goes on, and where it takes messages of other nodes from.
#pragma once

#include <functional>

#include "contract/control_message.hpp"
#include "contract/npl_inlet.hpp"

namespace hp::contract {

struct RunHandlers {
    // Called on the runner's thread, in order. Either may be empty.
    std::function<void(Bytes message)> on_npl{}; // a message sent by the contract
    std::function<void(PeerChangeset)> on_peer_changeset{};
    // Must have begun the ledger of the run and outlive it. Without, the contract only hears
    // itself.
    NplInlet* npl_inlet = nullptr;
};

} // namespace hp::contract
