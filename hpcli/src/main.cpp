// SPDX-License-Identifier: Apache-2.0
#include "commands.hpp"

int main(int argc, char** argv) {
    return hp::cli::run_program(hp::cli::hpcli_program(), argc, argv);
}
