// SPDX-License-Identifier: Apache-2.0
// Upgrades as they happen in production: the bundle is an input that a contract of the template
// "upgrader" puts in its own place (templates/upgrader, whose requests and answers these are). It
// is sent by hpcli, so keys, trust and receipts are what users have. Blocking; one thread.
#pragma once

#include "cluster/deploy.hpp"

#include <string>
#include <vector>

namespace hp::dev {

struct UpgradeWish {
    std::string version;           // empty: the one that runs, its last number one higher
    std::vector<std::string> keys; // of hpcli: the first sends, all approve; none: its default
    std::int64_t timeout_ms = 0;
};

struct Upgraded {
    std::string old_version, new_version;
    Deployed deployed; // `ledger`: the first that the new program runs for
};

// Sends plan.copy's files, waits until the contract has taken them over and every running node
// says the new version. An upgrade that the contract takes back is ErrorId::contract_failed.
Expected<Upgraded> upgrade_through_consensus(const Cluster& cluster, const DeployPlan& plan,
                                             const UpgradeWish& wish);

} // namespace hp::dev
