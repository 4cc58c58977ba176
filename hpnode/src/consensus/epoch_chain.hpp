// SPDX-License-Identifier: Apache-2.0
// How a node that cannot get ledgers one by one comes to trust the newest (consensus.md 6.4.10):
// each ledger that names another configuration than the one before, with the certificate of those
// who decided it, is kept for ever as a link of some hundred bytes. Whoever trusts one UNL follows
// the links to the UNL of today, and takes the newest ledger that one has certified, with all it
// takes to go on from there. Pure values; any thread.
#pragma once

#include <set>

#include "consensus/messages.hpp"
#include "consensus/nonce_records.hpp"

namespace hp::consensus {

// A decided ledger without users, inputs and evidence: they are in the digests.
struct EpochLink {
    proto::LedgerHeader header;
    Hash32 nonce;
    Hash32 recent_hash;
    Hash32 rest_digest; // of the block
    SharedCertificate commit;
};

EpochLink make_link(const Block& block, const SharedCertificate& commit);
Bytes encode_link(const EpochLink& link);
Result<EpochLink> decode_link(ByteView bytes); // the hash is recomputed; nothing is verified

// Whom to believe about the next ledgers.
struct Trust {
    Hash32 contract_id_hash;
    std::set<PublicKey> unl;
    unsigned threshold_percent = 0;
};

// Whether a quorum of those trusted has decided this ledger.
bool certifies(const Trust& trust, const EpochLink& link);

// Links as they travel, with the configurations they name. None above what was asked for: the
// asker has them all.
struct EpochPage {
    LedgerSeq newest = 0; // ledger of the sender
    struct Entry {
        Bytes link;   // encoded
        Bytes config; // content; empty when the sender does not have it
    };
    std::vector<Entry> epochs;
};
Bytes encode_page(const EpochPage& page);
Result<EpochPage> decode_page(ByteView bytes);

// The newest ledger and what members remember with it.
struct Snapshot {
    SharedCertifiedLedger ledger;
    std::vector<RecentUser> recent;
    NonceRecords nonces; // made of `recent`
};
using SharedSnapshot = std::shared_ptr<const Snapshot>;

// `inputs` as of proto::encode_inputs().
Bytes encode_snapshot(ByteView proof, ByteView inputs, const std::vector<RecentUser>& recent);
// Checks that the parts belong together, and the users' signatures; the certificate is the
// caller's to check, by certifies(trust, make_link(...)).
Result<SharedSnapshot> decode_snapshot(ByteView bytes);

} // namespace hp::consensus
