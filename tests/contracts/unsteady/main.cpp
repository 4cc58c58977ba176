// SPDX-License-Identifier: Apache-2.0
//
// Its argument (bin_args) names the fault.
//
// Threads: main thread only.
#include "unsteady.hpp"

#include <cstdio>
#include <string_view>
#include <utility>

namespace {

using Fault = void (*)(hp::contract::Context&);

constexpr std::pair<std::string_view, Fault> faults[] = {
    {"time", unsteady::use_time},
    {"steady-clock", unsteady::use_steady_clock},
    {"random", unsteady::use_random},
    {"random-device", unsteady::use_random_device},
    {"pid", unsteady::use_pid},
    {"addresses", unsteady::use_pointer_order},
    {"memory-stack", unsteady::use_uninitialised_stack},
    {"memory-heap", unsteady::use_uninitialised_heap},
    {"directory-order", unsteady::use_directory_order},
    {"file-times", unsteady::use_file_times},
    {"host", unsteady::use_host_name},
    {"cpus", unsteady::use_processors},
    {"time-zone", unsteady::use_time_zone},
    {"path", unsteady::use_path},
    {"node", unsteady::use_node_key},
    {"repeat", unsteady::use_private_file},
    {"npl", unsteady::use_first_npl},
    {"nothing", unsteady::use_nothing},
};

} // namespace

int main(int argc, char** argv) {
    const std::string_view name = argc > 1 ? argv[1] : "";
    for (const auto& [known, fault] : faults) {
        if (known == name) {
            return hp::contract::run(fault);
        }
    }
    std::fputs("no such fault\n", stderr);
    return 2;
}
