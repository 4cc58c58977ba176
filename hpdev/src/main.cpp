// SPDX-License-Identifier: Apache-2.0
#include "commands.hpp"
#include "contract/tracer.hpp"

int main(int argc, char** argv) {
    if (const auto ended = hp::dev::run_planned_trace()) {
        return *ended; // in a contract's place
    }
    return hp::cli::run_program(hp::dev::hpdev_program(), argc, argv);
}
