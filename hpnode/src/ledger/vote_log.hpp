// SPDX-License-Identifier: Apache-2.0
// The vote log (write-ahead log of agreement, consensus.md 6.4.8): what this node has promised at
// the height being agreed on, durable before anybody hears of it, so that no crash makes it promise
// something else. One file, `log`, of a fixed size in a directory of its own:
//
//   append()   adds one frame: one write, one fdatasync, no metadata. When the file is full, a new
//              one with the records that still matter takes its place atomically.
//   decided()  lets records go; costs nothing until the file is full.
//   open()     gives back the records, and says whether they are all: a log that is missing,
//              damaged, a copy, or older than the ledgers may lack votes. It is set aside for the
//              operator, and the node follows without voting until no vote of its past can matter
//              any more (Engine::may_have_forgotten()). That is remembered here, across starts,
//              until set_complete(true). Every open begins a new file: what was read from the old
//              one may be in memory only, though its sync was reported as done or never came.
//
// How a restored log is recognised, each for what the others miss: the file's inode and time of
// birth are in its header, so a copy is known by itself; its random id and the number of starts are
// in the ledger store as well (VoteLogMark), so an exchanged or older log, or an older ledger
// store, does not fit. What no node can see alone is its whole disk put back to an earlier moment
// (a snapshot), or a file written over in place: the engine notices when others show it votes of
// its own that it does not know.
//
// A failure means "unknown": every later append fails, too, and the node has to stop and recover.
// One owner thread.
#pragma once

#include <memory>
#include <span>

#include "ledger/vote_file.hpp"

namespace hp::ledger {

// What the ledger store knows about the vote log.
struct VoteLogMark {
    VoteLogId id;
    std::uint64_t incarnation = 0; // of the node's last start
    bool operator==(const VoteLogMark&) const = default;
};

class VoteLog {
public:
    // What the rest of the node remembers.
    struct Past {
        std::optional<VoteLogMark> mark{}; // from the ledger store; empty before the first start
        LedgerSeq head = 0;                // newest ledger in the store
        bool any = false; // there are ledgers, or this key has been used for votes before
    };
    struct Options {
        std::uint64_t now_s = 0; // since 1970: incarnations are not below it
        Hash32 entropy;          // fresh random bytes
        std::size_t file_bytes = 1024UL * 1024;
        // The operator says that nothing is missing: all nodes of the cluster stand still, and were
        // moved or restored together.
        bool vouched = false;
    };
    struct Opened {
        std::unique_ptr<VoteLog> log;
        VoteLogMark mark; // the caller makes it durable in the ledger store before the first append
        std::vector<VoteRecord> records; // of heights above `head`, in the order written
        std::string problem; // why votes may be missing, if that shows now; for the operator
    };
    // `directory` must outlive the log.
    static Result<Opened> open(os::StoreDirectory& directory, const Past& past,
                               const Options& options);

    // Durable when it returns.
    Status append(std::span<const VoteRecord> records);

    // Ledgers up to `seq` are durable in the ledger store.
    void decided(LedgerSeq seq);

    // Whether the log knows every vote of this node that can still matter.
    bool is_complete() const { return complete_; }
    Status set_complete(bool complete);

    // Higher at every start, also when the log is lost.
    std::uint64_t incarnation() const { return incarnation_; }

private:
    VoteLog(os::StoreDirectory& directory, const Past& past, const Options& options);

    // What is wrong, if anything; the log is open in any case.
    Result<std::string> recover(const Past& past, bool vouched);
    Result<std::string> read_old(const Past& past, bool vouched);
    Status put(std::span<const VoteRecord> records);
    Status begin_file(bool keep_old);
    Status set_aside();
    std::array<std::uint8_t, 16> random();

    os::StoreDirectory& directory_;
    Hash32 entropy_;
    std::uint64_t draws_ = 0;
    std::size_t file_bytes_min_;
    VoteFileHeader header_{}; // of the file
    std::unique_ptr<os::StoreFile> file_;
    std::uint64_t frames_ = 0; // in the file
    std::uint64_t end_ = 0;
    std::uint64_t incarnation_ = 0;
    bool complete_ = true;
    LedgerSeq decided_;
    std::vector<VoteRecord> kept_; // above decided_
    bool failed_ = false;
};

} // namespace hp::ledger
