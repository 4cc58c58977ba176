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

std::vector<EmbeddedFile> embedded_templates() {
    std::vector<EmbeddedFile> out;
    out.reserve(hp_template_count);
    for (std::uint64_t i = 0; i < hp_template_count; ++i) {
        const Entry& entry = hp_template_table[i];
        out.push_back({entry.path, {entry.content, entry.bytes}});
    }
    return out;
}

} // namespace hp::dev
