// SPDX-License-Identifier: Apache-2.0
// Notices that sources of a project were changed: inotify(7) says that something happens, a look at
// the tree says what has become different. What was built, what hpdev keeps and what begins with a
// dot is no source; neither is a file different that was saved with the same content.
// One thread, in whose poll(2) it takes part.
#pragma once

#include "cluster/expected.hpp"
#include "hp/base/ids.hpp"
#include "hp/os/fd.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace hp::dev {

class SourceWatch {
public:
    // `output`, relative to `root`, is the folder of what is built; may be empty.
    static Expected<SourceWatch> open(const fs::path& root, const fs::path& output);

    int descriptor() const { return events_.get(); }
    // To be called when the descriptor is ready.
    void on_ready();
    // When take() is worth while: as soon as nothing has happened for a moment.
    std::optional<std::int64_t> due_at_ms() const;
    std::int64_t first_event_ms() const { return first_event_ms_; }
    // Paths, relative to the root, that are different from what they were at the last time.
    std::vector<std::string> take();

private:
    struct Source {
        std::uintmax_t size = 0;
        std::int64_t modified_ns = 0;
        unsigned mode = 0;
        std::optional<Hash32> content; // once it has been looked into
        bool seen = true;              // in the look that is going on
    };

    SourceWatch(fs::path root, fs::path output, os::Fd events)
        : root_(std::move(root)), output_(std::move(output)), events_(std::move(events)) {}

    bool is_source_folder(const fs::path& path) const;
    Done look_at(const fs::path& folder, std::vector<std::string>& changed, std::size_t depth);
    bool has_changed(const fs::path& file);

    fs::path root_, output_;
    os::Fd events_;
    std::map<std::string, Source> sources_;
    std::int64_t first_event_ms_ = 0; // of those that were not taken; 0: none
    std::int64_t last_event_ms_ = 0;
};

} // namespace hp::dev
