// SPDX-License-Identifier: Apache-2.0
#include "state/versions.hpp"

#include <algorithm>

#include <fcntl.h>

#include "hp/base/check.hpp"
#include "hp/base/limits.hpp"

namespace hp::state {
namespace {

// Memory that `now` does not share with `before`, roughly.
std::uint64_t own_bytes(const EntryPtr& now, const EntryPtr& before) {
    if (!now || now == before) {
        return 0;
    }
    std::uint64_t sum = sizeof(Entry) + now->chunks.size() * Hash32::size + now->target.size();
    const bool both = before && before->type == EntryType::directory;
    auto old = both ? before->children.begin() : std::vector<Child>::const_iterator();
    for (const Child& child : now->children) {
        while (both && old != before->children.end() && old->name < child.name) {
            ++old;
        }
        const bool known = both && old != before->children.end() && old->name == child.name;
        sum += sizeof(Child) + own_bytes(child.entry, known ? old->entry : EntryPtr());
    }
    return sum;
}

std::vector<Change> changes_back(const Version& from, const Version& to) {
    std::vector<Change> out;
    list_changes(state_name, *from.state, *to.state, out);
    if (to.patch && from.roots.config != to.roots.config) {
        list_change(patch_name, nullptr, to.patch, out);
    }
    return out;
}

// The version before `after`, if its undo file is there and whole.
Result<std::optional<Version>> load_before(int dir, Version& after) {
    const std::string name = delta_name(after.seq);
    HP_TRY(const auto st, stat_at(dir, name));
    if (!st || !S_ISREG(st->st_mode)) {
        return std::optional<Version>();
    }
    HP_TRY(os::Fd file, open_at(dir, name, O_RDONLY));
    HP_TRY(Delta delta, Delta::load(std::move(file)));
    if (delta.header().seq != after.seq || delta.header().state_before != after.roots.state) {
        return std::optional<Version>();
    }
    HP_TRY(Trees trees, apply_to_trees(Trees{after.state, after.patch}, delta));
    Version out;
    out.roots = delta.header().after;
    out.state = std::move(trees.state);
    // Set outside a run meanwhile, or there was none: then this version has no content for it.
    const bool same = trees.patch && trees.patch->hash == out.roots.config;
    out.patch = same ? std::move(trees.patch) : EntryPtr();
    after.undo = std::make_shared<const Delta>(std::move(delta));
    return std::optional(std::move(out));
}

} // namespace

std::shared_ptr<const VersionList> KeptVersions::list() const {
    const std::lock_guard lock(mutex_);
    return list_;
}

void KeptVersions::publish(VersionList list) {
    auto shared = std::make_shared<const VersionList>(std::move(list));
    const std::lock_guard lock(mutex_);
    list_.swap(shared);
}

// --- start-up --------------------------------------------------------------------------------

Status KeptVersions::clear_files(const FileOps& ops) const {
    HP_TRY(const std::vector<std::string> names, list_names(dir_.get(), SIZE_MAX));
    for (const std::string& name : names) {
        if (parse_delta_name(name)) {
            HP_TRY_STATUS(ops.unlink(dir_.get(), name));
        }
    }
    return {};
}

Status KeptVersions::open(const FileOps& ops, int root_dir) {
    if (root_) {
        return {};
    }
    HP_TRY(const auto st, stat_at(root_dir, versions_name));
    if (!st) {
        HP_TRY_STATUS(ops.make_directory(root_dir, versions_name));
    }
    HP_TRY(dir_, open_directory(root_dir, versions_name));
    HP_TRY(root_, open_directory(root_dir, "."));
    return {};
}

Status KeptVersions::start(const FileOps& ops, int root_dir, Version head) {
    HP_TRY_STATUS(open(ops, root_dir));
    HP_TRY_STATUS(clear_files(ops));
    publish({std::move(head)});
    return {};
}

Status KeptVersions::recover(const FileOps& ops, int root_dir, Version head, const Log& log) {
    HP_TRY_STATUS(open(ops, root_dir));
    HP_TRY(VersionList list, read_older_versions(dir_.get(), std::move(head)));
    HP_TRY(const std::vector<std::string> names, list_names(dir_.get(), SIZE_MAX));
    for (const std::string& name : names) {
        const auto seq = parse_delta_name(name);
        const bool used = std::ranges::any_of(
            list, [&seq](const Version& version) { return version.undo && version.seq == seq; });
        if (seq && !used) {
            HP_TRY_STATUS(ops.unlink(dir_.get(), name));
        }
    }
    prune(ops, list, log);
    publish(std::move(list));
    return {};
}

void KeptVersions::show(os::Fd root, VersionList list) {
    root_ = std::move(root);
    publish(std::move(list));
}

Result<VersionList> read_older_versions(int versions_dir, Version head) {
    HP_TRY(const std::vector<std::string> names, list_names(versions_dir, SIZE_MAX));
    VersionList list{std::move(head)}; // the newest first
    std::uint64_t bytes = 0;
    for (auto name = names.rbegin(); name != names.rend(); ++name) {
        const auto seq = parse_delta_name(*name);
        if (!seq || *seq > list.back().seq) {
            continue; // of a run that base/ does not have
        }
        // The head's own run is known, of older ones only that they were not later than this.
        Version& after = list.back();
        HP_TRY(const auto size, stat_at(versions_dir, *name));
        bytes += size ? static_cast<std::uint64_t>(size->st_size) : 0;
        if ((list.size() == 1 && *seq != after.seq) ||
            bytes > limits::state_versions_reload_bytes_max) {
            break;
        }
        after.seq = *seq;
        auto before = load_before(versions_dir, after);
        if (!before || !*before) {
            break; // torn, or of another history: nothing behind it can be reached
        }
        (*before)->seq = *seq - 1;
        after.memory_bytes = own_bytes(after.state, (*before)->state);
        list.push_back(std::move(**before));
    }
    std::reverse(list.begin(), list.end());
    return list;
}

// --- runs ------------------------------------------------------------------------------------

void KeptVersions::add(const FileOps& ops, Version version, const Log& log) {
    VersionList next = *list();
    version.memory_bytes = own_bytes(version.state, next.back().state);
    next.push_back(std::move(version));
    prune(ops, next, log);
    publish(std::move(next));
}

std::size_t KeptVersions::first_pending(const VersionList& list) const {
    const auto found = std::find_if(list.begin(), list.end(),
                                    [](const Version& version) { return version.redo != nullptr; });
    HP_CHECK(found != list.begin() && found != list.end(), "a version follows the one in base/");
    return static_cast<std::size_t>(found - list.begin());
}

void KeptVersions::keep_undo(const FileOps& ops, int base_dir, const Log& log) {
    VersionList next = *list();
    const std::size_t at = first_pending(next);
    const Version& before = next[at - 1];
    const DeltaHeader header{next[at].seq, next[at].roots.state, before.roots};
    auto undo =
        write_unsynced_delta(ops, dir_.get(), base_dir, header, changes_back(next[at], before));
    if (undo) {
        next[at].undo = std::make_shared<const Delta>(std::move(*undo));
    } else {
        log.warning("older versions of the state are given up: there is no room for their content",
                    {{"seq", next[at].seq}, {"why", undo.err().context}});
        if (const auto gone = ops.unlink(dir_.get(), delta_name(next[at].seq)); !gone) {
            log.warning("cannot remove an unfinished file", {{"why", gone.err().context}});
        }
        drop_before(ops, next, at, log);
    }
    prune(ops, next, log);
    publish(std::move(next));
}

void KeptVersions::applied() {
    VersionList next = *list();
    for (Version& version : next) { // the oldest that was waiting
        if (version.redo) {
            version.redo.reset();
            break;
        }
    }
    publish(std::move(next));
}

void KeptVersions::set_head_patch(const Hash32& config, EntryPtr patch) {
    VersionList next = *list();
    next.back().roots.config = config;
    next.back().patch = std::move(patch);
    publish(std::move(next));
}

// --- giving up old ones ----------------------------------------------------------------------

void KeptVersions::drop_before(const FileOps& ops, VersionList& list, std::size_t first,
                               const Log& log) {
    for (std::size_t i = 0; i <= first; ++i) {
        if (!list[i].undo) {
            continue;
        }
        list[i].undo.reset();
        if (const auto gone = ops.unlink(dir_.get(), delta_name(list[i].seq)); !gone) {
            log.warning("cannot remove an old version", {{"why", gone.err().context}});
        }
    }
    list.erase(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(first));
}

// From the newest on: a certain number always, more of them while they are small.
void KeptVersions::prune(const FileOps& ops, VersionList& list, const Log& log) {
    std::uint64_t disk = 0;
    std::uint64_t memory = 0;
    std::size_t kept = 1;
    for (std::size_t i = list.size() - 1; i > 0; --i, ++kept) {
        disk += list[i].undo ? list[i].undo->file_bytes() : 0;
        memory += list[i].memory_bytes;
        const bool small =
            disk <= limits::state_versions_bytes && memory <= limits::state_versions_memory_bytes;
        const bool more =
            kept < limits::state_versions_min || (kept < limits::state_versions_max && small);
        if (!more && !list[i].redo) {
            drop_before(ops, list, i, log);
            return;
        }
    }
}

} // namespace hp::state
