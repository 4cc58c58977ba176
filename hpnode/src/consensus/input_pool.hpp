// SPDX-License-Identifier: Apache-2.0
// Candidate inputs: from arrival until they are in a ledger or refused (user-protocol.md section
// 8.4). Arrival checks answer at once; everything decided later (bad signatures, nonce clashes,
// expiry) is answered when the next ledger is assembled, in the documented order. Pure; one owner.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "consensus/nonce_records.hpp"
#include "consensus/params.hpp"
#include "hp/proto/ledger.hpp"

namespace hp::consensus {

struct Rejection {
    proto::SharedInput input;
    proto::RejectReason reason;
};

class InputPool {
public:
    struct Arrival {
        bool pending = false;                        // verify it; a verdict must follow
        std::optional<proto::RejectReason> rejected; // neither: a silent duplicate
    };
    Arrival arrive(proto::SharedInput input, const Params& params, const NonceRecords& nonces,
                   LedgerSeq lcl);

    void verified(const proto::SignedInput& input, bool signature_ok);

    // Inputs for the ledger after `lcl` in execution order, and those that can never enter one.
    // Rejected inputs leave the pool, selected ones stay until remove().
    struct Selection {
        std::vector<proto::SharedInput> inputs;
        std::vector<Rejection> rejected;
    };
    Selection select(const Params& params, const NonceRecords& nonces, LedgerSeq lcl);

    // These are decided.
    void remove(const std::vector<proto::SharedInput>& inputs);

    // Takes out candidates that can no longer enter any ledger after `lcl`.
    std::vector<proto::SharedInput> take_expired(LedgerSeq lcl);

    // Whether select() has something to do: a candidate whose verdict is there.
    bool has_ready() const { return ready_ > 0; }
    std::size_t size() const { return count_; }

private:
    enum class Verdict : std::uint8_t { awaited, good, bad };
    struct Candidate {
        proto::SharedInput input;
        Verdict verdict = Verdict::awaited;
    };
    struct User {
        std::vector<Candidate> candidates; // arrival order
        std::uint64_t payload_bytes = 0;
    };
    struct Budget; // what one ledger may still take

    void select_user(User& user, const Params& params, const NonceRecords& nonces, LedgerSeq lcl,
                     Budget& budget, Selection& out);
    template <class Predicate>
    void erase_from(User& user, Predicate leaves);
    void forget(const Candidate& candidate, User& user);

    std::map<PublicKey, User> users_;
    std::set<Hash32> hashes_; // of all candidates
    std::size_t count_ = 0;
    std::size_t container_bytes_ = 0;
    std::size_t ready_ = 0;
};

} // namespace hp::consensus
