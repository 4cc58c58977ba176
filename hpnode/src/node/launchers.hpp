// SPDX-License-Identifier: Apache-2.0
// The two launchers of a node: contracts run on decided ledgers may write to their view, read
// requests may not write at all, so each kind has its own helper with its own view of the machine.
#pragma once

#include <memory>

#include "contract/launcher.hpp"
#include "hp/config/contract_dir.hpp"

namespace hp::node {

struct Launchers {
    std::unique_ptr<contract::Launcher> consensus;
    std::unique_ptr<contract::Launcher> reads;

    // While the process has one thread. `keep_open` as for Launcher::start().
    static Result<Launchers> start(const std::vector<int>& keep_open);
};

// What contracts of a node are confined to.
contract::Confinement confine_consensus(const config::ContractDir& dir, config::Sandbox sandbox);
contract::Confinement confine_reads(const config::ContractDir& dir, config::Sandbox sandbox);

} // namespace hp::node
