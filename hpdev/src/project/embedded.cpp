// SPDX-License-Identifier: Apache-2.0
#include "project/embedded.hpp"

namespace hp::dev {

namespace {

// As the assembler file that CMake makes lays it out.
struct Entry {
    const char* path;
    const char* content;
    std::uint64_t bytes;
};

} // namespace

// The names belong to the assembler file.
extern "C" const Entry hp_template_table[];
extern "C" const std::uint64_t hp_template_count;

extern "C" const Entry hp_page_table[];
extern "C" const std::uint64_t hp_page_count;

namespace {

std::vector<EmbeddedFile> files_of(const Entry* table, std::uint64_t count) {
    std::vector<EmbeddedFile> out;
    out.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i) {
        out.push_back({table[i].path, {table[i].content, table[i].bytes}});
    }
    return out;
}

} // namespace

std::vector<EmbeddedFile> embedded_templates() {
    return files_of(hp_template_table, hp_template_count);
}

std::vector<EmbeddedFile> embedded_page() {
    return files_of(hp_page_table, hp_page_count);
}

} // namespace hp::dev
