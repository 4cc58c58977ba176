// SPDX-License-Identifier: Apache-2.0
// The run: every request in order, one answer each. store.h says what a request is.
#include "store.h"

#include <hotpocket_contract.h>

int main(void) {
    if (hp_init_contract() == -1)
        return 2;
    static char answer[ANSWER_BYTES_MAX];
    const struct hp_contract_context* ctx = hp_get_context();
    const char* inputs = hp_init_user_input_mmap();
    for (size_t u = 0; u < ctx->users.count; u++) {
        const struct hp_user* user = &ctx->users.list[u];
        for (size_t i = 0; i < user->inputs.count; i++) {
            const struct hp_user_input* input = &user->inputs.list[i];
            const size_t size =
                store_handle(inputs + input->offset, input->size, ctx->readonly, answer);
            hp_write_user_msg(user, answer, (uint32_t)size);
        }
    }
    hp_deinit_user_input_mmap();
    hp_deinit_contract();
    return 0;
}
