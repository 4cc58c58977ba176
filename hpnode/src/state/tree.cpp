// SPDX-License-Identifier: Apache-2.0
#include "state/tree.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <numeric>
#include <thread>

#include <linux/magic.h>
#include <sys/vfs.h>

#include "hp/base/check.hpp"
#include "state/file_ops.hpp"

namespace hp::state {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;
// Kernels stamp files with the time of the last tick, up to 10 ms ago (HZ=100); doubled.
constexpr std::int64_t tick_ns = 20'000'000;
// Filesystems without fractions of a second (old ext4 inodes, some network filesystems).
constexpr std::int64_t coarse_tick_ns = 2 * second_ns;

std::int64_t to_ns(const struct timespec& time) {
    return std::int64_t{time.tv_sec} * second_ns + time.tv_nsec;
}

std::vector<std::uint32_t> all_chunks(const Entry& file) {
    std::vector<std::uint32_t> out(file.chunks.size());
    std::iota(out.begin(), out.end(), 0U);
    return out;
}

std::vector<std::uint32_t> changed_chunks(const Entry& before, const Entry& after) {
    std::vector<std::uint32_t> out;
    for (std::uint32_t i = 0; i < after.chunks.size(); ++i) {
        // A partial chunk hashes differently from a longer one, so size changes show up here too.
        if (i >= before.chunks.size() || before.chunks[i] != after.chunks[i]) {
            out.push_back(i);
        }
    }
    return out;
}

bool same_content(const Entry& a, const Entry& b) {
    return a.type == b.type && a.executable == b.executable && a.hash == b.hash;
}

} // namespace

Fingerprint fingerprint(const struct stat& st) {
    return Fingerprint{static_cast<std::uint64_t>(st.st_size), to_ns(st.st_mtim), to_ns(st.st_ctim),
                       st.st_ino, st.st_dev};
}

bool hides_mapped_writes(int fd) {
    struct statfs info {};
    return ::fstatfs(fd, &info) != 0 || info.f_type == TMPFS_MAGIC || info.f_type == RAMFS_MAGIC;
}

std::int64_t timestamp_now_ns() {
    struct timespec now {};
    HP_CHECK(clock_gettime(CLOCK_REALTIME, &now) == 0, "this clock always exists");
    return to_ns(now);
}

bool is_racy(const Fingerprint& seen, std::int64_t looked_ns) {
    const bool coarse = seen.ctime_ns % second_ns == 0;
    return seen.ctime_ns >= looked_ns - (coarse ? coarse_tick_ns : tick_ns);
}

bool settles(int fd, const Fingerprint& seen) {
    if (hides_mapped_writes(fd)) {
        return false; // however long it waits
    }
    const std::int64_t left_ns = seen.ctime_ns + tick_ns - timestamp_now_ns();
    std::this_thread::sleep_for(
        std::chrono::nanoseconds(std::clamp<std::int64_t>(left_ns + 1, 0, tick_ns)));
    const std::int64_t looked_ns = timestamp_now_ns();
    const auto st = stat_fd(fd);
    return st && fingerprint(*st) == seen && !is_racy(seen, looked_ns);
}

bool is_unchanged(const Entry& entry, const struct stat& st) {
    return !entry.racy && entry.seen == fingerprint(st);
}

void seal(Entry& entry) {
    switch (entry.type) {
    case EntryType::file:
        entry.hash = hash_file(entry.executable, entry.size, entry.chunks);
        return;
    case EntryType::symlink:
        entry.hash = hash_symlink(entry.target);
        return;
    case EntryType::directory:
        DirectoryHasher hasher;
        for (const Child& child : entry.children) {
            hasher.add(child.name, child.entry->type, child.entry->executable, child.entry->hash);
        }
        entry.hash = hasher.finish();
        return;
    }
}

EntryPtr make_empty_directory() {
    Entry entry;
    entry.type = EntryType::directory;
    entry.racy = true; // nothing on disk was looked at
    seal(entry);
    return std::make_shared<const Entry>(std::move(entry));
}

const Child* find_child(const Entry& directory, std::string_view name) {
    const auto found = std::lower_bound(
        directory.children.begin(), directory.children.end(), name,
        [](const Child& child, std::string_view wanted) { return child.name < wanted; });
    return found != directory.children.end() && found->name == name ? &*found : nullptr;
}

void list_change(const std::string& path, const Entry* before, const EntryPtr& after,
                 std::vector<Change>& out) {
    if (before != nullptr && same_content(*before, *after)) {
        return;
    }
    const bool same_type = before != nullptr && before->type == after->type;
    if (after->type == EntryType::symlink) {
        out.push_back(Change{Change::Kind::symlink, true, path, after, {}});
    } else if (after->type == EntryType::file) {
        out.push_back(Change{Change::Kind::file, !same_type, path, after,
                             same_type ? changed_chunks(*before, *after) : all_chunks(*after)});
    } else if (same_type) {
        list_changes(path, *before, *after, out);
    } else {
        out.push_back(Change{Change::Kind::directory, true, path, after, {}});
        for (const Child& child : after->children) {
            list_change(path + '/' + child.name, nullptr, child.entry, out);
        }
    }
}

void list_changes(const std::string& root_name, const Entry& before, const Entry& after,
                  std::vector<Change>& out) {
    if (before.hash == after.hash) {
        return;
    }
    auto old = before.children.begin();
    for (const Child& child : after.children) {
        for (; old != before.children.end() && old->name < child.name; ++old) {
            out.push_back(
                Change{Change::Kind::removed, false, root_name + '/' + old->name, nullptr, {}});
        }
        const bool both = old != before.children.end() && old->name == child.name;
        list_change(root_name + '/' + child.name, both ? old->entry.get() : nullptr, child.entry,
                    out);
        if (both) {
            ++old;
        }
    }
    for (; old != before.children.end(); ++old) {
        out.push_back(
            Change{Change::Kind::removed, false, root_name + '/' + old->name, nullptr, {}});
    }
}

} // namespace hp::state
