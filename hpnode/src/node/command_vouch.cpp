// SPDX-License-Identifier: Apache-2.0
// What a stopped node takes the operator's word for.
// hpnode vouch: that it has no votes but those in its vote log, for when all members of a cluster
// were moved, put back or lost their votes together, and none of them can tell by itself any more.
// hpnode impose: that the contract section of hp.cfg counts without the ledger that would have to
// agree on it, for when so many members are gone for good that none can close.
#include <iostream>

#include "hp/config/contract_dir.hpp"
#include "hp/crypto/keys.hpp"
#include "hp/os/dir_lock.hpp"
#include "ledger/store.hpp"
#include "ledger/vote_log.hpp"
#include "node/agreed_config.hpp"
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

Result<std::string> impose(const config::ContractDir& dir) {
    HP_TRY_STATUS(AgreedConfig::impose(dir));
    return std::string("the contract section of hp.cfg is in force from the node's next start on");
}

int at_standstill(const std::string& directory,
                  Result<std::string> (*take_word)(const config::ContractDir& dir)) {
    const config::ContractDir dir = config::contract_dir(directory);
    auto lock = os::DirLock::acquire(dir.lock(), standstill_wait_ms);
    const auto done = lock ? take_word(dir) : Result<std::string>(fail(lock.err()));
    if (!done) {
        std::cerr << "hpnode: " << done.err().context << "\n";
        return exit_refused;
    }
    std::cout << *done << "\n";
    return exit_ok;
}

} // namespace

int command_vouch(const std::string& directory) {
    return at_standstill(directory, vouch);
}

int command_impose(const std::string& directory) {
    return at_standstill(directory, impose);
}

} // namespace hp::node
