// SPDX-License-Identifier: Apache-2.0
// What comes in a node's logs, on stdout until a signal ends it. One thread.
#pragma once

#include "cli/args.hpp"
#include "cluster/cluster_file.hpp"

namespace hp::dev {

cli::Outcome follow_logs(const cli::Args& args, const Cluster& cluster, unsigned node);

} // namespace hp::dev
