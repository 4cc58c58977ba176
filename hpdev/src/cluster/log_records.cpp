// SPDX-License-Identifier: Apache-2.0
#include "cluster/log_records.hpp"

#include "cluster/node_process.hpp"
#include "hp/config/contract_dir.hpp"

#include <algorithm>
#include <cctype>
#include <map>

namespace hp::dev {
namespace {

constexpr std::size_t time_bytes = 21; // "YYYYMMDD HH:MM:SS.mmm"

// "20260203 04:05:06.789 [inf][node] text"; false for what goes on from the line before.
bool parse_core(const std::string& line, LogRecord& out) {
    const bool record = line.size() > time_bytes + 7 && line[8] == ' ' && line[time_bytes] == ' ' &&
                        line[time_bytes + 1] == '[' &&
                        std::isdigit(static_cast<unsigned char>(line[0])) != 0;
    const std::size_t level_end = record ? line.find("][", time_bytes) : std::string::npos;
    const std::size_t module_end =
        level_end == std::string::npos ? std::string::npos : line.find("] ", level_end);
    if (module_end == std::string::npos) {
        return false;
    }
    out.time = line.substr(0, time_bytes);
    out.level = line.substr(time_bytes + 2, level_end - time_bytes - 2);
    out.module = line.substr(level_end + 2, module_end - level_end - 2);
    out.text = line.substr(module_end + 2);
    return true;
}

} // namespace

LogReader::LogReader(const Cluster& cluster, const LogWish& wish) {
    for (const unsigned number : wish.nodes) {
        const ClusterNode* node = cluster.find(number);
        if (node == nullptr) {
            continue;
        }
        const config::ContractDir dir = config::contract_dir(node->dir);
        const auto add = [&](const char* source, const char* module, const char* level,
                             const fs::path& path) {
            files_.push_back({number, source, module, level, path, LogFollower(path), {}});
        };
        if (wish.core) {
            add("core", "", "inf", dir.log() / "hp.log");
            add("stderr", "", "err", stderr_file(*node));
        }
        if (wish.contract) {
            add("contract", "rw", "inf", dir.contract_log() / "rw.stdout.log");
            add("contract", "rw", "err", dir.contract_log() / "rw.stderr.log");
            add("contract", "ro", "inf", dir.contract_log() / "ro.stdout.log");
            add("contract", "ro", "err", dir.contract_log() / "ro.stderr.log");
        }
    }
}

std::vector<LogRecord> LogReader::parse(const File& file, const std::vector<std::string>& lines,
                                        std::string& run) {
    std::vector<LogRecord> out;
    for (const std::string& line : lines) {
        LogRecord record{file.node, file.source, file.level, file.module, {}, line, {}};
        if (file.source == "core" && !parse_core(line, record) && !out.empty()) {
            out.back().text += "\n" + line;
            continue;
        }
        if (file.source == "contract") {
            if (line.starts_with("Execution lcl ")) {
                run = line; // a title, not what the contract said
                continue;
            }
            record.run = run;
        }
        out.push_back(std::move(record));
    }
    return out;
}

std::vector<LogRecord> LogReader::history(std::size_t lines_max) const {
    std::map<unsigned, std::vector<LogRecord>> by_node;
    for (const File& file : files_) {
        std::string run;
        std::vector<LogRecord>& records = by_node[file.node];
        for (LogRecord& record : parse(file, tail_of(file.path, lines_max), run)) {
            records.push_back(std::move(record));
        }
    }
    std::vector<LogRecord> out;
    for (auto& [node, records] : by_node) {
        std::ranges::stable_sort(records, {}, &LogRecord::time);
        const std::size_t skip = records.size() > lines_max ? records.size() - lines_max : 0;
        std::move(records.begin() + static_cast<std::ptrdiff_t>(skip), records.end(),
                  std::back_inserter(out));
    }
    std::ranges::stable_sort(out, {}, &LogRecord::time);
    return out;
}

std::vector<LogRecord> LogReader::more() {
    std::vector<LogRecord> out;
    for (File& file : files_) {
        for (LogRecord& record : parse(file, file.follower.read_new(), file.run)) {
            out.push_back(std::move(record));
        }
    }
    std::ranges::stable_sort(out, {}, &LogRecord::time);
    return out;
}

} // namespace hp::dev
