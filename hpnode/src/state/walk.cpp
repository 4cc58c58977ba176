// SPDX-License-Identifier: Apache-2.0
#include "state/walk.hpp"

#include <algorithm>

#include <fcntl.h>
#include <unistd.h>

#include "hp/base/limits.hpp"
#include "state/chunk_hashes.hpp"
#include "state/store.hpp"

namespace hp::state {
namespace {

// A file this large takes longer to read than its stat data take to prove something. Otherwise the
// next run reads it again, since reading a file is what the kernel tells of as well. With a record
// of what is written nothing has to be proved.
constexpr std::uint64_t settle_bytes_min = std::uint64_t{256} << 20;

bool is_executable(const struct stat& st) {
    return (st.st_mode & S_IXUSR) != 0;
}

Fingerprint fingerprint_of(const tracked::FileMark& mark) {
    return Fingerprint{mark.size, mark.mtime_ns, mark.ctime_ns, mark.inode, mark.device};
}

EntryPtr share(Entry entry) {
    seal(entry);
    return std::make_shared<const Entry>(std::move(entry));
}

} // namespace

Result<EntryPtr> Walker::tree(int fd, const EntryPtr& before) {
    return directory(fd, before, 1);
}

Result<EntryPtr> Walker::directory(int fd, const EntryPtr& before, std::size_t depth) {
    const std::int64_t looked_ns = timestamp_now_ns();
    // Taken before listing: what changes afterwards, also through us, shows at the next walk.
    HP_TRY(const struct stat st, stat_fd(fd));
    Entry out;
    if (before && is_unchanged(*before, st)) {
        HP_TRY(const bool same, revisit(fd, *before, depth, out.children));
        if (same) {
            return before;
        }
    } else {
        HP_TRY(out.children, list(fd, before.get(), depth));
    }
    out.type = EntryType::directory;
    out.seen = fingerprint(st);
    out.racy = is_racy(out.seen, looked_ns);
    return share(std::move(out));
}

Result<bool> Walker::revisit(int fd, const Entry& before, std::size_t depth,
                             std::vector<Child>& children) {
    bool same = true;
    for (std::size_t i = 0; i < before.children.size(); ++i) {
        const Child& old = before.children[i];
        HP_TRY(EntryPtr now, entry(fd, old.name, old.entry, depth));
        if (same && now == old.entry) {
            continue;
        }
        if (same) { // the first difference: take over what came before it
            const auto end = before.children.begin() + static_cast<std::ptrdiff_t>(i);
            children.assign(before.children.begin(), end);
            same = false;
        }
        if (now) {
            children.push_back(Child{old.name, std::move(now)});
        }
    }
    return same;
}

Result<std::vector<Child>> Walker::list(int fd, const Entry* before, std::size_t depth) {
    HP_TRY(std::vector<std::string> names, list_names(fd, limits::state_entries_max));
    std::vector<Child> children;
    children.reserve(names.size());
    for (std::string& name : names) {
        const Child* old = before != nullptr ? find_child(*before, name) : nullptr;
        HP_TRY(EntryPtr child, entry(fd, name, old != nullptr ? old->entry : nullptr, depth));
        if (child) {
            children.push_back(Child{std::move(name), std::move(child)});
        }
    }
    return children;
}

Result<EntryPtr> Walker::entry(int dir, const std::string& name, const EntryPtr& before,
                               std::size_t depth, Stat stat) {
    HP_TRY(const auto st, stat_at(dir, name));
    if (!st) {
        return fail(Errc::io, "an entry vanished while the state was read: " + name);
    }
    const auto same_type = [&before](EntryType type) {
        return before && before->type == type ? before : EntryPtr();
    };
    switch (st->st_mode & S_IFMT) {
    case S_IFREG:
        if (is_foreign_link(*st)) {
            HP_TRY_STATUS(special(dir, name));
            return EntryPtr();
        }
        HP_TRY_STATUS(count(*st));
        return file(dir, name, *st, same_type(EntryType::file), stat);
    case S_IFDIR:
        HP_TRY_STATUS(count(*st));
        return subdirectory(
            dir, name, *st,
            stat == Stat::of_no_interest ? EntryPtr() : same_type(EntryType::directory), depth + 1);
    case S_IFLNK:
        HP_TRY_STATUS(count(*st));
        return symlink(dir, name, *st,
                       stat == Stat::of_no_interest ? EntryPtr() : same_type(EntryType::symlink));
    default:
        HP_TRY_STATUS(special(dir, name));
        return EntryPtr();
    }
}

Status Walker::count(const struct stat& st) {
    ++stats_.entries;
    if (S_ISREG(st.st_mode)) {
        stats_.bytes += static_cast<std::uint64_t>(st.st_size);
    }
    return check_at_end_ ? Status() : check_totals();
}

Status Walker::check_totals() const {
    if (stats_.entries > limits::state_entries_max) {
        return fail(Errc::too_large, "the state has more than " +
                                         std::to_string(limits::state_entries_max) + " entries");
    }
    const std::uint64_t bytes_max =
        std::min<std::uint64_t>(rules_.bytes_max, limits::state_bytes_max);
    if (stats_.bytes > bytes_max) {
        return fail(Errc::too_large, "the files of the state have more than " +
                                         std::to_string(bytes_max) + " bytes");
    }
    return {};
}

bool Walker::is_foreign_link(const struct stat& st) const {
    return rules_.owner_uid && st.st_nlink > 1 && st.st_uid != *rules_.owner_uid;
}

// Only root can lock, and setting a lock changes what stat says: this costs nothing elsewhere.
void Walker::unlock(int fd) const {
    if (rules_.canonicalise && geteuid() == 0) {
        remove_locks(fd);
    }
}

Result<EntryPtr> Walker::file(int dir, const std::string& name, struct stat st,
                              const EntryPtr& before, Stat stat) {
    const bool executable = is_executable(st);
    const mode_t mode = file_mode(executable);
    if (rules_.canonicalise && st.st_nlink > 1) {
        HP_TRY_STATUS(ops_.break_hard_links(dir, name, executable));
    } else if (rules_.canonicalise && (st.st_mode & permission_bits) != mode) {
        HP_TRY_STATUS(ops_.set_mode(dir, name, mode));
    } else if (stat == Stat::trusted && before && is_unchanged(*before, st)) {
        return before;
    } else if (stat == Stat::enough && before && before->seen == fingerprint(st) &&
               before->executable == executable) {
        return before;
    }
    const std::int64_t looked_ns = timestamp_now_ns();
    HP_TRY(const os::Fd fd, open_at(dir, name, O_RDONLY));
    unlock(fd.get());
    HP_TRY(st, stat_fd(fd.get()));
    if (!S_ISREG(st.st_mode)) {
        return fail(Errc::io, "an entry was replaced while the state was read: " + name);
    }
    Entry out;
    out.type = EntryType::file;
    out.executable = executable;
    out.size = static_cast<std::uint64_t>(st.st_size);
    if (out.size > limits::state_bytes_max) {
        return fail(Errc::too_large, "a file larger than the whole state may be: " + name);
    }
    out.seen = fingerprint(st);
    out.racy = is_racy(out.seen, looked_ns) || hides_mapped_writes(fd.get());
    if (out.racy && out.size >= settle_bytes_min && written_ == nullptr) {
        out.racy = !settles(fd.get(), out.seen);
    }
    HP_TRY_STATUS(hash_content(fd.get(), before, st, out));
    return share(std::move(out));
}

// A recorded file was as it was hashed when the record began, so that everything else in it still
// is: anything that is not the very same inode with the very same stat data is read as a whole.
Status Walker::hash_content(int fd, const EntryPtr& before, const struct stat& st, Entry& out) {
    static_assert(chunk_bytes == tracked::block_bytes);
    const tracked::WrittenFile* record =
        written_ != nullptr && before ? written_->find(st.st_dev, st.st_ino) : nullptr;
    if (record != nullptr && before->seen != fingerprint_of(record->before)) {
        record = nullptr;
    }
    out.chunks.resize(chunk_count(out.size));
    std::vector<std::uint32_t> unknown;
    for (std::uint32_t i = 0; i < out.chunks.size(); ++i) {
        const std::size_t length = chunk_length(out.size, i);
        if (record != nullptr && !record->has(i) && length == chunk_length(before->size, i)) {
            out.chunks[i] = before->chunks[i];
            continue;
        }
        unknown.push_back(i);
        stats_.read_bytes += length;
    }
    const HashedFile file{fd, out.size, static_cast<std::uint64_t>(st.st_blocks) * 512};
    return hash_chunks(reader_, file, unknown, out.chunks);
}

Result<EntryPtr> Walker::subdirectory(int dir, const std::string& name, const struct stat& st,
                                      const EntryPtr& before, std::size_t depth) {
    if (depth > limits::state_depth_max) {
        return fail(Errc::too_large, "the state has directories nested deeper than " +
                                         std::to_string(limits::state_depth_max));
    }
    if (rules_.canonicalise && (st.st_mode & permission_bits) != directory_mode) {
        HP_TRY_STATUS(ops_.set_mode(dir, name, directory_mode));
    }
    HP_TRY(const os::Fd fd, open_directory(dir, name));
    unlock(fd.get());
    return directory(fd.get(), before, depth);
}

Result<EntryPtr> Walker::symlink(int dir, const std::string& name, const struct stat& st,
                                 const EntryPtr& before) {
    if (before && is_unchanged(*before, st)) {
        return before;
    }
    Entry out;
    out.type = EntryType::symlink;
    out.seen = fingerprint(st);
    out.racy = is_racy(out.seen, timestamp_now_ns());
    HP_TRY(out.target, read_symlink(dir, name));
    return share(std::move(out));
}

Status Walker::special(int dir, const std::string& name) {
    switch (rules_.special) {
    case WalkRules::Special::skip:
        return {};
    case WalkRules::Special::refuse:
        return fail(Errc::invalid,
                    "the state may hold files, directories and symlinks only, not " + name);
    case WalkRules::Special::remove:
        break;
    }
    if (stats_.removed_special++ == 0) {
        stats_.first_special = name;
    }
    return ops_.unlink(dir, name);
}

// --- with events -----------------------------------------------------------------------------

WalkTotals totals_of(const Entry& tree) {
    WalkTotals out;
    for (const Child& child : tree.children) {
        const WalkTotals below = totals_of(*child.entry);
        out.entries += 1 + below.entries;
        out.bytes += child.entry->size + below.bytes;
    }
    return out;
}

void Walker::uncount(const Entry& entry) {
    const WalkTotals below = totals_of(entry);
    stats_.entries -= 1 + below.entries;
    stats_.bytes -= entry.size + below.bytes;
}

Result<EntryPtr> Walker::touched_tree(int fd, const EntryPtr& before, const WalkTotals& totals,
                                      const Touched& touched) {
    stats_.entries = totals.entries;
    stats_.bytes = totals.bytes;
    check_at_end_ = true; // what one file gained another may have lost
    HP_TRY(EntryPtr after, touched_directory(fd, before, touched, 1));
    HP_TRY_STATUS(check_totals());
    return after;
}

Result<EntryPtr> Walker::touched_directory(int fd, const EntryPtr& before, const Touched& touched,
                                           std::size_t depth) {
    std::vector<Child> changed; // null: gone
    for (const auto& [name, below] : touched.below) {
        const Child* old = find_child(*before, name);
        const EntryPtr was = old != nullptr ? old->entry : EntryPtr();
        HP_TRY(EntryPtr now, touched_child(fd, name, was, below, depth));
        if (now != was) {
            changed.push_back(Child{name, std::move(now)});
        }
    }
    if (changed.empty()) {
        return before;
    }
    const std::int64_t looked_ns = timestamp_now_ns();
    HP_TRY(const struct stat st, stat_fd(fd));
    Entry out;
    out.type = EntryType::directory;
    out.seen = fingerprint(st);
    out.racy = is_racy(out.seen, looked_ns);
    out.children.reserve(before->children.size() + changed.size());
    auto next = changed.begin();
    const auto take = [&out](Child& child) {
        if (child.entry) {
            out.children.push_back(std::move(child));
        }
    };
    for (const Child& child : before->children) {
        for (; next != changed.end() && next->name < child.name; ++next) {
            take(*next);
        }
        if (next != changed.end() && next->name == child.name) {
            take(*next++);
        } else {
            out.children.push_back(child);
        }
    }
    std::for_each(next, changed.end(), take);
    return share(std::move(out));
}

Result<EntryPtr> Walker::touched_child(int fd, const std::string& name, const EntryPtr& before,
                                       const Touched& touched, std::size_t depth) {
    HP_TRY(const auto st, stat_at(fd, name));
    const bool same_kind = before && before->type == EntryType::directory && st &&
                           S_ISDIR(st->st_mode) && st->st_ino == before->seen.inode;
    if (!touched.look && same_kind) {
        HP_TRY(const os::Fd child, open_directory(fd, name));
        return touched_directory(child.get(), before, touched, depth + 1);
    }
    if (before) {
        uncount(*before);
    }
    if (!st) {
        return EntryPtr();
    }
    // A run with a record writes through one process, which is gone: whatever it wrote to has been
    // closed, which tells. What it has only read, and what the store has, need not be read again.
    const Stat opened = written_ != nullptr ? Stat::enough : Stat::trusted;
    return entry(fd, name, before, depth, touched.written ? Stat::of_no_interest : opened);
}

Result<Hash32> hash_tree(const std::filesystem::path& directory) {
    const FileOps ops;
    HP_TRY(const os::Fd fd, open_directory(AT_FDCWD, directory.string()));
    Walker walker(ops, WalkRules{});
    HP_TRY(const EntryPtr tree, walker.tree(fd.get(), nullptr));
    return tree->hash;
}

} // namespace hp::state
