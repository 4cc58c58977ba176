// SPDX-License-Identifier: Apache-2.0
#include "hp/base/log.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace hp {
namespace {

constexpr std::array<std::string_view, 4> level_names = {"dbg", "inf", "wrn", "err"};
constexpr TimeMs limiter_window_ms = 60'000;
constexpr std::size_t limiter_keys_max = 1024; // forget the oldest keys rather than grow

// Control characters in foreign text must not be able to forge log lines.
void append_value(std::string& out, std::string_view value) {
    const bool plain = !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
        return c > ' ' && c != '"' && c != '=' && c != 0x7f;
    });
    if (plain) {
        out += value;
        return;
    }
    out += '"';
    for (const char c : value) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else {
            out += static_cast<unsigned char>(c) < ' ' || c == 0x7f ? '?' : c;
        }
    }
    out += '"';
}

} // namespace

std::string_view to_string(LogLevel level) {
    return level_names[static_cast<std::size_t>(level)];
}

std::optional<LogLevel> parse_log_level(std::string_view text) {
    const auto* found = std::find(level_names.begin(), level_names.end(), text);
    if (found == level_names.end()) {
        return std::nullopt;
    }
    return static_cast<LogLevel>(found - level_names.begin());
}

Log::Log(std::shared_ptr<LogSink> sink, LogLevel level, std::string module)
    : sink_(std::move(sink)), level_(level), module_(std::move(module)) {}

Log Log::module(std::string name) const {
    return Log(sink_, level_, std::move(name));
}

void Log::put(LogLevel level, std::string_view message, Kvs pairs) const {
    if (!enabled(level)) {
        return;
    }
    std::string text(message);
    for (const Kv& pair : pairs) {
        text += ' ';
        text += pair.key;
        text += '=';
        append_value(text, pair.value);
    }
    sink_->write(level, module_, text);
}

std::optional<unsigned long long> LogLimiter::admit(const std::string& key, TimeMs now_mono_ms) {
    if (windows_.size() >= limiter_keys_max && windows_.count(key) == 0) {
        windows_.erase(windows_.begin());
    }
    auto [it, fresh] = windows_.try_emplace(key);
    Window& window = it->second;
    if (fresh || now_mono_ms - window.started_ms >= limiter_window_ms) {
        const unsigned long long dropped = window.dropped;
        window = Window{now_mono_ms, 1, 0};
        return dropped;
    }
    if (window.passed < burst_) {
        ++window.passed;
        return 0;
    }
    ++window.dropped;
    return std::nullopt;
}

} // namespace hp
