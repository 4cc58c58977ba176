// SPDX-License-Identifier: Apache-2.0
#include "state/change_watch.hpp"

#include <array>
#include <cerrno>

#include <sys/inotify.h>
#include <unistd.h>

#include "hp/base/limits.hpp"
#include "state/file_ops.hpp"

namespace hp::state {
namespace {

constexpr std::uint32_t directory_mask = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
                                         IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR |
                                         IN_DONT_FOLLOW;
// Opening comes before any writing, also by a shared mapping, and a change of the number of links
// (IN_ATTRIB) before opening by another name. IN_MODIFY and IN_CLOSE_WRITE only tell writers from
// readers.
constexpr std::uint32_t file_mask = IN_OPEN | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB |
                                    IN_DELETE_SELF | IN_MOVE_SELF | IN_DONT_FOLLOW;
constexpr std::uint32_t written_mask =
    IN_MODIFY | IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM;

std::string below(const std::string& path, const std::string& name) {
    return path.empty() ? name : path + '/' + name;
}

} // namespace

Status ChangeWatch::start(int dir, const EntryPtr& tree) {
    paths_.clear();
    watches_.clear();
    lost_ = false;
    moved_ = false;
    inotify_ = os::Fd(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    if (!inotify_) {
        return fail(errno_error("cannot watch the state for changes", errno));
    }
    Status done = watch(dir, ".", {}, true);
    if (done) {
        done = watch_all(dir, {}, *tree);
    }
    if (!done) {
        inotify_.reset();
    }
    return done;
}

// --- watches ---------------------------------------------------------------------------------

// By way of the directory's descriptor: paths may be longer than the kernel takes.
Status ChangeWatch::watch(int dir, const std::string& name, const std::string& path,
                          bool directory) {
    if (watches_.size() >= limits::state_watches_max) {
        return fail(Errc::too_large, "more entries than are watched");
    }
    const std::string link = "/proc/self/fd/" + std::to_string(dir) + '/' + name;
    const int wd =
        inotify_add_watch(inotify_.get(), link.c_str(), directory ? directory_mask : file_mask);
    if (wd < 0) {
        return fail(errno_error("cannot watch " + path, errno));
    }
    // The inode may have had another path, and the path another inode.
    if (const auto old = watches_.find(path); old != watches_.end() && old->second != wd) {
        unwatch(path);
    }
    if (const auto old = paths_.find(wd); old != paths_.end() && old->second != path) {
        watches_.erase(old->second);
    }
    paths_[wd] = path;
    watches_[path] = wd;
    return {};
}

Status ChangeWatch::watch_all(int dir, const std::string& path, const Entry& entry) {
    for (const Child& child : entry.children) {
        const std::string at = below(path, child.name);
        if (child.entry->type == EntryType::symlink) {
            continue; // cannot change, only be replaced
        }
        const bool directory = child.entry->type == EntryType::directory;
        HP_TRY_STATUS(watch(dir, child.name, at, directory));
        if (directory) {
            HP_TRY(const os::Fd fd, open_directory(dir, child.name));
            HP_TRY_STATUS(watch_all(fd.get(), at, *child.entry));
        }
    }
    return {};
}

void ChangeWatch::unwatch(const std::string& path) {
    const auto watch = watches_.find(path);
    if (watch == watches_.end()) {
        return;
    }
    const auto owner = paths_.find(watch->second);
    if (owner != paths_.end() && owner->second == path) {
        inotify_rm_watch(inotify_.get(), watch->second); // fails when the inode is gone: the same
        paths_.erase(owner);
    }
    watches_.erase(watch);
}

void ChangeWatch::unwatch_all(const std::string& path, const Entry& entry) {
    unwatch(path);
    for (const Child& child : entry.children) {
        unwatch_all(below(path, child.name), *child.entry);
    }
}

// --- following -------------------------------------------------------------------------------

Status ChangeWatch::follow(int dir, const EntryPtr& before, const EntryPtr& after) {
    if (!inotify_) {
        return {};
    }
    Status done;
    if (moved_) {
        done = start(dir, after);
    } else if (before != after) {
        done = compare(dir, {}, *before, *after);
    }
    if (!done) {
        inotify_.reset();
    }
    return done;
}

Status ChangeWatch::compare(int dir, const std::string& path, const Entry& before,
                            const Entry& after) {
    auto old = before.children.begin();
    const auto gone_until = [&](const std::string* name) {
        for (; old != before.children.end() && (name == nullptr || old->name < *name); ++old) {
            unwatch_all(below(path, old->name), *old->entry);
        }
    };
    for (const Child& child : after.children) {
        gone_until(&child.name);
        const bool both = old != before.children.end() && old->name == child.name;
        if (both && old->entry == child.entry) {
            ++old;
            continue;
        }
        const EntryPtr was = both ? (old++)->entry : EntryPtr();
        const std::string at = below(path, child.name);
        const EntryType type = child.entry->type;
        if (was && was->type != type) {
            unwatch_all(at, *was);
        }
        if (type == EntryType::symlink) {
            continue;
        }
        HP_TRY_STATUS(watch(dir, child.name, at, type == EntryType::directory));
        if (type == EntryType::directory) {
            HP_TRY(const os::Fd fd, open_directory(dir, child.name));
            const EntryPtr from = was && was->type == type ? was : make_empty_directory();
            HP_TRY_STATUS(compare(fd.get(), at, *from, *child.entry));
        }
    }
    gone_until(nullptr);
    return {};
}

// --- events ----------------------------------------------------------------------------------

std::optional<Touched> ChangeWatch::take(int dir) {
    if (!inotify_) {
        return std::nullopt;
    }
    // Another directory may have taken the place of the one that is watched.
    const std::string link = "/proc/self/fd/" + std::to_string(dir) + "/.";
    const int root = inotify_add_watch(inotify_.get(), link.c_str(), directory_mask);
    const auto known = paths_.find(root);
    moved_ = moved_ || known == paths_.end() || !known->second.empty();
    bool whole = !moved_ && !lost_;
    lost_ = false;
    Touched out;
    alignas(struct inotify_event) std::array<char, 64UL * 1024> buffer;
    for (;;) {
        const ssize_t got = read(inotify_.get(), buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0 && errno != EAGAIN) {
            whole = false;
        }
        if (got <= 0) {
            break;
        }
        for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
            const auto* event = reinterpret_cast<const struct inotify_event*>(buffer.data() + at);
            const std::string_view name(event->name,
                                        event->len > 0 ? strnlen(event->name, event->len) : 0);
            whole = note(event->wd, event->mask, name, out) && whole;
            at += sizeof(struct inotify_event) + event->len;
        }
    }
    return whole ? std::optional(std::move(out)) : std::nullopt;
}

bool ChangeWatch::note(int wd, std::uint32_t mask, std::string_view name, Touched& out) {
    if ((mask & (IN_Q_OVERFLOW | IN_UNMOUNT)) != 0) {
        return false;
    }
    const auto found = paths_.find(wd);
    if (found == paths_.end()) {
        return true; // no longer part of the state
    }
    const std::string& path = found->second;
    if ((mask & IN_IGNORED) != 0) {
        const bool root = path.empty();
        if (const auto watch = watches_.find(path);
            watch != watches_.end() && watch->second == wd) {
            watches_.erase(watch);
        }
        paths_.erase(found);
        moved_ = moved_ || root;
        return !root;
    }
    if (name.empty() && path.empty()) { // the root: its mode is seen to with every run
        return true;
    }
    Touched& node = out.at(path);
    Touched& touched = name.empty() ? node : node.below[std::string(name)];
    touched.look = true;
    touched.written = touched.written || (mask & written_mask) != 0;
    return true;
}

} // namespace hp::state
