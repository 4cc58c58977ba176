// SPDX-License-Identifier: Apache-2.0
// logs: what nodes and their contracts have said and are saying, all in one stream.
#include "commands.hpp"

#include "cli/json_writer.hpp"
#include "cli/options.hpp"
#include "clock.hpp"
#include "cluster/log_records.hpp"
#include "cluster/places.hpp"
#include "commands/end_signals.hpp"
#include "commands/follow_logs.hpp"
#include "commands/log_text.hpp"
#include "commands/notes.hpp"
#include "hp/base/log.hpp"

#include <array>
#include <ctime>
#include <regex>

namespace hp::dev {
namespace {

using cli::Args;
using cli::CommandInfo;
using cli::ErrorId;
using cli::OptionInfo;
using cli::Scope;

constexpr std::int64_t lines_again_ms = 100;
constexpr std::uint64_t lines_max = 100'000;

struct Filter {
    LogWish wish;
    std::uint64_t lines = 200;
    bool follow = false;
    bool fold = false;
    bool prefix = true;
    LogLevel level = LogLevel::debug;
    std::optional<std::regex> pattern;
    std::string since; // as logs write times; empty: from the beginning
};

// As the logs have it: local time, so that texts can be compared.
std::string log_time(std::int64_t wall_ms) {
    const auto seconds = static_cast<std::time_t>(wall_ms / 1000);
    std::tm parts{};
    ::localtime_r(&seconds, &parts);
    std::array<char, 32> out{};
    const std::size_t size = std::strftime(out.data(), out.size(), "%Y%m%d %H:%M:%S", &parts);
    return std::string(out.data(), size);
}

Expected<std::regex> parse_pattern(const std::string& text) {
    try { // the library's only way to refuse one
        return std::regex(text, std::regex::ECMAScript | std::regex::optimize);
    } catch (const std::regex_error&) {
        return cli::bad_value("--grep", text, "a regular expression");
    }
}

Done read_pattern(const Args& args, Filter& out) {
    if (const auto text = args.options.text("grep")) {
        HP_DEV_TRY(out.pattern, parse_pattern(*text));
    }
    if (const auto text = args.options.text("level")) {
        const auto level = parse_log_level(*text);
        if (!level) {
            return cli::bad_value("--level", *text, "dbg, inf, wrn or err");
        }
        out.level = *level;
    }
    std::int64_t since_ms = 0;
    HP_DEV_TRY_STATUS(
        cli::OptionReader(args).count("lines", out.lines).duration("since", since_ms).done(true));
    if (out.lines > lines_max) {
        return cli::bad_value("--lines", std::to_string(out.lines), "at most 100000");
    }
    if (since_ms > 0) {
        out.since = log_time(now_wall_ms() - since_ms);
    }
    return {};
}

Expected<Filter> read_filter(const Args& args, const Cluster& cluster) {
    Filter out;
    HP_DEV_TRY(out.wish.nodes,
               parse_nodes(cluster, args.arguments.empty() ? "all" : args.arguments.front()));
    const bool core = args.options.has("core");
    const bool contract = args.options.has("contract");
    const bool all = args.options.has("all") || core == contract;
    out.wish.core = all || core;
    out.wish.contract = all || contract;
    out.follow = args.options.has("follow");
    out.fold = args.options.has("fold");
    out.prefix = !args.options.has("no-prefix");
    HP_DEV_TRY_STATUS(read_pattern(args, out));
    return out;
}

bool wanted(const Filter& filter, const LogRecord& record) {
    const auto level = parse_log_level(record.level);
    return (!level || *level >= filter.level) &&
           (!filter.pattern || std::regex_search(record.text, *filter.pattern)) &&
           (filter.since.empty() || record.time.empty() || record.time >= filter.since);
}

class Printer {
public:
    Printer(const Args& args, const Filter& filter) : args_(args), filter_(filter) {}

    Done show(const LogRecord& record) {
        if (!wanted(filter_, record)) {
            return {};
        }
        const bool same = held_ && held_->node == record.node && held_->text == record.text &&
                          held_->source == record.source;
        if (filter_.fold && same) {
            ++count_;
            return {};
        }
        HP_DEV_TRY_STATUS(flush());
        held_ = record;
        count_ = 1;
        return filter_.fold ? Done() : flush();
    }

