// SPDX-License-Identifier: Apache-2.0
#include "process_tree.hpp"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <unistd.h>

namespace hp::bench {
namespace {

namespace fs = std::filesystem;

struct ProcessInfo {
    int parent = 0;
    std::int64_t cpu_ticks = 0;
};

std::optional<int> parse_pid(const std::string& name) {
    int pid = 0;
    const char* end = name.data() + name.size();
    const auto [stop, error] = std::from_chars(name.data(), end, pid);
    return error == std::errc() && stop == end ? std::optional(pid) : std::nullopt;
}

// /proc/<pid>/stat; the fields are counted from behind the name, which may contain anything.
std::optional<ProcessInfo> read_stat(int pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string text;
    std::getline(file, text);
    const std::size_t name_end = text.rfind(')');
    if (name_end == std::string::npos) {
        return std::nullopt; // it has ended
    }
    std::istringstream in(text.substr(name_end + 1));
    std::vector<std::string> fields{std::istream_iterator<std::string>(in), {}};
    constexpr std::size_t parent_at = 1;
    constexpr std::size_t times_at = 11; // utime, stime, cutime, cstime
    if (fields.size() < times_at + 4) {
        return std::nullopt;
    }
    ProcessInfo info;
    info.parent = std::stoi(fields[parent_at]);
    for (std::size_t i = times_at; i < times_at + 4; ++i) {
        info.cpu_ticks += std::stoll(fields[i]);
    }
    return info;
}

// A "Name:  123 kB" line of a file in /proc/<pid>; 0 when it is not there.
std::uint64_t read_kib(int pid, const std::string& file_name, const std::string& name) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/" + file_name);
    std::string word;
    std::uint64_t value = 0;
    while (file >> word) {
        if (word == name + ":" && file >> value) {
            return value;
        }
    }
    return 0;
}

std::map<int, ProcessInfo> all_processes() {
    std::map<int, ProcessInfo> out;
    for (const fs::directory_entry& entry : fs::directory_iterator("/proc")) {
        const auto pid = parse_pid(entry.path().filename().string());
        if (const auto info = pid ? read_stat(*pid) : std::nullopt) {
            out[*pid] = *info;
        }
    }
    return out;
}

// `root` and its descendants. Numbers are reused, so a child may have a lower one.
std::set<int> descendants(const std::map<int, ProcessInfo>& processes, int root) {
    std::set<int> tree{root};
    for (std::size_t before = 0; before != tree.size();) {
        before = tree.size();
        for (const auto& [pid, info] : processes) {
            if (tree.count(info.parent) != 0) {
                tree.insert(pid);
            }
        }
    }
    return tree;
}

TreeUse add_up(const std::map<int, ProcessInfo>& processes, int root_pid) {
    TreeUse use;
    std::int64_t ticks = 0;
    for (const int pid : descendants(processes, root_pid)) {
        ++use.processes;
        use.rss_kib += read_kib(pid, "status", "VmRSS");
        use.pss_kib += read_kib(pid, "smaps_rollup", "Pss");
        ticks += processes.at(pid).cpu_ticks;
    }
    use.root_rss_kib = read_kib(root_pid, "status", "VmRSS");
    use.cpu_us = ticks * 1'000'000 / ::sysconf(_SC_CLK_TCK);
    return use;
}

} // namespace

Result<TreeUse> measure_tree(int root_pid) {
    try {
        const std::map<int, ProcessInfo> processes = all_processes();
        if (processes.count(root_pid) == 0) {
            return fail(Errc::not_found, "no process " + std::to_string(root_pid));
        }
        return add_up(processes, root_pid);
    } catch (const std::exception& error) {
        return fail(Errc::io, std::string("cannot read /proc: ") + error.what());
    }
}

} // namespace hp::bench
