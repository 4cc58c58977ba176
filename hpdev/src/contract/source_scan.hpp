// SPDX-License-Identifier: Apache-2.0
// Suspicious words in source texts: JavaScript, C, C++, Python, shell. Comments and, in C and
// JavaScript, texts in quotes do not count. scan_text is pure; scan_sources blocks.
#pragma once

#include "contract/suspects.hpp"

#include <set>
#include <string_view>

namespace hp::dev {

enum class SourceKind : std::uint8_t { javascript, c, none };
SourceKind source_kind(const std::filesystem::path& path);

void scan_text(std::string_view text, SourceKind kind, const std::string& name,
               std::set<Suspect>& out);

// Every source below `folder`, but not of tests, dependencies and builds.
void scan_sources(const std::filesystem::path& folder, std::set<Suspect>& out);

} // namespace hp::dev
