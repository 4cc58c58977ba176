// SPDX-License-Identifier: Apache-2.0
// hpnode impose: the operator's word that the contract section of hp.cfg counts without the ledger
// that would have to agree on it, for when so many members are gone for good that none can close.
#include <iostream>

#include "hp/os/dir_lock.hpp"
#include "node/agreed_config.hpp"
#include "node/commands.hpp"

namespace hp::node {
namespace {

constexpr int standstill_wait_ms = 0; // the node must stand still

} // namespace

int command_impose(const std::string& directory) {
    const config::ContractDir dir = config::contract_dir(directory);
    auto lock = os::DirLock::acquire(dir.lock(), standstill_wait_ms);
    const auto done = lock ? AgreedConfig::impose(dir) : Status(fail(lock.err()));
    if (!done) {
        std::cerr << "hpnode: " << done.err().context << "\n";
        return exit_refused;
    }
    std::cout << "the contract section of hp.cfg is in force from the node's next start on\n";
    return exit_ok;
}

} // namespace hp::node
