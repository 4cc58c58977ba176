// SPDX-License-Identifier: Apache-2.0
// "roll" makes the nodes agree on a new number, "show" tells the last one.
#include "roll.h"

static const char number_file[] = "number.txt";

struct run {
    bool readonly;
    bool wanted; // by any input: the same on every node, or they would wait for each other in vain
    bool agreed;
};

static void look(void* context, const struct hp_user* user, const char* input, size_t size) {
    struct run* run = context;
    (void)user;
    run->wanted = run->wanted || (!run->readonly && hp_text_is(input, size, "roll"));
}

static void answer(void* context, const struct hp_user* user, const char* input, size_t size) {
    const struct run* run = context;
    const bool rolls = hp_text_is(input, size, "roll");
    char number[HP_SHA256_SIZE + 1] = "";
    char out[128] = "{\"number\":null}";
    if (rolls && run->readonly)
        strcpy(out, "{\"error\":\"a read request cannot roll; send this as an input\"}");
    else if (rolls && !run->agreed)
        strcpy(out, "{\"error\":\"no agreement, try again\"}");
    else if (!rolls && !hp_text_is(input, size, "show"))
        strcpy(out, "{\"error\":\"unknown request; try roll or show\"}");
    else if (hp_load_file(number_file, number, sizeof number) > 0)
        snprintf(out, sizeof out, "{\"number\":\"%s\"}", number);
    hp_write_user_msg(user, out, (uint32_t)strlen(out));
}

int main(void) {
    char number[HP_SHA256_SIZE + 1];
    if (hp_init_contract() == -1)
        return 2;
    struct run run = {hp_get_context()->readonly, false, false};
    hp_each_input(look, &run);
    run.agreed = run.wanted && roll_agree(hp_get_context(), number);
    const bool failed = run.agreed && !hp_replace_file(number_file, number, HP_SHA256_SIZE);
    if (!failed)
        hp_each_input(answer, &run);
    hp_deinit_contract();
    return failed ? 1 : 0;
}
