// SPDX-License-Identifier: Apache-2.0
// A counter and a text that all users share: load, handle every input in order, save, answer.
// Nothing here may depend on time, chance or the machine, because every node of the cluster must
// come to the same files and the same answers.
#include "state_files.h"
#include "tally.h"

#include <hotpocket_contract.h>

#include <stdio.h>
#include <stdlib.h>

/// One answer for each input, kept until the state is saved.
struct answer {
    const struct hp_user* user;
    char text[ANSWER_BYTES_MAX];
};

static struct answer* answer_all(const struct hp_contract_context* ctx, const char* inputs,
                                 struct tally* state, size_t* count) {
    size_t total = 0;
    for (size_t u = 0; u < ctx->users.count; u++)
        total += ctx->users.list[u].inputs.count;
    struct answer* out = calloc(total + 1, sizeof *out);
    for (size_t u = 0; out != NULL && u < ctx->users.count; u++) {
        const struct hp_user* user = &ctx->users.list[u];
        for (size_t i = 0; i < user->inputs.count; i++) {
            const struct hp_user_input* input = &user->inputs.list[i];
            struct answer* answer = &out[(*count)++];
            answer->user = user;
            tally_handle(state, inputs + input->offset, input->size, ctx->readonly, answer->text);
        }
    }
    return out;
}

static int run(const struct hp_contract_context* ctx, const char* inputs) {
    struct tally before;
    struct tally state;
    size_t count = 0;
    if (!load_state(&before))
        return 1; // ends the run: do not go on without the state
    state = before;
    struct answer* answers = answer_all(ctx, inputs, &state, &count);
    // Save first: an answer must not promise what the disk does not hold.
    int failed = answers == NULL || !save_state(&before, &state);
    for (size_t i = 0; !failed && i < count; i++)
        hp_write_user_msg(answers[i].user, answers[i].text, (uint32_t)strlen(answers[i].text));
    free(answers);
    return failed;
}

int main(void) {
    if (hp_init_contract() == -1)
        return 2;
    const char* inputs = hp_init_user_input_mmap();
    const int code = run(hp_get_context(), inputs);
    hp_deinit_user_input_mmap();
    hp_deinit_contract();
    return code;
}
