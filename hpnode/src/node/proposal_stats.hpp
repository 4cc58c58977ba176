// SPDX-License-Identifier: Apache-2.0
// How long members' proposals (their OPENs) for one ledger took to get here, and to be read once
// they were here: what users who subscribe to health events are told of each ledger
// (user-protocol.md section 11). Pure; one owner.
#pragma once

#include <algorithm>
#include <set>

#include "hp/base/ids.hpp"
#include "hp/base/time.hpp"
#include "hp/proto/user_message.hpp"

namespace hp::node {

class ProposalStats {
public:
    // Only the first of a member counts: it says the same again as long as it has to. The clocks
    // are of two machines, so the time between them may be negative, which counts as none.
    void add(const PublicKey& member, TimeMs comm_ms, TimeMs read_ms) {
        if (members_.insert(member).second) {
            add(comm_, comm_ms);
            add(read_, read_ms);
        }
    }

    // Of the ledger that is decided; those of the next one begin.
    proto::ProposalHealth take() {
        const proto::ProposalHealth out{of(comm_), of(read_), members_.size()};
        *this = {};
        return out;
    }

private:
    struct Sum {
        std::uint64_t min = UINT64_MAX;
        std::uint64_t max = 0;
        std::uint64_t sum = 0;
    };
    static void add(Sum& sum, TimeMs ms) {
        const auto value = static_cast<std::uint64_t>(std::max<TimeMs>(ms, 0));
        sum.min = std::min(sum.min, value);
        sum.max = std::max(sum.max, value);
        sum.sum += value;
    }
    proto::MinMaxAvg of(const Sum& sum) const {
        return members_.empty() ? proto::MinMaxAvg{}
                                : proto::MinMaxAvg{sum.min, sum.max, sum.sum / members_.size()};
    }

    std::set<PublicKey> members_;
    Sum comm_;
    Sum read_;
};

} // namespace hp::node
