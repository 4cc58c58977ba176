// SPDX-License-Identifier: Apache-2.0
//
// A contract in the style of the published NPL sample: every node throws a number, all of them take
// the largest one that anybody sent. argv: the number of this node (default: random), and how many
// nodes to wait for.
#include "hotpocket_contract.h"

enum { collect_timeout_ms = 2000 };

static uint32_t random_number(void) {
    uint32_t number = 0;
    const int fd = open("/dev/urandom", O_RDONLY);
    if (fd >= 0) {
        if (read(fd, &number, sizeof number) != (ssize_t)sizeof number)
            number = 0;
        close(fd);
    }
    return number;
}

int main(int argc, char** argv) {
    if (hp_init_contract() == -1)
        return 1;
    const struct hp_contract_context* ctx = hp_get_context();
    char text[40];
    char sender[HP_PUBLIC_KEY_SIZE];
    char* msg = malloc(HP_NPL_MSG_MAX_SIZE);
    unsigned long largest = 0;
    int received = 0;
    const int expected = argc > 2 ? atoi(argv[2]) : (int)ctx->unl.count;

    sprintf(text, "%lu", argc > 1 ? strtoul(argv[1], NULL, 10) : random_number());
    if (hp_write_npl_msg(text, (uint32_t)strlen(text)) == -1)
        return 2;
    while (received < expected) {
        const int len = hp_read_npl_msg(msg, sender, collect_timeout_ms);
        if (len <= 0)
            break;
        char number[40] = {0};
        memcpy(number, msg, len < 39 ? (size_t)len : 39);
        printf("%.4s...%.4s: %s\n", sender, sender + HP_PUBLIC_KEY_SIZE - 4, number);
        if (strtoul(number, NULL, 10) > largest)
            largest = strtoul(number, NULL, 10);
        received++;
    }
    for (size_t u = 0; u < ctx->users.count; u++) {
        sprintf(text, "%lu of %d", largest, received);
        hp_write_user_msg(&ctx->users.list[u], text, (uint32_t)strlen(text));
    }
    free(msg);
    hp_deinit_contract();
    return 0;
}
