// SPDX-License-Identifier: Apache-2.0
#include "state/apply.hpp"

#include <fcntl.h>

namespace hp::state {
namespace {

// Above this many files one syncfs is cheaper, though it also waits for foreign data.
constexpr std::size_t single_syncs_max = 16;

class Applier {
public:
    Applier(const FileOps& ops, int base_dir, const Delta& delta)
        : ops_(ops), delta_(delta), cursor_(ops, base_dir, DirCursor::Missing::make) {}

    Status apply(const DeltaChange& change) {
        HP_TRY(const int dir, cursor_.parent_of(change.path));
        const std::string name = last_component(change.path);
        switch (change.kind) {
        case Change::Kind::removed:
            return ops_.remove_tree(dir, name);
        case Change::Kind::directory:
            return apply_directory(dir, name);
        case Change::Kind::symlink:
            HP_TRY_STATUS(ops_.remove_tree(dir, name));
            return ops_.make_symlink(dir, name, change.target);
        case Change::Kind::file:
            return apply_file(dir, name, change);
        }
        return {};
    }

private:
    Status apply_directory(int dir, const std::string& name) {
        HP_TRY(const auto st, stat_at(dir, name));
        if (st && S_ISDIR(st->st_mode)) {
            return {};
        }
        if (st) {
            HP_TRY_STATUS(ops_.unlink(dir, name));
        }
        return ops_.make_directory(dir, name);
    }

    Result<os::Fd> open_or_create(int dir, const std::string& name, bool executable) {
        HP_TRY(const auto st, stat_at(dir, name));
        if (st && S_ISREG(st->st_mode)) {
            if ((st->st_mode & 07777) != file_mode(executable)) {
                HP_TRY_STATUS(ops_.set_mode(dir, name, file_mode(executable)));
            }
            return open_at(dir, name, O_RDWR);
        }
        if (st) {
            HP_TRY_STATUS(ops_.remove_tree(dir, name));
        }
        return ops_.create_file(dir, name, executable);
    }

    Status apply_file(int dir, const std::string& name, const DeltaChange& change) {
        HP_TRY(const os::Fd file, open_or_create(dir, name, change.executable));
        if (change.fresh) { // what was here before is no part of the new file
            HP_TRY_STATUS(ops_.truncate(file.get(), 0));
        }
        HP_TRY_STATUS(ops_.truncate(file.get(), change.size));
        for (const DeltaChunk& chunk : change.chunks) {
            if (chunk.zero && change.fresh) {
                continue; // a hole already
            }
            HP_TRY_STATUS(apply_chunk(file.get(), change.size, chunk));
        }
        return {};
    }

    Status apply_chunk(int file, std::uint64_t size, const DeltaChunk& chunk) {
        const std::uint64_t offset = std::uint64_t{chunk.index} * chunk_bytes;
        const std::size_t length = chunk_length(size, chunk.index);
        if (chunk.zero) {
            return ops_.zero_range(file, offset, length);
        }
        const auto bytes = buffer_.data().first(length);
        HP_TRY_STATUS(delta_.read_chunk(chunk, bytes));
        return ops_.write_at(file, bytes, offset);
    }

    const FileOps& ops_;
    const Delta& delta_;
    DirCursor cursor_;
    ChunkBuffer buffer_;
};

// An entry that is gone again was removed by a later delta, and its directory is listed too.
Status sync_path(const FileOps& ops, DirCursor& cursor, const std::string& path) {
    const auto dir = cursor.parent_of(path);
    if (!dir && dir.err().code == Errc::not_found) {
        return {};
    }
    if (!dir) {
        return fail(dir.err());
    }
    HP_TRY_STATUS(ops.sync(*dir));
    HP_TRY(const auto st, stat_at(*dir, last_component(path)));
    if (!st || !(S_ISREG(st->st_mode) || S_ISDIR(st->st_mode))) {
        return {};
    }
    HP_TRY(const os::Fd file, open_at(*dir, last_component(path), O_RDONLY));
    return ops.sync(file.get());
}

} // namespace

Status apply_delta(const FileOps& ops, int base_dir, const Delta& delta, Unsynced& unsynced) {
    Applier applier(ops, base_dir, delta);
    for (const DeltaChange& change : delta.changes()) {
        unsynced.add(change.path);
        if (auto done = applier.apply(change); !done) {
            return fail(std::move(done.error()).in("applying a delta to base/" + change.path));
        }
    }
    return {};
}

void Unsynced::add(const std::string& path) {
    if (too_many_) {
        return;
    }
    paths_.insert(path);
    if (paths_.size() > single_syncs_max) {
        paths_.clear();
        too_many_ = true;
    }
}

Status Unsynced::sync(const FileOps& ops, int base_dir) {
    if (too_many_) {
        HP_TRY_STATUS(ops.sync_filesystem(base_dir));
    } else {
        DirCursor cursor(ops, base_dir, DirCursor::Missing::fail);
        for (const std::string& path : paths_) {
            HP_TRY_STATUS(sync_path(ops, cursor, path));
        }
    }
    paths_.clear();
    too_many_ = false;
    return {};
}

} // namespace hp::state
