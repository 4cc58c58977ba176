// SPDX-License-Identifier: Apache-2.0
// Whether honest members that all restart from given logs decide once the network is good and the
// faulty members are silent: liveness from one situation. A pure function.
#pragma once

#include "model.hpp"

namespace hp::agree {

// `logs`: of the honest members 0, 1...; `first_leader`: who leads attempt 0.
Outcome complete(const Cluster& cluster, const std::vector<std::vector<consensus::LogRecord>>& logs,
                 std::size_t first_leader);

} // namespace hp::agree
