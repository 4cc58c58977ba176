// SPDX-License-Identifier: Apache-2.0
// When the next round opens (consensus.md 6.4.5): every roundtime when idle, without drift; within
// milliseconds of an input when eager, as long as credits last. Credits (one a roundtime, capped)
// keep the long-run pace at two ledgers a roundtime, so that a client's max_ledger_seq_no offset
// keeps its meaning. Pure; one owner.
#pragma once

#include <cstdint>
#include <optional>

#include "consensus/params.hpp"

namespace hp::consensus {

class Pace {
public:
    Pace(const Params& params, std::int64_t now_us);

    void change(const Params& params);

    // The earliest time to open given what waits: inputs since `inputs_since_us` (empty: none),
    // outputs not yet confirmed. May be in the past.
    std::int64_t due_us(std::int64_t now_us, std::optional<std::int64_t> inputs_since_us,
                        bool outputs_wait) const;

    // A round opens now. Consumes a credit when it is ahead of the idle tick.
    void opened(std::int64_t now_us);

private:
    void accrue(std::int64_t now_us);

    std::int64_t round_us_;
    bool eager_;
    std::int64_t credits_max_;
    std::int64_t credits_;
    std::int64_t credited_until_us_; // time up to which credits were handed out
    std::int64_t next_idle_us_;
};

} // namespace hp::consensus
