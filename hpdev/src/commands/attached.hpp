// SPDX-License-Identifier: Apache-2.0
// A command that stays with its cluster: logs of all nodes on stdout, deaths of nodes on stderr,
// until Ctrl-C (or a signal to end) stops the cluster; the second one at once. One thread.
#pragma once

#include "cli/args.hpp"
#include "cluster/cluster_file.hpp"

namespace hp::dev {

cli::Outcome stay_attached(const cli::Args& args, const Cluster& cluster,
                           const cli::Answer& answer);

} // namespace hp::dev
