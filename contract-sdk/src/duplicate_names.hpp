// SPDX-License-Identifier: Apache-2.0
//
// Finds a name that an object has twice, in n log n: objects come from users, who could otherwise
// make the contract compare half a million names with each other (private).
//
// Threads: pure function.
#pragma once

#include <hp/contract/value.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace hp::contract::detail {

/// One of the names that appear more than once in `members`, or nullptr.
[[nodiscard]] inline const std::string* find_duplicate(const Value::Object& members) {
    std::vector<const std::string*> names;
    names.reserve(members.size());
    for (const Member& member : members)
        names.push_back(&member.name);
    std::sort(names.begin(), names.end(),
              [](const std::string* a, const std::string* b) { return *a < *b; });
    const auto twice =
        std::adjacent_find(names.begin(), names.end(),
                           [](const std::string* a, const std::string* b) { return *a == *b; });
    return twice == names.end() ? nullptr : *twice;
}

} // namespace hp::contract::detail
