// SPDX-License-Identifier: Apache-2.0
// Nodes' logs as records: what the node itself says (core), what its contract prints (contract) and
// what goes to stderr before there is a log. History and what comes after it, of many nodes at
// once. Blocking file work; one thread.
#pragma once

#include "cluster/cluster_file.hpp"
#include "cluster/log_tail.hpp"

#include <string>
#include <vector>

namespace hp::dev {

struct LogRecord {
    unsigned node = 0;
    std::string source; // core, contract, stderr
    std::string level;  // dbg inf wrn err; of contracts: inf for stdout, err for stderr
    std::string module; // of core; "rw" or "ro" of contracts
    std::string time;   // as the log has it; empty where it has none
    std::string text;
    std::string run; // contracts: the title of the run, "Execution lcl 12-..."
};

struct LogWish {
    std::vector<unsigned> nodes;
    bool core = true;
    bool contract = true;
};

class LogReader {
public:
    LogReader(const Cluster& cluster, const LogWish& wish);

    // At most `lines_max` of each node, oldest first as far as times tell.
    std::vector<LogRecord> history(std::size_t lines_max) const;
    // What has been added since the reader was made or asked last.
    std::vector<LogRecord> more();

private:
    struct File {
        unsigned node = 0;
        std::string source, module, level;
        fs::path path;
        LogFollower follower;
        std::string run;
    };
    static std::vector<LogRecord> parse(const File& file, const std::vector<std::string>& lines,
                                        std::string& run);

    std::vector<File> files_;
};

} // namespace hp::dev
