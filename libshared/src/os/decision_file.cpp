// SPDX-License-Identifier: Apache-2.0
#include "hp/os/decision_file.hpp"

#include <string_view>

#include "hp/os/files.hpp"

namespace hp::os {
namespace {

constexpr std::string_view yes = "yes\n";
constexpr std::string_view no = "no\n";

} // namespace

Result<std::optional<bool>> read_decision(const std::filesystem::path& path) {
    const auto content = read_file(path, yes.size());
    if (!content && content.err().code == Errc::not_found) {
        return std::optional<bool>();
    }
    HP_TRY_STATUS(content);
    const std::string_view text = as_text(*content);
    if (text != yes && text != no) {
        return fail(Errc::corrupt, path.string() + " says neither yes nor no");
    }
    return std::optional(text == yes);
}

Result<bool> decide(const std::filesystem::path& path, bool wish) {
    HP_TRY(const bool first, create_file(path, as_bytes(wish ? yes : no), 0644));
    if (first) {
        return wish;
    }
    HP_TRY(const std::optional<bool> decided, read_decision(path));
    return decided ? Result<bool>(*decided) : fail(Errc::not_found, path.string() + " was removed");
}

} // namespace hp::os
