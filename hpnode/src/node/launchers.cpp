// SPDX-License-Identifier: Apache-2.0
#include "node/launchers.hpp"

namespace hp::node {

Result<Launchers> Launchers::start(const std::vector<int>& keep_open) {
    Launchers out;
    HP_TRY(out.consensus, contract::Launcher::start(keep_open));
    HP_TRY(out.reads, contract::Launcher::start(keep_open));
    return out;
}

contract::Confinement confine_reads(const config::ContractDir& dir, config::Sandbox sandbox) {
    contract::Confinement out;
    out.sandbox = sandbox;
    out.node_dir = dir.root.string();
    for (const std::filesystem::path& hidden :
         {dir.config().parent_path(), dir.ledger_fs(), dir.log(), dir.contract_fs() / "deltas"}) {
        out.hidden.push_back(hidden.string());
    }
    return out;
}

contract::Confinement confine_consensus(const config::ContractDir& dir, config::Sandbox sandbox) {
    contract::Confinement out = confine_reads(dir, sandbox);
    out.view = dir.seed().string();
    return out;
}

} // namespace hp::node
