// SPDX-License-Identifier: Apache-2.0
// The other end of a plan: the program that stands in the contract's place. It starts the contract
// under ptrace and answers some of its questions to the machine (time, random bytes, its number,
// the order of directories) as the plan says, for programs of every kind: static ones and those
// that bring their own runtime included. Suspicious calls are counted, with who made them.
//
// Ends as the contract ends. Single-threaded; x86-64. Elsewhere, and where tracing is forbidden,
// the contract runs untouched, except for what needs no tracing.
#pragma once

#include "contract/trace_plan.hpp"

namespace hp::dev {

// The exit code, unless the contract was ended by a signal: then this process ends so as well.
int run_traced(const TracePlan& plan);

// What main() does before anything else: empty unless a plan is named by the environment.
std::optional<int> run_planned_trace();

} // namespace hp::dev
