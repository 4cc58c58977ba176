// SPDX-License-Identifier: Apache-2.0
#include "hp/base/utf8.hpp"

namespace hp {
namespace {

struct Form {
    std::size_t length;
    unsigned char second_min; // the second byte's range is what rules out overlong forms,
    unsigned char second_max; // surrogates and values beyond U+10FFFF
};

constexpr Form form_of(unsigned char first) {
    if (first < 0x80) {
        return {1, 0, 0};
    }
    if (first >= 0xC2 && first <= 0xDF) {
        return {2, 0x80, 0xBF};
    }
    if (first >= 0xE0 && first <= 0xEF) {
        return {3, static_cast<unsigned char>(first == 0xE0 ? 0xA0 : 0x80),
                static_cast<unsigned char>(first == 0xED ? 0x9F : 0xBF)};
    }
    if (first >= 0xF0 && first <= 0xF4) {
        return {4, static_cast<unsigned char>(first == 0xF0 ? 0x90 : 0x80),
                static_cast<unsigned char>(first == 0xF4 ? 0x8F : 0xBF)};
    }
    return {0, 0, 0};
}

} // namespace

std::size_t utf8_length(std::string_view text) {
    if (text.empty()) {
        return 0;
    }
    const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const Form form = form_of(byte(0));
    if (form.length <= 1) {
        return form.length;
    }
    if (text.size() < form.length || byte(1) < form.second_min || byte(1) > form.second_max) {
        return 0;
    }
    for (std::size_t i = 2; i < form.length; ++i) {
        if ((byte(i) & 0xC0U) != 0x80) {
            return 0;
        }
    }
    return form.length;
}

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        if (length == 0) {
            return false;
        }
        text.remove_prefix(length);
    }
    return true;
}

} // namespace hp
