// SPDX-License-Identifier: Apache-2.0
// How hp.cfg.override is merged into settings. Pure.
#pragma once

namespace hp::dev {

// Of two objects (of nlohmann's, ordered or not): member by member where both have objects,
// everything else replaced.
template <class Json>
void merge_json(Json& into, const Json& from) {
    for (const auto& [name, value] : from.items()) {
        if (value.is_object() && into.contains(name) && into[name].is_object()) {
            merge_json(into[name], value);
        } else {
            into[name] = value;
        }
    }
}

} // namespace hp::dev
