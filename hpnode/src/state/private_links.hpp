// SPDX-License-Identifier: Apache-2.0
// Node-private files lie beside the state in seed/ and are the same for both views: in base/ they
// appear as symlinks. Refreshing costs one stat while nothing is created or removed in seed/.
// One owner thread.
#pragma once

#include <optional>

#include "hp/base/log.hpp"
#include "state/file_ops.hpp"
#include "state/tree.hpp"

namespace hp::state {

class PrivateLinks {
public:
    // Readers may be inside base/: each link appears or goes at once.
    Status refresh(const FileOps& ops, int seed_dir, int base_dir, const Log& log);

private:
    std::optional<Fingerprint> seen_; // of seed/, empty when it proves nothing
};

} // namespace hp::state
