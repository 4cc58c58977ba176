// SPDX-License-Identifier: Apache-2.0
// hpnode vouch: the operator's word that a node has no votes but those in its vote log, for when
// all members of a cluster were moved, put back or lost their votes together, and none of them can
// tell by itself any more.
#include <iostream>

#include "hp/config/contract_dir.hpp"
#include "hp/crypto/keys.hpp"
#include "hp/os/dir_lock.hpp"
#include "ledger/store.hpp"
#include "ledger/vote_log.hpp"
#include "node/commands.hpp"

namespace hp::node {
namespace {

constexpr int standstill_wait_ms = 0; // the node must stand still

Result<std::string> vouch(const config::ContractDir& dir) {
    HP_TRY(const config::LoadedConfig loaded, config::load(dir));
    HP_TRY(const auto ledgers, ledger::Store::open(dir.ledger_fs(), loaded.config.contract.id, {},
                                                   ledger::Store::Mode::read_write));
    HP_TRY(const auto head, ledgers->head());
    ledger::VoteLog::Past past;
    HP_TRY(past.mark, ledgers->vote_log_mark());
    past.head = head.ledger ? head.ledger->header.seq : 0;
    past.any = true;
    ledger::VoteLog::Options options;
    options.now_s = static_cast<std::uint64_t>(SystemClock().now().wall_ms / 1000);
    crypto::random_bytes(options.entropy.data);
    options.vouched = true;
    HP_TRY(const auto directory, os::open_store_directory(dir.ledger_fs() / "votes"));
    HP_TRY(const ledger::VoteLog::Opened opened, ledger::VoteLog::open(*directory, past, options));
    HP_TRY_STATUS(ledgers->set_vote_log_mark(opened.mark));
    return "the node stands at ledger " + std::to_string(past.head) + " and knows " +
           std::to_string(opened.records.size()) + " votes for the next one" +
           (opened.problem.empty() ? "" : " (" + opened.problem + ")") +
           "; it votes from its next start on";
}

} // namespace

int command_vouch(const std::string& directory) {
    const config::ContractDir dir = config::contract_dir(directory);
    auto lock = os::DirLock::acquire(dir.lock(), standstill_wait_ms);
    const auto done = lock ? vouch(dir) : Result<std::string>(fail(lock.err()));
    if (!done) {
        std::cerr << "hpnode: " << done.err().context << "\n";
        return exit_refused;
    }
    std::cout << *done << "\n";
    return exit_ok;
}

} // namespace hp::node
