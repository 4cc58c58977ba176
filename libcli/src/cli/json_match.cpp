// SPDX-License-Identifier: Apache-2.0
#include "cli/json_match.hpp"

#include "cli/json_writer.hpp"
#include "cli/values.hpp"

#include <nlohmann/json.hpp>

namespace hp::cli {
namespace {

using Json = nlohmann::ordered_json;

// What is no JSON, or too deep to be walked, is a text.
Json parse_content(ByteView content) {
    if (nests_too_deeply(as_text(content))) {
        return hp::to_text(content);
    }
    Json out = Json::parse(content.begin(), content.end(), nullptr, false);
    return out.is_discarded() ? Json(hp::to_text(content)) : out;
}

const Json* find(const Json& root, const std::vector<std::string>& path) {
    const Json* place = &root;
    for (const std::string& part : path) {
        if (place->is_object() && place->contains(part)) {
            place = &(*place)[part];
            continue;
        }
        const auto index = parse_number(part);
        if (!place->is_array() || !index || *index >= place->size()) {
            return nullptr;
        }
        place = &(*place)[static_cast<std::size_t>(*index)];
    }
    return place;
}

} // namespace

std::optional<std::vector<std::string>> parse_json_path(std::string_view text) {
    std::vector<std::string> out;
    if (text.starts_with('$')) {
        text.remove_prefix(1);
    } else if (!text.empty() && !text.starts_with('[')) {
        const std::size_t end = std::min(text.find_first_of(".["), text.size());
        out.emplace_back(text.substr(0, end));
        text.remove_prefix(end);
    } else {
        return std::nullopt;
    }
    while (!text.empty()) {
        const bool is_index = text.front() == '[';
        const std::size_t end =
            is_index ? text.find(']') : std::min(text.find_first_of(".[", 1), text.size());
        if ((!is_index && text.front() != '.') || end == std::string_view::npos || end < 2) {
            return std::nullopt;
        }
        out.emplace_back(text.substr(1, end - 1));
        text.remove_prefix(end + (is_index ? 1 : 0));
    }
    return out;
}

std::optional<Match> parse_match(std::string_view text) {
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) {
        return std::nullopt;
    }
    auto path = parse_json_path(text.substr(0, equals));
    return path ? std::optional(Match{std::move(*path), std::string(text.substr(equals + 1))})
                : std::nullopt;
}

bool Match::fits(ByteView content) const {
    const Json root = parse_content(content);
    const Json* place = find(root, path);
    if (place == nullptr) {
        return false;
    }
    if (place->is_string() && place->get<std::string>() == value) {
        return true;
    }
    const Json wanted = Json::parse(value, nullptr, false);
    return !wanted.is_discarded() && *place == wanted;
}

std::optional<std::string> value_at(ByteView content, const std::vector<std::string>& path) {
    const Json root = parse_content(content);
    const Json* place = find(root, path);
    return place == nullptr
               ? std::nullopt
               : std::optional(place->dump(-1, ' ', false, Json::error_handler_t::replace));
}

} // namespace hp::cli
