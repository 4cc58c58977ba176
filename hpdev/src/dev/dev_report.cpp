// SPDX-License-Identifier: Apache-2.0
#include "dev/dev_report.hpp"

#include "cli/output.hpp"
#include "clock.hpp"
#include "commands/log_text.hpp"

#include <array>
#include <cstdio>

namespace hp::dev {
namespace {

std::string padded(std::string text, std::size_t width) {
    text.resize(std::max(text.size(), width), ' ');
    return text;
}

std::string seconds_of(std::int64_t took_ms) {
    if (took_ms < 0) {
        return "";
    }
    std::array<char, 32> out{};
    std::snprintf(out.data(), out.size(), "%.1fs", static_cast<double>(took_ms) / 1000);
    return out.data();
}

} // namespace

DevReport::DevReport(const cli::Args& args) : args_(args), begun_ms_(now_mono_ms()) {}

cli::JsonObject DevReport::begin(const std::string& name) const {
    cli::JsonObject out = cli::document(args_.schema);
    out.add("event", name);
    return out.add("at_ms", static_cast<std::uint64_t>(now_mono_ms() - begun_ms_));
}

Done DevReport::show(const DevEvent& event) const {
    if (!args_.json) {
        const bool one_column = event.result.empty() && event.took_ms < 0;
        const std::string head =
            one_column ? "" : padded(event.result, 9) + padded(seconds_of(event.took_ms), 7);
        return cli::write_answer("  " + padded(event.name, 10) + head + event.text + "\n");
    }
    cli::JsonObject out = begin(event.kind.empty() ? event.name : event.kind);
    if (!event.result.empty()) {
        out.add("result", event.result);
    }
    if (event.took_ms >= 0) {
        out.add("took_ms", static_cast<std::uint64_t>(event.took_ms));
    }
    out.add("text", event.text).add_all(event.members);
    return cli::write_answer(args_, out.text() + "\n");
}

Done DevReport::show(const LogRecord& record) const {
    if (!args_.json) {
        return cli::write_answer(log_line(record, true));
    }
    cli::JsonObject out = begin("log");
    out.add("node", std::uint64_t{record.node}).add("source", record.source);
    out.add("level", record.level);
    if (!record.module.empty()) {
        out.add("module", record.module);
    }
    if (!record.time.empty()) {
        out.add("local_time", record.time);
    }
    return cli::write_answer(args_, out.add("text", record.text).text() + "\n");
}

} // namespace hp::dev
