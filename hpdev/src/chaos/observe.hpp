// SPDX-License-Identifier: Apache-2.0
// Watches a cluster until it has done what was predicted, or long enough that it will not. Who must
// close ledgers is given time; who must not is watched for a while. Blocking; one thread.
#pragma once

#include "chaos/prediction.hpp"

#include <functional>

namespace hp::dev {

struct Observation {
    std::vector<std::string> seen;  // lines for people
    std::vector<std::string> wrong; // what is not as predicted
    bool interrupted = false;
};

// How long a cluster without quorum is watched.
std::int64_t quiet_ms(std::uint32_t roundtime_ms);
// How long to wait for ledgers that must close: generous, as machines are slow.
std::int64_t patience_ms(const Cluster& cluster, const Prediction& prediction);

// Until everything is seen or `timeout_ms` is over. `stop` ends it early.
Expected<Observation> observe(const fs::path& cluster_dir, const Prediction& prediction,
                              std::int64_t timeout_ms, const std::function<bool()>& stop);

} // namespace hp::dev
