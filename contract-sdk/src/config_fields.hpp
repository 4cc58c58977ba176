// SPDX-License-Identifier: Apache-2.0
//
// The fields of a Config as a table: where each stands in the document, how to read it and how to
// write it (private). The order of the table is the order of contract protocol section 5.1.
//
// Threads: pure functions.
#pragma once

#include <hp/contract/config.hpp>

#include <span>
#include <string>
#include <string_view>

namespace hp::contract::detail {

struct ConfigField {
    std::string_view section; ///< empty: a member of the document itself
    std::string_view name;
    /// Takes `value` over into `config`. Else says what is wrong, as "path: what".
    std::string (*read)(const Value& value, const std::string& path, Config& config);
    Value (*write)(const Config& config);

    [[nodiscard]] std::string path() const {
        return section.empty() ? std::string(name) : std::string(section).append(".").append(name);
    }
};

[[nodiscard]] std::span<const ConfigField> config_fields() noexcept;

} // namespace hp::contract::detail