    // What is held back because the next line may be the same.
    Done flush() {
        if (!held_) {
            return {};
        }
        const std::string text = args_.json ? json_line() : text_line();
        held_.reset();
        return cli::write_answer(text);
    }

private:
    std::string text_line() const {
        std::string out = log_line(*held_, filter_.prefix);
        if (count_ > 1) {
            out.insert(out.size() - 1, "  ×" + std::to_string(count_));
        }
        return out;
    }

    std::string json_line() const {
        cli::JsonObject out = cli::document(args_.schema);
        out.add("node", std::uint64_t{held_->node}).add("source", held_->source);
        out.add("level", held_->level);
        if (!held_->module.empty()) {
            out.add("module", held_->module);
        }
        if (!held_->time.empty()) {
            out.add("local_time", held_->time);
        }
        if (!held_->run.empty()) {
            out.add("run", held_->run);
        }
        if (count_ > 1) {
            out.add("times", std::uint64_t{count_});
        }
        return out.add("text", held_->text).text() + "\n";
    }

    const Args& args_;
    const Filter& filter_;
    std::optional<LogRecord> held_;
    std::uint64_t count_ = 0;
};

cli::Outcome follow(Printer& printer, LogReader& reader) {
    EndSignals signals;
    while (signals.count() == 0) {
        const std::vector<LogRecord> records = reader.more();
        for (const LogRecord& record : records) {
            HP_DEV_TRY_STATUS(printer.show(record));
        }
        if (records.empty()) {
            HP_DEV_TRY_STATUS(printer.flush());
            sleep_ms(lines_again_ms);
        }
    }
    return tl::unexpected(cli::silent(signals.exit_code()));
}

cli::Outcome run_logs(const Args& args) {
    HP_DEV_TRY(const Cluster cluster, find_cluster(args));
    HP_DEV_TRY(const Filter filter, read_filter(args, cluster));
    LogReader reader(cluster, filter.wish);
    Printer printer(args, filter);
    for (const LogRecord& record : reader.history(filter.lines)) {
        HP_DEV_TRY_STATUS(printer.show(record));
    }
    HP_DEV_TRY_STATUS(printer.flush());
    return filter.follow ? follow(printer, reader) : cli::Outcome(cli::Answer{});
}

} // namespace

cli::Outcome follow_logs(const Args& args, const Cluster& cluster, unsigned node) {
    Filter filter;
    filter.wish.nodes = {node};
    LogReader reader(cluster, filter.wish);
    Printer printer(args, filter);
    return follow(printer, reader);
}

namespace {

constexpr std::array logs_options = {
    OptionInfo{"-f,--follow", "", "go on with what comes, until Ctrl-C"},
    OptionInfo{"-n,--lines", "N", "of each node, before what follows (default 200)"},
    OptionInfo{"--core", "", "what nodes say"},
    OptionInfo{"--contract", "", "what contracts print"},
    OptionInfo{"--all", "", "both (default)"},
    OptionInfo{"--level", "LEVEL", "dbg, inf, wrn or err: nothing below it"},
    OptionInfo{"--grep", "REGEX", "only texts with a match"},
    OptionInfo{"--since", "DUR", "of the last so many seconds or minutes (lines with a time)"},
    OptionInfo{"--fold", "", "the same again becomes one line with its number: ×3"},
    OptionInfo{"--no-prefix", "", "without the node's name in front"},
};

constexpr std::array logs_table = {
    CommandInfo{"logs", "[NODES]", 0, 1, Scope::online,
                "Show what nodes and their contracts say, in one stream", "hpdev logs -f",
                "hpdev logs 2,3 --contract --grep 'total' -n 20", logs_options,
                "ok:bool node?:int source?:core|contract|stderr level?:text module?:text "
                "local_time?:text run?:text times?:int text?:text",
                run_logs},
};

} // namespace

cli::Commands log_commands() {
    return logs_table;
}

} // namespace hp::dev
