// SPDX-License-Identifier: Apache-2.0
// The disk of one simulated node as far as its vote log goes: the production log code, over blocks
// that are lost or torn when the power fails, and what bad luck and operators do to log files.
// Owned by the node's Host.
#pragma once

#include "consensus/agreement.hpp"
#include "ledger/vote_log.hpp"
#include "random.hpp"
#include "virtual_disk.hpp"

namespace hp::sim {

class Disk {
public:
    explicit Disk(std::uint64_t seed) : disk_(seed), seed_(seed) {}

    struct Started {
        std::vector<consensus::LogRecord> records;
        std::string problem; // votes may be missing
    };
    // `head`: the newest ledger on disk.
    Started start(LedgerSeq head, std::uint64_t now_s);
    // The mark is in the ledger store from now on, and the node may vote.
    void started();

    // False: the disk has failed, and the node has to stop.
    bool append(const std::vector<consensus::LogRecord>& records);
    // The node dies while it appends: before, during or after one of the operations.
    void die_appending(const std::vector<consensus::LogRecord>& records, Random& random);
    void fail_next_append(Random& random);
    void decided(LedgerSeq seq);

    bool is_complete() const { return log_ && log_->is_complete(); }
    void set_complete(bool complete);
    std::uint64_t incarnation() const { return log_->incarnation(); }

    // The process ends; with the power, or by a signal that leaves the kernel's memory alone.
    void stop(bool power_fails);

    // While stopped: the log is lost, damaged, or put back from a copy. Says what.
    std::string spoil(Random& random);
    // While stopped: an old copy, and the ledger store that goes with it.
    void make_backup();
    void restore_backup();

private:
    test::VirtualDisk disk_;
    std::uint64_t seed_;
    std::uint64_t starts_ = 0;
    std::unique_ptr<ledger::VoteLog> log_;
    std::optional<ledger::VoteLogMark> mark_; // in the ledger store
    std::optional<ledger::VoteLogMark> next_mark_;
    struct Backup {
        std::optional<Bytes> log; // empty: it had been lost by then
        std::optional<ledger::VoteLogMark> mark;
    };
    std::optional<Backup> backup_;
};

} // namespace hp::sim
