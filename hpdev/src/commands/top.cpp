// SPDX-License-Identifier: Apache-2.0
// top: a cluster on one screen: its nodes, what is wrong, the end of the logs. Redraws at most five
// times a second.
#include "commands.hpp"

#include "cli/options.hpp"
#include "clock.hpp"
#include "cluster/log_records.hpp"
#include "cluster/node_view.hpp"
#include "cluster/places.hpp"
#include "commands/end_signals.hpp"
#include "commands/log_text.hpp"
#include "commands/terminal.hpp"

#include <algorithm>
#include <array>
#include <sstream>

namespace hp::dev {
namespace {

using cli::Args;
using cli::CommandInfo;
using cli::OptionInfo;
using cli::Scope;

constexpr std::int64_t interval_min_ms = 200;
constexpr std::size_t log_lines = 50;

// What the user has chosen to look at.
struct Look {
    unsigned node = 0; // whose logs; 0: all
    bool frozen = false;
};

// The screen's columns count characters, not bytes: the rest of a UTF-8 one is not counted.
std::string cut(const std::string& line, std::size_t columns) {
    std::size_t seen = 0;
    std::size_t end = 0;
    while (end < line.size()) {
        const bool starts = (static_cast<unsigned char>(line[end]) & 0xc0) != 0x80;
        if (starts && seen++ == columns) {
            break;
        }
        ++end;
    }
    return line.substr(0, end);
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> out;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
        out.push_back(line);
    }
    return out;
}

std::vector<std::string> log_tail(const Cluster& cluster, const Look& look, std::size_t rows) {
    LogWish wish;
    for (const ClusterNode& node : cluster.nodes) {
        if (look.node == 0 || look.node == node.number) {
            wish.nodes.push_back(node.number);
        }
    }
    std::vector<std::string> out;
    for (const LogRecord& record : LogReader(cluster, wish).history(log_lines)) {
        for (std::string& line : lines_of(log_line(record, true))) {
            out.push_back(std::move(line));
        }
    }
    if (out.size() > rows) {
        out.erase(out.begin(), out.end() - static_cast<std::ptrdiff_t>(rows));
    }
    return out;
}

std::vector<std::string> frame(const Cluster& cluster, const Look& look, const ScreenSize& size) {
    const std::vector<NodeView> views = view_nodes(cluster);
    std::vector<std::string> out = {cluster.name + (cluster.is_running() ? "" : "  NOT RUNNING") +
                                    (look.frozen ? "  frozen" : "")};
    for (std::string& line : lines_of(view_summary(cluster, views))) {
        out.push_back(std::move(line));
    }
    for (std::string& line : lines_of(view_table(views))) {
        out.push_back(std::move(line));
    }
    out.push_back("-- logs of " +
                  (look.node == 0 ? std::string("all nodes") : "n" + std::to_string(look.node)) +
                  " (1-9 one node, a all, space freezes, q ends)");
    const std::size_t left = size.rows > out.size() ? size.rows - out.size() : 0;
    for (std::string& line : log_tail(cluster, look, left)) {
        out.push_back(std::move(line));
    }
    for (std::string& line : out) {
        line = cut(line, size.columns);
    }
    return out;
}

std::string joined(const std::vector<std::string>& lines, std::string_view end) {
    std::string out;
    for (const std::string& line : lines) {
        out += line;
        out += end;
    }
    return out;
}

// False when it is time to end.
bool on_key(char key, Look& look) {
    if (key >= '1' && key <= '9') {
        look.node = static_cast<unsigned>(key - '0');
    } else if (key == 'a' || key == '0') {
        look.node = 0;
    } else if (key == ' ') {
        look.frozen = !look.frozen;
    }
    return key != 'q';
}

cli::Outcome run_screen(const Args& args, std::int64_t interval_ms) {
    EndSignals signals;
    const FullScreen screen;
    Look look;
    for (;;) {
        if (!look.frozen) {
            HP_DEV_TRY(const Cluster cluster, find_cluster(args));
            ScreenSize size = screen_size();
            size.rows -= size.rows > 1 ? 1 : 0;
            HP_DEV_TRY_STATUS(cli::write_answer(
                "\x1b[H" + joined(frame(cluster, look, size), "\x1b[K\r\n") + "\x1b[J"));
        }
        const auto key = FullScreen::key(static_cast<int>(interval_ms));
        if ((key && !on_key(*key, look)) || signals.count() > 0) {
            return cli::Answer{};
        }
    }
}

cli::Outcome run_top(const Args& args) {
    std::int64_t interval_ms = 500;
    HP_DEV_TRY_STATUS(cli::OptionReader(args).duration("interval", interval_ms).done(true));
    interval_ms = std::clamp<std::int64_t>(interval_ms, interval_min_ms, 60'000);
    HP_DEV_TRY(const Cluster cluster, find_running(args));
    const bool terminal = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
    if (terminal && !args.options.has("once")) {
        return run_screen(args, interval_ms);
    }
    EndSignals signals;
    for (;;) {
        HP_DEV_TRY(const Cluster now, find_running(args));
        const std::string text = joined(frame(now, {}, {}), "\n");
        if (args.options.has("once")) {
            return cli::Answer{text};
        }
        HP_DEV_TRY_STATUS(cli::write_answer(text + "\n"));
        const std::int64_t next_ms = now_mono_ms() + interval_ms;
        while (now_mono_ms() < next_ms) {
            if (signals.count() > 0) {
                return tl::unexpected(cli::silent(signals.exit_code()));
            }
            sleep_ms(20);
        }
    }
}

constexpr std::array top_options = {
    OptionInfo{"--interval", "DUR", "between two looks (default 500ms)"},
    OptionInfo{"--once", "", "one screen, then end"},
};

constexpr std::array top_table = {
    CommandInfo{"top", "", 0, 0, Scope::online,
                "Watch a cluster on one screen; without a terminal, one screen after the other",
                "hpdev top", "hpdev top --once", top_options, "", run_top},
};

} // namespace

cli::Commands top_commands() {
    return top_table;
}

} // namespace hp::dev
