// SPDX-License-Identifier: Apache-2.0
// Logging. A Log is a cheap copyable handle (module name, level, shared sink) that is passed to
// whoever logs; there is no global logger. Lines are a short message and key=value pairs.
// Thread rule: any thread may log; sinks serialise.
#pragma once

#include <atomic>
#include <concepts>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "hp/base/time.hpp"

namespace hp {

enum class LogLevel : unsigned char { debug, info, warning, error };

// "dbg", "inf", "wrn", "err": the spelling of hp.cfg's log.log_level and of the log lines.
std::string_view to_string(LogLevel level);
std::optional<LogLevel> parse_log_level(std::string_view text);

class LogSink {
public:
    virtual ~LogSink() = default;
    virtual void write(LogLevel level, std::string_view module, std::string_view text) = 0;
};

// One key=value pair; values with spaces or quotes are quoted when printed.
struct Kv {
    std::string_view key;
    std::string value;

    Kv(std::string_view k, std::string_view v) : key(k), value(v) {}
    Kv(std::string_view k, const std::string& v) : key(k), value(v) {}
    Kv(std::string_view k, const char* v) : key(k), value(v) {}
    Kv(std::string_view k, bool v) : key(k), value(v ? "true" : "false") {}
    template <std::integral T>
    Kv(std::string_view k, T v) : key(k), value(std::to_string(v)) {}
};

using Kvs = std::initializer_list<Kv>;

class Log {
public:
    Log() = default; // discards everything: for tests and pure code
    Log(std::shared_ptr<LogSink> sink, LogLevel level, std::string module);

    // Same sink and level under another module name.
    Log module(std::string name) const;

    bool enabled(LogLevel level) const { return sink_ && level >= level_; }
    void debug(std::string_view message, Kvs pairs = {}) const {
        put(LogLevel::debug, message, pairs);
    }
    void info(std::string_view message, Kvs pairs = {}) const {
        put(LogLevel::info, message, pairs);
    }
    void warning(std::string_view message, Kvs pairs = {}) const {
        put(LogLevel::warning, message, pairs);
    }
    void error(std::string_view message, Kvs pairs = {}) const {
        put(LogLevel::error, message, pairs);
    }

private:
    void put(LogLevel level, std::string_view message, Kvs pairs) const;

    std::shared_ptr<LogSink> sink_;
    LogLevel level_ = LogLevel::info;
    std::string module_;
};

// Lets through `burst` events a key, then one a minute that carries the number left out. Keeps an
// attacker from filling the disk through the log. Not thread safe: one owner.
class LogLimiter {
public:
    explicit LogLimiter(unsigned burst = 5) : burst_(burst) {}

    // Empty: stay silent. Otherwise the number of events with this key dropped since the last line.
    std::optional<unsigned long long> admit(const std::string& key, TimeMs now_mono_ms);

private:
    struct Window {
        TimeMs started_ms = 0;
        unsigned passed = 0;
        unsigned long long dropped = 0;
    };
    unsigned burst_;
    std::map<std::string, Window> windows_;
};

} // namespace hp
