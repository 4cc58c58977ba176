// SPDX-License-Identifier: Apache-2.0
// Parts of a block that this member lacks and has asked for. The engine looks at what it waits for
// after every event, and inputs come one by one: looking for all of a block's parts again each time
// would take time by the square of their number. Pure; one owner.
#pragma once

#include "consensus/block_rules.hpp"

namespace hp::consensus {

class AwaitedParts {
public:
    void clear() { *this = {}; }
    // `block`: its digest, zeros for one that is yet to be made.
    void await(const Hash32& block, const MissingParts& missing) {
        clear();
        block_ = block;
        missing_ = missing;
    }

    // Some of what this block needs is still missing for sure. Costs little. False: look for
    // everything again, because nothing is, or OPENs have come that may require more inputs.
    bool lacks(const Hash32& block, const BlockParts& parts) {
        if (block_ != block) {
            return false;
        }
        const std::size_t opens = next_open_;
        while (next_open_ < missing_.opens.size() && parts.open(missing_.opens[next_open_])) {
            ++next_open_;
        }
        if (next_open_ < missing_.opens.size()) {
            return true;
        }
        while (next_input_ < missing_.inputs.size() && parts.input(missing_.inputs[next_input_])) {
            ++next_input_;
        }
        return next_open_ == opens && next_input_ < missing_.inputs.size();
    }

private:
    Hash32 block_;
    MissingParts missing_;
    std::size_t next_open_ = 0; // those before have come
    std::size_t next_input_ = 0;
};

} // namespace hp::consensus
