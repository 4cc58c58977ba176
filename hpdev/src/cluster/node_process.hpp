// SPDX-License-Identifier: Apache-2.0
// Starting one hpnode and telling why it ended. It cannot outlive the thread that starts it: the
// kernel kills it then. Single-threaded use: the supervisor's main thread.
#pragma once

#include "cluster/cluster_file.hpp"

namespace hp::dev {

// Its stderr goes to stderr_file(), begun anew. Its process group is its own.
Expected<ProcessMark> start_node(const fs::path& program, const ClusterNode& node);

fs::path stderr_file(const ClusterNode& node);

// `status` of waitpid(2): "exit code 255", "killed by signal 9 (SIGKILL)".
std::string describe_end(int status);

// What a node said last: its stderr if there is any, else the end of its log.
std::vector<std::string> last_lines(const ClusterNode& node);

} // namespace hp::dev
