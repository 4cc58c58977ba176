// SPDX-License-Identifier: Apache-2.0
// Who owns the contract's files: the user of `contract.run_as`, where a node that runs as root
// starts the contract as somebody else.
// Values; any thread.
#pragma once

#include <cstdint>

namespace hp::state {

struct Owner {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
};

} // namespace hp::state
