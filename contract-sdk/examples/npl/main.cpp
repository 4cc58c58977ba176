// SPDX-License-Identifier: Apache-2.0
//
// Threads: main thread only.
#include "dice.hpp"

int main() {
    return hp::contract::run(dice::on_run);
}
