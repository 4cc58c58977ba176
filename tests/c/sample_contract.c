// SPDX-License-Identifier: Apache-2.0
//
// A contract in the style of the published C sample: it looks at inputs in the mapping, compares
// them as strings, gathers outputs from pieces and appends the time of every ledger to its state.
// Strict C99 and no header but the library's, which has to bring what contracts relied on.
#include "hotpocket_contract.h"

static void store_timestamp(uint64_t timestamp) {
    char line[40];
    const int fd = open("exects.txt", O_RDWR | O_CREAT | O_APPEND, 0644);
    if (fd < 0)
        return;
    sprintf(line, "ts:%" PRIu64 "\n", timestamp);
    if (write(fd, line, strlen(line)) < 0)
        perror("exects.txt");
    close(fd);
}

static void send_timestamps(const struct hp_user* user) {
    struct stat st;
    const int fd = open("exects.txt", O_RDONLY);
    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0) {
        char* content = malloc((size_t)st.st_size + 1);
        const ssize_t size = read(fd, content, (size_t)st.st_size);
        if (size > 0)
            hp_write_user_msg(user, content, (uint32_t)size);
        free(content);
    }
    close(fd);
}

static void process_user_message(const struct hp_user* user, const void* buf, uint32_t len) {
    if (strcmp((const char*)buf, "ts") == 0) {
        send_timestamps(user);
    } else {
        struct iovec vec[2] = {{(void*)"Echoing: ", 9}, {(void*)buf, len}};
        hp_writev_user_msg(user, vec, 2);
    }
}

int main(int argc, char** argv) {
    (void)argc;
    (void)argv;
    if (hp_init_contract() == -1)
        return 1;

    const struct hp_contract_context* ctx = hp_get_context();
    if (!ctx->readonly)
        store_timestamp(ctx->timestamp);

    const void* input_mmap = hp_init_user_input_mmap();
    for (size_t u = 0; u < ctx->users.count; u++) {
        const struct hp_user* user = &ctx->users.list[u];
        for (size_t i = 0; i < user->inputs.count; i++) {
            const struct hp_user_input input = user->inputs.list[i];
            const uint8_t* buf = (uint8_t*)input_mmap + input.offset;
            process_user_message(user, buf, input.size);
        }
    }

    hp_deinit_user_input_mmap();
    hp_deinit_contract();
    return 0;
}
