// SPDX-License-Identifier: Apache-2.0
//
// Reading and replacing the two files. The SDK sees to it that a file is replaced in one step and
// has the same mode on every node.
#include "state_files.hpp"

#include <hp/contract/files.hpp>

#include <charconv>
#include <stdexcept>

namespace tally {
namespace {

constexpr const char* total_file = "total.txt";
constexpr const char* text_file = "text.txt";

/// `missing` if there is no such file yet.
std::string load_file(const char* name, const char* missing) {
    auto content = hp::contract::read_file(name);
    if (content)
        return *std::move(content);
    if (content.error().code == std::errc::no_such_file_or_directory)
        return missing;
    throw std::runtime_error(content.error().message);
}

void save_file(const char* name, std::string_view content) {
    if (const auto saved = hp::contract::replace_file(name, content); !saved)
        throw std::runtime_error(saved.error().message);
}

std::int64_t parse_total(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc{} || end != text.data() + text.size())
        throw std::runtime_error("total.txt does not hold a number");
    return value;
}

} // namespace

State load() {
    return {parse_total(load_file(total_file, "0")), load_file(text_file, "")};
}

void save(const State& before, const State& after) {
    if (after.total != before.total)
        save_file(total_file, std::to_string(after.total));
    if (after.text != before.text)
        save_file(text_file, after.text);
}

} // namespace tally
