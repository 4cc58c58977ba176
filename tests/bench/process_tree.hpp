// SPDX-License-Identifier: Apache-2.0
// Memory and processor time of a process and all its descendants, from /proc. Any thread.
#pragma once

#include "hp/base/result.hpp"

#include <cstdint>

namespace hp::bench {

struct TreeUse {
    std::size_t processes = 0;
    std::uint64_t rss_kib = 0;      // pages shared between processes count once for each
    std::uint64_t pss_kib = 0;      // ... and here once; 0 where the kernel does not tell
    std::uint64_t root_rss_kib = 0; // of the process itself
    std::int64_t cpu_us = 0;        // user and system, of children that have ended as well
};

Result<TreeUse> measure_tree(int root_pid);

} // namespace hp::bench
