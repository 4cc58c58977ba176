// SPDX-License-Identifier: Apache-2.0
// The engine's way to sign: a pure function of the bytes (Ed25519 is), given by the driver so that
// the engine never sees a private key and simulations can use cheap signatures.
#pragma once

#include "hp/base/ids.hpp"

namespace hp::consensus {

class Signer {
public:
    virtual ~Signer() = default;
    virtual Signature sign(ByteView bytes) const = 0;
};

} // namespace hp::consensus
