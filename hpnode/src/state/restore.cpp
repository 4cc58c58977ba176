// SPDX-License-Identifier: Apache-2.0
#include "state/restore.hpp"

#include <algorithm>

#include <fcntl.h>
#include <unistd.h>

#include "hp/base/check.hpp"

namespace hp::state {
namespace {

// The target entry as it now is on disk.
EntryPtr with_stat(const Entry& target, const struct stat& st, std::int64_t looked_ns,
                   bool stat_proves_nothing = false) {
    Entry out = target;
    out.seen = fingerprint(st);
    out.racy = stat_proves_nothing || is_racy(out.seen, looked_ns);
    return std::make_shared<const Entry>(std::move(out));
}

} // namespace

// --- committed content -----------------------------------------------------------------------

void CommittedContent::open(const std::string& path, const Entry& file) {
    path_ = path;
    file_ = &file;
    base_file_.reset();
    sources_.clear();
    for (auto delta = pending_.rbegin(); delta != pending_.rend(); ++delta) {
        if (const DeltaChange* change = (*delta)->find(path)) {
            sources_.push_back(Source{delta->get(), change});
        }
    }
}

Result<std::size_t> CommittedContent::fetch(std::uint32_t index, std::size_t length) {
    const auto out = buffer_.data().first(length);
    // The newest delta that holds the chunk. A fresh file lists all its chunks, so the search never
    // passes the point where the file came into being.
    for (const Source& source : sources_) {
        const auto& chunks = source.change->chunks;
        const auto found = std::lower_bound(
            chunks.begin(), chunks.end(), index,
            [](const DeltaChunk& chunk, std::uint32_t wanted) { return chunk.index < wanted; });
        if (found != chunks.end() && found->index == index) {
            HP_TRY_STATUS(source.delta->read_chunk(*found, out));
            return length;
        }
    }
    HP_TRY_STATUS(open_base_file());
    return read_at(base_file_.get(), out, std::uint64_t{index} * chunk_bytes);
}

Status CommittedContent::open_base_file() {
    if (!base_file_) {
        HP_TRY(const int dir, cursor_.parent_of(path_));
        HP_TRY(base_file_, open_at(dir, last_component(path_), O_RDONLY));
    }
    return {};
}

Result<bool> CommittedContent::copy_all(const FileOps& ops, int to) {
    if (base_ != Base::just_read || !sources_.empty()) {
        return false;
    }
    HP_TRY_STATUS(open_base_file());
    HP_TRY_STATUS(ops.copy_data(base_file_.get(), to, file_->size));
    return true;
}

Result<ByteView> CommittedContent::chunk(std::uint32_t index) {
    const std::size_t length = chunk_length(file_->size, index);
    HP_TRY(const std::size_t got, fetch(index, length));
    if (got != length || buffer_.hash(length) != file_->chunks[index]) {
        return fail(Errc::corrupt, "the committed content of " + path_ + " is damaged in base/");
    }
    return buffer_.view(length);
}

// --- restoring -------------------------------------------------------------------------------

Result<EntryPtr> Restorer::directory(int fd, const std::string& path, const EntryPtr& target) {
    HP_TRY_STATUS(remove_extras(fd, *target));
    Entry out;
    out.type = EntryType::directory;
    out.hash = target->hash;
    out.children.reserve(target->children.size());
    for (const Child& child : target->children) {
        HP_TRY(EntryPtr now, entry(fd, child, path + '/' + child.name));
        out.children.push_back(Child{child.name, std::move(now)});
    }
    const std::int64_t looked_ns = timestamp_now_ns();
    HP_TRY(const struct stat st, stat_fd(fd));
    out.seen = fingerprint(st);
    out.racy = is_racy(out.seen, looked_ns);
    return std::make_shared<const Entry>(std::move(out));
}

Status Restorer::remove_extras(int fd, const Entry& target) {
    for (bool removed = true; removed;) { // again, in case removing disturbed the listing
        removed = false;
        NameReader reader(fd);
        std::string name;
        for (;;) {
            HP_TRY(const bool more, reader.next(name));
            if (!more) {
                break;
            }
            if (find_child(target, name) == nullptr) {
                HP_TRY_STATUS(ops_.remove_tree(fd, name));
                ++restored_;
                removed = true;
            }
        }
    }
    return {};
}

Result<EntryPtr> Restorer::entry(int dir, const Child& child, const std::string& path) {
    switch (child.entry->type) {
    case EntryType::file:
        return file(dir, child.name, path, child.entry);
    case EntryType::directory:
        return subdirectory(dir, child, path);
    case EntryType::symlink:
        break;
    }
    return symlink(dir, child);
}

Result<EntryPtr> Restorer::subdirectory(int dir, const Child& child, const std::string& path) {
    HP_TRY(const auto st, stat_at(dir, child.name));
    if (!st || !S_ISDIR(st->st_mode)) {
        HP_TRY_STATUS(ops_.remove_tree(dir, child.name));
        HP_TRY_STATUS(ops_.make_directory(dir, child.name));
        ++restored_;
    } else if ((st->st_mode & permission_bits) != directory_mode) {
        HP_TRY_STATUS(ops_.set_mode(dir, child.name, directory_mode));
        ++restored_;
    }
    HP_TRY(const os::Fd fd, open_directory(dir, child.name));
    if (geteuid() == 0) {
        remove_locks(fd.get());
    }
    return directory(fd.get(), path, child.entry);
}

Result<EntryPtr> Restorer::symlink(int dir, const Child& child) {
    const std::string& name = child.name;
    HP_TRY(auto st, stat_at(dir, name));
    bool fits = false;
    if (st && S_ISLNK(st->st_mode)) {
        HP_TRY(const std::string target, read_symlink(dir, name));
        fits = target == child.entry->target;
    }
    if (!fits) {
        HP_TRY_STATUS(ops_.remove_tree(dir, name));
        HP_TRY_STATUS(ops_.make_symlink(dir, name, child.entry->target));
        HP_TRY(st, stat_at(dir, name));
        HP_CHECK(st.has_value(), "just made");
        ++restored_;
    }
    return with_stat(*child.entry, *st, timestamp_now_ns());
}

Result<EntryPtr> Restorer::file(int dir, const std::string& name, const std::string& path,
                                const EntryPtr& target) {
    if (trust_stat_) {
        HP_TRY(const auto st, stat_at(dir, name));
        const bool fits = st && S_ISREG(st->st_mode) && st->st_nlink == 1 &&
                          (st->st_mode & permission_bits) == file_mode(target->executable);
        if (fits && is_unchanged(*target, *st)) {
            return target;
        }
    }
    const std::uint64_t restored_before = restored_;
    std::uint64_t live_size = 0;
    HP_TRY(const os::Fd fd, open_for_restore(dir, name, *target, live_size));
    content_.open(path, *target);
    HP_TRY(bool changed, live_size == 0 && target->size > 0 ? content_.copy_all(ops_, fd.get())
                                                            : Result<bool>(false));
    if (!changed) {
        HP_TRY(changed, restore_chunks(fd.get(), *target, live_size));
    }
    if (changed && restored_ == restored_before) {
        ++restored_;
    }
    const std::int64_t looked_ns = timestamp_now_ns();
    HP_TRY(const struct stat st, stat_fd(fd.get()));
    return with_stat(*target, st, looked_ns, hides_mapped_writes(fd.get()));
}

// An existing regular file of our own keeps its inode, anything else is replaced: writing into a
// file with other links would change those too.
Result<os::Fd> Restorer::open_for_restore(int dir, const std::string& name, const Entry& target,
                                          std::uint64_t& live_size) {
    HP_TRY(const auto st, stat_at(dir, name));
    if (!st || !S_ISREG(st->st_mode) || st->st_nlink != 1) {
        HP_TRY_STATUS(ops_.remove_tree(dir, name));
        ++restored_;
        live_size = 0;
        return ops_.create_file(dir, name, target.executable);
    }
    if ((st->st_mode & permission_bits) != file_mode(target.executable)) {
        HP_TRY_STATUS(ops_.set_mode(dir, name, file_mode(target.executable)));
        ++restored_;
    }
    live_size = static_cast<std::uint64_t>(st->st_size);
    return ops_.open_to_change(dir, name);
}

Result<bool> Restorer::restore_chunks(int fd, const Entry& target, std::uint64_t live_size) {
    bool changed = live_size != target.size;
    if (changed) {
        // The tail of a longer file must not survive, nor what lies beyond a partial last chunk.
        HP_TRY_STATUS(ops_.truncate(fd, target.size));
    }
    HP_TRY(const struct stat st, stat_fd(fd));
    reader_.open(fd, target.size, static_cast<std::uint64_t>(st.st_blocks) * 512);
    for (std::uint32_t i = 0; i < target.chunks.size(); ++i) {
        HP_TRY(const Hash32 live, reader_.hash(i));
        if (live == target.chunks[i]) {
            continue;
        }
        changed = true;
        const std::uint64_t offset = std::uint64_t{i} * chunk_bytes;
        if (target.chunks[i] == zero_chunk_hash()) {
            HP_TRY_STATUS(ops_.zero_range(fd, offset, chunk_bytes));
            continue;
        }
        HP_TRY(const ByteView bytes, content_.chunk(i));
        HP_TRY_STATUS(ops_.write_at(fd, bytes, offset));
    }
    return changed;
}

} // namespace hp::state
