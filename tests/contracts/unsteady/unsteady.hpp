// SPDX-License-Identifier: Apache-2.0
//
// Contracts that nodes disagree about, one for each thing that differs between machines. Each fault
// writes what it gets into the state. `hpdev check` has to name every one of them.
#pragma once

#include <hp/contract/contract.hpp>

#include <string>

namespace unsteady {

// Replaces the state file result.txt.
void write_result(const std::string& text);

void use_time(hp::contract::Context& c);
void use_steady_clock(hp::contract::Context& c);
void use_random(hp::contract::Context& c);
void use_random_device(hp::contract::Context& c);
void use_pid(hp::contract::Context& c);
void use_pointer_order(hp::contract::Context& c);
void use_uninitialised_stack(hp::contract::Context& c);
void use_uninitialised_heap(hp::contract::Context& c);
void use_directory_order(hp::contract::Context& c);
void use_file_times(hp::contract::Context& c);
void use_host_name(hp::contract::Context& c);
void use_processors(hp::contract::Context& c);
void use_time_zone(hp::contract::Context& c);
void use_path(hp::contract::Context& c);
void use_node_key(hp::contract::Context& c);
void use_private_file(hp::contract::Context& c);
void use_first_npl(hp::contract::Context& c);
void use_nothing(hp::contract::Context& c);

} // namespace unsteady
