// SPDX-License-Identifier: Apache-2.0
// Learns from the kernel (inotify) which entries of the live state may have changed, so that a run
// costs what it touched and not what is stored. Every directory and every file is watched by its
// inode: whatever a file is opened through, by any name or link, tells, and a file that nobody has
// opened since cannot have changed. When the kernel lost events or has no room for the watches,
// take() says so and the caller looks at everything.
// One owner thread.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "hp/base/result.hpp"
#include "hp/os/fd.hpp"
#include "state/touched.hpp"
#include "state/tree.hpp"

namespace hp::state {

class ChangeWatch {
public:
    // Begins anew with this tree, whose root directory is open as `dir`. After an error, here or in
    // follow(), it is off until the next start().
    Status start(int dir, const EntryPtr& tree);
    bool is_on() const { return static_cast<bool>(inotify_); }

    // What has happened since the last time. Empty: unknown, look at everything.
    std::optional<Touched> take(int dir);

    // What the owner found by looking, or has done itself: `after` takes the place of `before`.
    Status follow(int dir, const EntryPtr& before, const EntryPtr& after);

    // The owner has changed files itself, or has taken changes without following them: the next
    // take() knows nothing.
    void lose() { lost_ = true; }

private:
    Status watch_all(int dir, const std::string& path, const Entry& entry);
    Status watch(int dir, const std::string& name, const std::string& path, bool directory);
    void unwatch_all(const std::string& path, const Entry& entry);
    void unwatch(const std::string& path);
    Status compare(int dir, const std::string& path, const Entry& before, const Entry& after);
    bool note(int wd, std::uint32_t mask, std::string_view name, Touched& out);

    os::Fd inotify_;
    bool lost_ = false;
    bool moved_ = false; // the watches are of another tree
    std::unordered_map<int, std::string> paths_;
    std::unordered_map<std::string, int> watches_;
};

} // namespace hp::state
