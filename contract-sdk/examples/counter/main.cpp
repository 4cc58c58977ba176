// SPDX-License-Identifier: Apache-2.0
//
// Threads: main thread only.
#include "counter.hpp"

int main() {
    return hp::contract::run(counter::on_run);
}
