// SPDX-License-Identifier: Apache-2.0
// The files that were compiled into this program: templates, and the dashboard's page
// (cmake/EmbedFiles.cmake). Constants.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace hp::dev {

struct EmbeddedFile {
    std::string_view path; // "starter/cpp/src/main.cpp"
    std::string_view content;
};

std::vector<EmbeddedFile> embedded_templates();

// "index.html", "app.js", "style.css".
std::vector<EmbeddedFile> embedded_page();

} // namespace hp::dev
