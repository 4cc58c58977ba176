// SPDX-License-Identifier: Apache-2.0
// Builds the index of a directory tree from disk. With an earlier index of the same directory only
// entries whose stat data differ (or prove nothing) are read again; the rest costs one stat.
// Never follows symlinks. One owner thread.
#pragma once

#include <optional>

#include "hp/base/limits.hpp"
#include "hp/base/result.hpp"
#include "state/chunk_reader.hpp"
#include "state/file_ops.hpp"
#include "state/touched.hpp"
#include "state/tree.hpp"
#include "tracked/written.hpp"

namespace hp::state {

struct WalkRules {
    enum class Special { remove, refuse, skip }; // sockets, fifos, devices: they are no content
    Special special = Special::skip;
    // Give everything its canonical mode, break hard links and take away locks, so that the tree
    // behaves the same on every node whatever its history.
    bool canonicalise = false;
    // The user whose files these are, when another one reads them: a hard link to a file of
    // somebody else is then no content, or the node would read for the contract what it may not.
    std::optional<std::uint32_t> owner_uid = {};
    std::uint64_t bytes_max = limits::state_bytes_max; // of all files together
};

struct WalkTotals {
    std::uint64_t entries = 0;
    std::uint64_t bytes = 0;
};

WalkTotals totals_of(const Entry& tree); // of what is below

struct WalkStats : WalkTotals {
    std::uint64_t read_bytes = 0; // of files, to hash them
    std::uint64_t removed_special = 0;
    std::string first_special; // name of one of them, for the log
};

class Walker {
public:
    // `written`, if known: what has been written since the tree given as `before` was hashed. May
    // leave out files, and may be null.
    Walker(const FileOps& ops, WalkRules rules, const tracked::Written* written = nullptr)
        : ops_(ops), rules_(rules), written_(written) {}

    // The directory open as `fd`. `before` may be null. Errc::too_large over a limit of the state.
    Result<EntryPtr> tree(int fd, const EntryPtr& before);

    // The same when it is known what may have changed since `before`, whose totals these are. On an
    // error nothing is certain: walk the whole tree.
    Result<EntryPtr> touched_tree(int fd, const EntryPtr& before, const WalkTotals& totals,
                                  const Touched& touched);

    // One regular file, whatever its name; `st` as just read. It is read again when stat cannot
    // prove that it is as before, or is not to be asked.
    enum class Stat {
        trusted,
        of_no_interest, // the kernel says that it was written to
        enough,         // the kernel says that it was not: equal data need not be old as well
    };
    Result<EntryPtr> file(int dir, const std::string& name, struct stat st, const EntryPtr& before,
                          Stat stat = Stat::trusted);

    const WalkStats& stats() const { return stats_; }

private:
    Result<EntryPtr> directory(int fd, const EntryPtr& before, std::size_t depth);
    // Looks at the known children of a directory whose list of names has not changed. True when
    // all are as before, otherwise `children` is the new list.
    Result<bool> revisit(int fd, const Entry& before, std::size_t depth,
                         std::vector<Child>& children);
    Result<std::vector<Child>> list(int fd, const Entry* before, std::size_t depth);
    // Null when the entry is no content.
    Result<EntryPtr> entry(int dir, const std::string& name, const EntryPtr& before,
                           std::size_t depth, Stat stat = Stat::trusted);
    Result<EntryPtr> subdirectory(int dir, const std::string& name, const struct stat& st,
                                  const EntryPtr& before, std::size_t depth);
    Result<EntryPtr> symlink(int dir, const std::string& name, const struct stat& st,
                             const EntryPtr& before);
    Status special(int dir, const std::string& name);
    Status count(const struct stat& st);
    Status check_totals() const;
    void uncount(const Entry& entry);
    Result<EntryPtr> touched_directory(int fd, const EntryPtr& before, const Touched& touched,
                                       std::size_t depth);
    Result<EntryPtr> touched_child(int fd, const std::string& name, const EntryPtr& before,
                                   const Touched& touched, std::size_t depth);
    Status hash_content(int fd, const EntryPtr& before, const struct stat& st, Entry& out);
    bool is_foreign_link(const struct stat& st) const;
    void unlock(int fd) const;

    const FileOps& ops_;
    WalkRules rules_;
    const tracked::Written* written_;
    WalkStats stats_;
    bool check_at_end_ = false; // of the limits
    ChunkReader reader_;
};

} // namespace hp::state
