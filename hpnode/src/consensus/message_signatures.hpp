// SPDX-License-Identifier: Apache-2.0
// Whether everything in a message is signed as it says: what the driver makes sure of before the
// engine sees a message (event.hpp). Whose signatures count is not looked at here. Pure; any
// thread: this is most of what a busy member computes.
#pragma once

#include "consensus/messages.hpp"

namespace hp::consensus {

// The height a message is about; its signatures are bound to the UNL of that height. Empty for
// requests and bodies that prove themselves.
std::optional<LedgerSeq> height_of(const Message& message);

// Who says it, as a member; empty for what has no single speaker.
std::optional<PublicKey> signer_of(const Message& message);

// Errc::denied names what is not signed. Inputs outside of ledgers are not looked at: the engine
// has each of them checked once.
Status verify_signatures(const Domain& domain, const Message& message);

} // namespace hp::consensus
