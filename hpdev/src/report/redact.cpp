// SPDX-License-Identifier: Apache-2.0
#include "report/redact.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace hp::dev {
namespace {

constexpr std::size_t secret_letters_min = 8;
constexpr std::size_t private_key_letters = 130;
constexpr std::size_t seed_letters = 64;

std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

bool names_a_secret(const std::string& name) {
    constexpr std::array<std::string_view, 7> words = {
        "private_key", "secret", "password", "passphrase", "seed", "token", "environment"};
    const std::string small = lower(name);
    return std::ranges::any_of(
        words, [&small](std::string_view word) { return small.find(word) != std::string::npos; });
}

void collect_texts(const Json& json, std::vector<std::string>& out) {
    if (json.is_string()) {
        out.push_back(json.get<std::string>());
        // A private key is also known by its first half, without what names the kind of key.
        if (out.back().size() == private_key_letters) {
            out.push_back(out.back().substr(2, seed_letters));
        }
    } else if (json.is_structured()) {
        for (const Json& item : json) {
            collect_texts(item, out);
        }
    }
}

} // namespace

Json redact_json(const Json& json, std::vector<std::string>& secrets) {
    if (!json.is_structured()) {
        return json;
    }
    Json out = json;
    for (auto item = out.begin(); item != out.end(); ++item) {
        const bool secret = out.is_object() && names_a_secret(item.key());
        const bool something = !item->empty() && *item != "";
        if (secret && something) {
            collect_texts(*item, secrets);
            *item = removed_word;
        } else {
            *item = redact_json(*item, secrets);
        }
    }
    return out;
}

std::string without_token(const std::string& url) {
    const std::size_t mark = url.find('#');
    return mark == std::string::npos ? url : url.substr(0, mark + 1) + std::string(removed_word);
}

std::string redact_text(std::string text, const std::vector<std::string>& secrets) {
    for (const std::string& secret : secrets) {
        if (secret.size() < secret_letters_min) {
            continue;
        }
        const std::string wanted = lower(secret);
        std::string small = lower(text);
        for (std::size_t at = small.find(wanted); at != std::string::npos;
             at = small.find(wanted, at + removed_word.size())) {
            text.replace(at, wanted.size(), removed_word);
            small.replace(at, wanted.size(), removed_word);
        }
    }
    return text;
}

} // namespace hp::dev
