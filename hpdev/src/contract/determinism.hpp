// SPDX-License-Identifier: Apache-2.0
// Whether the nodes of a cluster would agree on what a contract does, and if not, what its results
// depend on. First the runs are made by several nodes whose machines differ in everything at once.
// When they disagree, everything is held still and varied one thing at a time. Blocking.
#pragma once

#include "contract/replicas.hpp"
#include "contract/suspects.hpp"

#include <set>

namespace hp::dev {

struct Cause {
    Factor factor = Factor::other;
    std::vector<Suspect> calls; // seen in the runs that differ
};

struct Disagreement {
    Divergence divergence;
    std::vector<Cause> causes; // never empty
};

struct DeterminismOptions {
    std::size_t nodes = 5;
    std::set<Factor> allowed; // the results may depend on these
};

// Absent: the nodes agree, or differ in what is allowed only.
Result<std::optional<Disagreement>> find_disagreement(ContractRunner& runner,
                                                      const ContractSource& source,
                                                      const std::vector<RunOrder>& runs,
                                                      const DeterminismOptions& options,
                                                      const std::filesystem::path& root);

} // namespace hp::dev
