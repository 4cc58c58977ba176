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
    std::size_t size() const { return candidates_.size(); }

private:
    enum class Verdict : std::uint8_t { awaited, good, bad };
    struct Candidate {
        proto::SharedInput input;
        Verdict verdict = Verdict::awaited;
        bool leaving = false;
    };
    struct User {
        std::vector<Candidate*> candidates; // arrival order; owned by candidates_
        std::uint64_t payload_bytes = 0;
    };
    using Users = std::map<PublicKey, User>;
    struct Budget; // what one ledger may still take

    void select_user(const User& user, const Params& params, const NonceRecords& nonces,
                     LedgerSeq lcl, Budget& budget, Selection& out);
    // Forgets the user's candidates that are marked as leaving, and a user without any.
    Users::iterator sweep(Users::iterator user);

    std::map<Hash32, Candidate> candidates_; // by input hash; addresses stay valid
    Users users_;
    std::size_t container_bytes_ = 0;
    std::size_t ready_ = 0; // candidates with a verdict
};

} // namespace hp::consensus
