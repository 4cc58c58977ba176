// SPDX-License-Identifier: Apache-2.0
// The node's key at the service of the consensus engine. Any thread.
#pragma once

#include "consensus/signer.hpp"
#include "hp/crypto/keys.hpp"

namespace hp::node {

class NodeSigner final : public consensus::Signer {
public:
    explicit NodeSigner(const crypto::KeyPair& keys) : keys_(keys) {}
    Signature sign(ByteView bytes) const override { return crypto::sign(keys_, bytes); }

private:
    crypto::KeyPair keys_;
};

} // namespace hp::node
