// SPDX-License-Identifier: Apache-2.0
// The index of a state tree in memory: what every entry is, the hashes of its chunks, and what
// stat said when it was hashed. Entries are immutable and shared between versions of a tree, so a
// new version costs only the changed entries and the directories above them, and comparing two
// versions visits only what differs.
// Values; any thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <sys/stat.h>

#include "state/tree_hash.hpp"

namespace hp::state {

// The two parts of a view that the nodes agree on; everything else in seed/ is node-private.
inline constexpr const char* state_name = "state";
inline constexpr const char* patch_name = "patch.cfg";

// What shows that an entry was touched since it was hashed. The change time cannot be set by a
// contract, so an unequal fingerprint or a change time too near to the hashing gives away every
// write.
struct Fingerprint {
    std::uint64_t size = 0;
    std::int64_t mtime_ns = 0;
    std::int64_t ctime_ns = 0;
    std::uint64_t inode = 0;
    std::uint64_t device = 0;
    bool operator==(const Fingerprint&) const = default;
};

Fingerprint fingerprint(const struct stat& st);

// Whether the file is on a file system in memory: those do not update times when a shared mapping
// is written to, so that stat data prove nothing there.
bool hides_mapped_writes(int fd);

// Wall clock of the kernel's timestamps, nanoseconds.
std::int64_t timestamp_now_ns();

// True when a write after `looked_ns` could have left the same timestamps: the kernel's clock for
// files ticks every few milliseconds, and some filesystems only keep seconds.
bool is_racy(const Fingerprint& seen, std::int64_t looked_ns);

// Waits, for a tick of that clock at most, until `seen` of the open file is not racy any more.
// False when that takes longer, or the file has changed meanwhile.
bool settles(int fd, const Fingerprint& seen);

struct Entry;
using EntryPtr = std::shared_ptr<const Entry>;

struct Child {
    std::string name;
    EntryPtr entry;
};

struct Entry {
    EntryType type = EntryType::file;
    bool executable = false;     // files
    bool racy = false;           // `seen` proves nothing: look again next time
    std::uint64_t size = 0;      // files
    std::vector<Hash32> chunks;  // files
    std::string target;          // symlinks
    std::vector<Child> children; // directories, bytewise by name
    Hash32 hash;
    Fingerprint seen;
};

// True when stat proves that the entry still has the content it was hashed with.
bool is_unchanged(const Entry& entry, const struct stat& st);

// Computes `hash` from the other members.
void seal(Entry& entry);

EntryPtr make_empty_directory();

const Child* find_child(const Entry& directory, std::string_view name);

// The indexes of both parts of a view. Null: not there, or nothing known.
struct Trees {
    EntryPtr state;
    EntryPtr patch;
};

// One difference between two trees. The path starts with the name given for the root.
struct Change {
    enum class Kind : std::uint8_t { removed = 1, directory = 2, symlink = 3, file = 4 };
    Kind kind = Kind::removed;
    bool fresh = false; // no file was at this path before: all chunks are listed
    std::string path;
    EntryPtr entry;                    // after the change; null when removed
    std::vector<std::uint32_t> chunks; // files: those that differ, ascending
};

// Appends what turns `before` into `after`: each directory before its children. An entry whose
// type changed is listed as its new self only; it replaces whatever was at its path.
void list_changes(const std::string& root_name, const Entry& before, const Entry& after,
                  std::vector<Change>& out);

// The same for one entry; `before` is null when there was none.
void list_change(const std::string& path, const Entry* before, const EntryPtr& after,
                 std::vector<Change>& out);

} // namespace hp::state
