// SPDX-License-Identifier: Apache-2.0
//
// Threads: main thread only.
#include "upgrade.hpp"

int main() {
    return hp::contract::run(upgrade::on_run);
}
