// SPDX-License-Identifier: Apache-2.0
// Which entries of a tree may have changed, by path: what a change watch found out. Everything else
// is as it was. Values; any thread.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace hp::state {

struct Touched {
    bool look = false;    // this entry, and all below, may have changed or gone
    bool written = false; // its content has probably changed: stat data do not count
    std::map<std::string, Touched, std::less<>> below;

    // The node for a path, made if need be. Empty path: this one.
    Touched& at(std::string_view path) {
        Touched* node = this;
        while (!path.empty()) {
            const std::size_t slash = path.find('/');
            node = &node->below[std::string(path.substr(0, slash))];
            path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
        }
        return *node;
    }
};

} // namespace hp::state
