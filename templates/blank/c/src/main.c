// SPDX-License-Identifier: Apache-2.0
// Called once for every ledger and once for every read request. See README.md.
#include <hotpocket_contract.h>

#include <stdio.h>

int main(void) {
    if (hp_init_contract() == -1)
        return 2;
    const struct hp_contract_context* ctx = hp_get_context();
    for (size_t u = 0; u < ctx->users.count; u++) {
        const struct hp_user* user = &ctx->users.list[u];
        for (size_t i = 0; i < user->inputs.count; i++) {
            // The node's log shows what a contract prints: "hpdev logs --contract".
            printf("input of %u bytes\n", (unsigned)user->inputs.list[i].size);
        }
    }
    hp_deinit_contract();
    return 0;
}
