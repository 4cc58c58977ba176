// SPDX-License-Identifier: Apache-2.0
// The tree in contract_fs/staging/ that a synced state is put together in: state/ and patch.cfg. It
// may hold anything left by an earlier attempt, or by whoever had access to the disk: nothing in it
// is followed out of it, and what is of the wrong kind is replaced. Nothing is synced to disk here;
// a crash leaves a tree that the next attempt reads, hashes and goes on with.
// One owner thread.
#pragma once

#include <string>
#include <vector>

#include "state/chunk_reader.hpp"
#include "state/file_ops.hpp"
#include "state/sync/description.hpp"
#include "state/tree.hpp"

namespace hp::state::sync {

inline constexpr const char* staging_name = "staging";

class Staging {
public:
    // `root_dir` is contract_fs/. Opens what is there, or makes it.
    static Result<Staging> open(const FileOps& ops, int root_dir);

    // What is there, by its content. Special files are removed.
    Result<Trees> scan(const Trees& before) const;

    // Paths are "patch.cfg", "state" or "state/...".
    Status make_directory(const std::string& path, const std::vector<ListedChild>& children);
    Status make_symlink(const std::string& path, const std::string& target);
    // A regular file of this size and mode; its content so far is kept only with `keep`.
    Status prepare_file(const std::string& path, bool executable, std::uint64_t size, bool keep);
    // From chunk `first` on.
    Status write_chunks(const std::string& path, std::uint32_t first, ByteView content);
    Status zero_chunk(const std::string& path, std::uint32_t index);
    Status remove(const std::string& path);

    // From base/, whole or one chunk of the file at the same path. False when the content there is
    // not what it should be; what was copied by then is not removed.
    Result<bool> copy_tree(const std::string& path, const Entry& entry);
    Result<bool> copy_chunk(const std::string& path, std::uint32_t index, std::size_t length,
                            const Hash32& hash);

private:
    Staging(const FileOps& ops, os::Fd root, os::Fd top)
        : ops_(ops), root_(std::move(root)), top_(std::move(top)) {}
    Result<int> parent_of(const std::string& path);
    Result<int> file_at(const std::string& path);
    Result<bool> copy_file(const std::string& path, const Entry& entry);

    FileOps ops_;
    os::Fd root_;
    os::Fd top_; // staging/
    // The last directory and file used: consecutive operations mostly share them.
    std::string parent_path_;
    os::Fd parent_;
    std::string file_path_;
    os::Fd file_;
    std::size_t unsynced_bytes_ = 0; // given to the kernel since it was last asked to write
    ChunkReader reader_;
    ChunkBuffer buffer_;
};

} // namespace hp::state::sync
