// SPDX-License-Identifier: Apache-2.0
// Candidate inputs of users here and elsewhere: from arrival until they are in a ledger or can no
// longer get into one (user-protocol.md section 8.4). Arrival checks answer at once; everything
// decided later (bad signatures, nonce clashes, expiry) is answered with the next ledger, in the
// documented order. Pure; one owner.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <tuple>
#include <vector>

#include "consensus/nonce_records.hpp"
#include "consensus/params.hpp"
#include "hp/proto/ledger.hpp"

namespace hp::consensus {

struct Rejection {
    proto::SharedInput input;
    proto::RejectReason reason;
};

// An input's hash is that of its signature alone (8.2), so anybody can send other content under the
// hash of an input that they have seen: such copies have to be told apart until their signatures
// are checked. Ordered by hash first.
struct InputContentOrder {
    using is_transparent = void;
    bool operator()(const proto::SharedInput& a, const proto::SharedInput& b) const {
        return std::tie(a->hash, a->user, a->encoding, a->container) <
               std::tie(b->hash, b->user, b->encoding, b->container);
    }
    bool operator()(const proto::SharedInput& a, const Hash32& b) const { return a->hash < b; }
    bool operator()(const Hash32& a, const proto::SharedInput& b) const { return a < b->hash; }
};

class InputPool {
public:
    struct Arrival {
        bool pending = false;                        // verify it; a verdict must follow
        std::optional<proto::RejectReason> rejected; // neither: a silent duplicate
    };
    Arrival arrive(proto::SharedInput input, const Params& params, const NonceRecords& nonces,
                   LedgerSeq lcl);

    void verified(const proto::SharedInput& input, bool signature_ok);

    // What the ledger after `lcl` can take, in execution order. Those in `required`, which ascends,
    // do not wait for inputs of the same user that are still being verified. Everything stays in
    // the pool.
    std::vector<proto::SharedInput> select(const Params& params, const NonceRecords& nonces,
                                           LedgerSeq lcl,
                                           std::span<const Hash32> required = {}) const;

    // Ledger `lcl` is decided with these inputs, and `nonces` know it: they leave, and so does what
    // can never enter a ledger any more, in the order refused, then expired.
    std::vector<Rejection> settle(const std::vector<proto::SharedInput>& decided,
                                  const NonceRecords& nonces, LedgerSeq lcl);

    // A candidate with a good signature, or null.
    proto::SharedInput find(const Hash32& hash) const;
    // A candidate with this hash is here, and its signature still being checked.
    bool is_awaited(const Hash32& hash) const;

    // Whether a ledger would have something to do: a candidate whose verdict is there.
    bool has_ready() const { return ready_ > 0; }
    std::size_t size() const { return candidates_.size(); }

private:
    enum class Verdict : std::uint8_t { awaited, good, bad };
    struct Candidate {
        proto::SharedInput input{};
        Verdict verdict = Verdict::awaited;
        bool leaving = false;
    };
    struct User {
        std::vector<Candidate*> candidates; // arrival order; owned by candidates_
        std::uint64_t payload_bytes = 0;
    };
    using Users = std::map<PublicKey, User>;
    struct Selection; // one call of select()

    static void select_user(const User& user, Selection& out);
    // Forgets the user's candidates that are marked as leaving, and a user without any.
    Users::iterator sweep(Users::iterator user);

    std::map<proto::SharedInput, Candidate, InputContentOrder> candidates_; // addresses stay valid
    Users users_;
    std::size_t container_bytes_ = 0;
    std::size_t ready_ = 0; // candidates with a verdict
};

} // namespace hp::consensus
