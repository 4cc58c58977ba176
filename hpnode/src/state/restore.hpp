// SPDX-License-Identifier: Apache-2.0
// Makes the live view equal to a committed tree, writing only what differs: after a discarded run,
// and at start-up after a crash. Content comes from base/ and the deltas that wait to be applied
// to it, and every chunk is checked against the hash it must have before it is written.
// Not crash-safe by itself and need not be: start-up does it again.
// One owner thread, no contract process alive.
#pragma once

#include <deque>

#include "state/chunk_reader.hpp"
#include "state/delta.hpp"
#include "state/file_ops.hpp"
#include "state/tree.hpp"

namespace hp::state {

// The bytes of the committed state: base/ with the waiting deltas on top.
class CommittedContent {
public:
    enum class Base {
        unchecked,
        just_read, // and found to be as committed: whole files may be copied without a look
    };

    CommittedContent(const FileOps& ops, int base_dir, const std::deque<SharedDelta>& pending,
                     Base base = Base::unchecked)
        : pending_(pending), base_(base), cursor_(ops, base_dir, DirCursor::Missing::fail) {}

    // Selects the file whose chunks are read next.
    void open(const std::string& path, const Entry& file);
    // The bytes of one chunk, valid until the next call; Errc::corrupt if they hash differently.
    Result<ByteView> chunk(std::uint32_t index);
    // All of it to the empty file `to`, by the kernel. False when it has to be done by chunks.
    Result<bool> copy_all(const FileOps& ops, int to);

private:
    struct Source {
        const Delta* delta;
        const DeltaChange* change;
    };
    Result<std::size_t> fetch(std::uint32_t index, std::size_t length);
    Status open_base_file();

    const std::deque<SharedDelta>& pending_;
    Base base_;
    DirCursor cursor_;
    std::string path_;
    const Entry* file_ = nullptr;
    std::vector<Source> sources_; // newest first
    os::Fd base_file_;
    ChunkBuffer buffer_;
};

class Restorer {
public:
    // With `trust_stat`, live entries whose stat data fit those in the target are left alone;
    // without it (start-up, where the target was read from base/) all content is compared.
    Restorer(const FileOps& ops, CommittedContent& content, bool trust_stat)
        : ops_(ops), content_(content), trust_stat_(trust_stat) {}

    // `path` of the directory as in deltas. Returns the target with the stat data of live.
    Result<EntryPtr> directory(int fd, const std::string& path, const EntryPtr& target);
    Result<EntryPtr> file(int dir, const std::string& name, const std::string& path,
                          const EntryPtr& target);

    std::uint64_t restored() const { return restored_; } // entries that had to be changed

private:
    Status remove_extras(int fd, const Entry& target);
    Result<EntryPtr> entry(int dir, const Child& child, const std::string& path);
    Result<EntryPtr> subdirectory(int dir, const Child& child, const std::string& path);
    Result<EntryPtr> symlink(int dir, const Child& child);
    Result<os::Fd> open_for_restore(int dir, const std::string& name, const Entry& target,
                                    std::uint64_t& live_size);
    Result<bool> restore_chunks(int fd, const Entry& target, std::uint64_t live_size);

    const FileOps& ops_;
    CommittedContent& content_;
    bool trust_stat_;
    std::uint64_t restored_ = 0;
    ChunkReader reader_;
};

} // namespace hp::state
