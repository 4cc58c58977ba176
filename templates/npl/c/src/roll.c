// SPDX-License-Identifier: Apache-2.0
#include "roll.h"

#include <sys/random.h>
#include <time.h>

enum topic { commit, reveal, vote, topics };

/// What each node of the UNL said on each topic: 64 hex digits, or nothing yet. Messages of a later
/// topic may come early.
struct heard {
    const struct hp_contract_context* ctx;
    char (*texts)[topics][HP_SHA256_SIZE + 1]; // by the node's position in the UNL
    size_t counts[topics];
};

static long now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/// A message is the topic's digit and 64 hex digits. Only the first one of a node counts.
static void hear(struct heard* heard, const char* sender, const char* message, int size) {
    const unsigned topic = size == HP_SHA256_SIZE + 1 ? (unsigned)(message[0] - '0') : topics;
    for (size_t n = 0; topic < topics && n < heard->ctx->unl.count; n++) {
        char* text = heard->texts[n][topic];
        const char* key = heard->ctx->unl.list[n].public_key.data;
        if (memcmp(key, sender, HP_PUBLIC_KEY_SIZE) != 0 || text[0] != '\0')
            continue;
        memcpy(text, message + 1, HP_SHA256_SIZE);
        heard->counts[topic]++;
    }
}

/// Says `text` and waits until `wanted` nodes have said something, or for the time limit.
static void exchange(struct heard* heard, enum topic topic, const char* text, long timeout_ms,
                     size_t wanted) {
    static char message[HP_NPL_MSG_MAX_SIZE + 1];
    char sender[HP_PUBLIC_KEY_SIZE];
    message[0] = (char)('0' + topic);
    memcpy(message + 1, text, HP_SHA256_SIZE);
    hp_write_npl_msg(message, HP_SHA256_SIZE + 1);
    const long deadline = now_ms() + timeout_ms;
    for (long left = timeout_ms; heard->counts[topic] < wanted && left > 0;
         left = deadline - now_ms()) {
        const int size = hp_read_npl_msg(message, sender, (int)left);
        if (size < 0)
            return; // the node closed the channel
        if (size > 0)
            hear(heard, sender, message, size);
    }
}

/// One round for each exchange at most. They take that long only when a node is silent.
static long exchange_ms(void) {
    struct hp_config* config = hp_get_config();
    const long out = config == NULL ? 1000 : (long)config->consensus.roundtime;
    hp_free_config(config);
    return out;
}

/// The hash of all secrets that fit their commits, in the order of the UNL, which is sorted.
static void make_number(const struct heard* heard, char number[HP_SHA256_SIZE + 1]) {
    char* all = calloc(heard->ctx->unl.count + 1, HP_SHA256_SIZE);
    size_t size = 0;
    for (size_t n = 0; all != NULL && n < heard->ctx->unl.count; n++) {
        const char* secret = heard->texts[n][reveal];
        hp_sha256(secret, strlen(secret), number);
        if (secret[0] == '\0' || strcmp(number, heard->texts[n][commit]) != 0)
            continue;
        memcpy(all + size, secret, HP_SHA256_SIZE);
        size += HP_SHA256_SIZE;
    }
    hp_sha256(all, size, number);
    free(all);
}

static bool has_majority(const struct heard* heard, const char* number) {
    size_t count = 0;
    for (size_t n = 0; n < heard->ctx->unl.count; n++)
        count += strcmp(heard->texts[n][vote], number) == 0 ? 1 : 0;
    return strlen(number) == HP_SHA256_SIZE && 3 * count > 2 * heard->ctx->unl.count;
}

bool roll_agree(const struct hp_contract_context* ctx, char number[HP_SHA256_SIZE + 1]) {
    unsigned char random[32];
    char secret[HP_SHA256_SIZE + 1];
    struct heard heard = {ctx, calloc(ctx->unl.count, sizeof *heard.texts), {0}};
    const long timeout_ms = exchange_ms();
    bool agreed = false;
    // Chance is welcome here, because it is agreed on before it is used.
    if (heard.texts == NULL || getrandom(random, sizeof random, 0) != sizeof random)
        return false;
    hp_sha256(random, sizeof random, secret);
    hp_sha256(secret, HP_SHA256_SIZE, number);
    exchange(&heard, commit, number, timeout_ms, ctx->unl.count);
    exchange(&heard, reveal, secret, timeout_ms, heard.counts[commit]);
    make_number(&heard, number);
    exchange(&heard, vote, number, timeout_ms, heard.counts[commit]);
    for (size_t n = 0; !agreed && n < ctx->unl.count; n++) {
        memcpy(number, heard.texts[n][vote], HP_SHA256_SIZE + 1);
        agreed = has_majority(&heard, number);
    }
    free(heard.texts);
    return agreed;
}
