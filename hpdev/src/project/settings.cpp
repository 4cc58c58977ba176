// SPDX-License-Identifier: Apache-2.0
#include "project/settings.hpp"

#include "cli/json_writer.hpp"
#include "project/toml_reader.hpp"

namespace hp::dev {
namespace {

using cli::ErrorId;
using cli::failure;
using cli::Parsed;

bool is_bare_key(std::string_view key) {
    return !key.empty() && std::ranges::all_of(key, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
    });
}

// 5, true, "text", ["a"] are what they look like; 500ms is a text.
std::string as_toml(std::string_view value) {
    const std::string line = "v = " + std::string(value);
    const bool one_line = value.find('\n') == std::string_view::npos;
    if (!value.empty() && one_line && parse_toml(line, "")) {
        return std::string(value);
    }
    return cli::json_string(value); // escapes as TOML does
}

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> out;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        out.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

} // namespace

Parsed<std::string> change_setting(std::string_view text, std::string_view setting) {
    const std::size_t equals = setting.find('=');
    const std::string_view path = setting.substr(0, equals);
    const std::size_t dot = path.rfind('.');
    const std::string_view table =
        dot == std::string_view::npos ? std::string_view() : path.substr(0, dot);
    const std::string_view key = dot == std::string_view::npos ? path : path.substr(dot + 1);
    if (equals == std::string_view::npos || !is_bare_key(key) ||
        (dot != std::string_view::npos && !is_bare_key(table))) {
        return failure(ErrorId::usage, "--set \"" + std::string(setting) + "\": expected KEY=VALUE",
                       "for example --set cluster.nodes=5");
    }
    const auto parsed = parse_toml(text, "hpdev.toml");
    if (!parsed) {
        return tl::unexpected(parsed.error());
    }
    const toml::table* inside = table.empty() ? &*parsed : nullptr;
    if (const toml::node* named = parsed->get(table); inside == nullptr && named != nullptr) {
        inside = named->as_table();
    }
    std::vector<std::string> lines = lines_of(text);
    const std::string line = std::string(key) + " = " + as_toml(setting.substr(equals + 1));
    const toml::node* old = inside == nullptr ? nullptr : inside->get(key);
    if (old != nullptr) {
        const auto first = std::ptrdiff_t{old->source().begin.line} - 1;
        lines.erase(lines.begin() + first + 1,
                    lines.begin() + std::ptrdiff_t{old->source().end.line});
        lines[static_cast<std::size_t>(first)] = line;
    } else if (inside != nullptr && !table.empty()) {
        lines.insert(lines.begin() + std::ptrdiff_t{inside->source().begin.line}, line);
    } else if (table.empty()) {
        lines.insert(lines.begin(), line);
    } else {
        lines.push_back("");
        lines.push_back("[" + std::string(table) + "]");
        lines.push_back(line);
    }
    std::string out;
    for (const std::string& each : lines) {
        out += each + "\n";
    }
    return out;
}

} // namespace hp::dev
