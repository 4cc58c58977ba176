// SPDX-License-Identifier: Apache-2.0
// "roll" makes the nodes agree on a new number, "show" tells the last one.
#include "roll.h"

#include <hotpocket_contract.h>

#include <stdio.h>

static const char number_file[] = "number.txt";

static bool is(const char* inputs, const struct hp_user_input* input, const char* word) {
    return input->size == strlen(word) && memcmp(inputs + input->offset, word, input->size) == 0;
}

/// The same on every node, or they would wait for each other in vain.
static bool is_roll_wanted(const struct hp_contract_context* ctx, const char* inputs) {
    for (size_t u = 0; u < ctx->users.count; u++)
        for (size_t i = 0; i < ctx->users.list[u].inputs.count; i++)
            if (!ctx->readonly && is(inputs, &ctx->users.list[u].inputs.list[i], "roll"))
                return true;
    return false;
}

static bool save(const char* number) {
    FILE* file = fopen(number_file, "wb");
    const bool written = file != NULL && fputs(number, file) >= 0;
    return file != NULL && fclose(file) == 0 && written;
}

static void answer(char* out, size_t out_size, bool rolls, bool shows, bool readonly, bool agreed) {
    char number[SHA256_HEX_SIZE + 1] = "";
    FILE* file = fopen(number_file, "rb");
    if (rolls && readonly) {
        snprintf(out, out_size,
                 "{\"error\":\"a read request cannot roll; send this as an input\"}");
    } else if (rolls && !agreed) {
        snprintf(out, out_size, "{\"error\":\"no agreement, try again\"}");
    } else if (!rolls && !shows) {
        snprintf(out, out_size, "{\"error\":\"unknown request; try roll or show\"}");
    } else if (file != NULL && fread(number, 1, SHA256_HEX_SIZE, file) == SHA256_HEX_SIZE) {
        snprintf(out, out_size, "{\"number\":\"%s\"}", number);
    } else {
        snprintf(out, out_size, "{\"number\":null}");
    }
    if (file != NULL)
        fclose(file);
}

int main(void) {
    char number[SHA256_HEX_SIZE + 1];
    char text[256];
    if (hp_init_contract() == -1)
        return 2;
    const struct hp_contract_context* ctx = hp_get_context();
    const char* inputs = hp_init_user_input_mmap();
    const bool agreed = is_roll_wanted(ctx, inputs) && roll_agree(ctx, number);
    const bool failed = agreed && !save(number);
    for (size_t u = 0; !failed && u < ctx->users.count; u++) {
        const struct hp_user* user = &ctx->users.list[u];
        for (size_t i = 0; i < user->inputs.count; i++) {
            const struct hp_user_input* input = &user->inputs.list[i];
            answer(text, sizeof text, is(inputs, input, "roll"), is(inputs, input, "show"),
                   ctx->readonly, agreed);
            hp_write_user_msg(user, text, (uint32_t)strlen(text));
        }
    }
    hp_deinit_user_input_mmap();
    hp_deinit_contract();
    return failed ? 1 : 0;
}
