// SPDX-License-Identifier: Apache-2.0
// The commands of hpdev, by the file that defines them. Each does its work and gives back the whole
// answer, except those that stream, which write as they go.
#pragma once

#include "cli/program.hpp"

namespace hp::dev {

const cli::Program& hpdev_program();

cli::Commands new_commands();   // new, init, templates ...
cli::Commands build_commands(); // build, bundle
cli::Commands check_commands();
cli::Commands exec_commands();
cli::Commands manual_commands(); // about hpdev itself
cli::Commands test_commands();

} // namespace hp::dev
