// SPDX-License-Identifier: Apache-2.0
// The commands of hpdev, by the file that defines them. Each does its work and gives back the whole
// answer, except those that stream, which write as they go.
#pragma once

#include "cli/program.hpp"

namespace hp::dev {

const cli::Program& hpdev_program();

// What is made of a project.
cli::Commands new_commands();   // new, init, templates ...
cli::Commands build_commands(); // build, bundle
cli::Commands dev_commands();
cli::Commands exec_commands();
cli::Commands test_commands();
cli::Commands check_commands();

// Clusters of a project.
cli::Commands up_commands();
cli::Commands down_commands();
cli::Commands ps_commands();
cli::Commands deploy_commands();
cli::Commands node_commands();
cli::Commands cluster_commands();
cli::Commands log_commands();
cli::Commands top_commands();
cli::Commands state_commands();
cli::Commands dashboard_commands();
cli::Commands chaos_commands();
cli::Commands scenario_commands();

cli::Commands doctor_commands();
cli::Commands report_commands();
cli::Commands manual_commands(); // about hpdev itself

} // namespace hp::dev
