// SPDX-License-Identifier: Apache-2.0
// The run: every request in order, one answer each. store.h says what a request is.
#include "store.h"

static void handle(void* answer, const struct hp_user* user, const char* input, size_t size) {
    hp_write_user_msg(user, answer,
                      (uint32_t)store_handle(input, size, hp_get_context()->readonly, answer));
}

int main(void) {
    static char answer[ANSWER_BYTES_MAX];
    if (hp_init_contract() == -1)
        return 2;
    hp_each_input(handle, answer);
    hp_deinit_contract();
    return 0;
}
