// SPDX-License-Identifier: Apache-2.0
// The requests, without any input or output.
#include "tally.h"

#include <hotpocket_helpers.h>

static void put_error(char* answer, const char* what) {
    snprintf(answer, ANSWER_BYTES_MAX, "{\"error\":\"%s\"}", what);
}

static void put_state(char* answer, const struct tally* state) {
    const int at =
        snprintf(answer, ANSWER_BYTES_MAX, "{\"total\":%" PRId64 ",\"text\":", state->total);
    strcpy(answer + at + hp_quote_json(answer + at, state->text, state->text_size), "}");
}

static void add(struct tally* state, const char* number, size_t size, char* answer) {
    int64_t n = 0;
    if (!hp_parse_integer(number, size, &n)) {
        put_error(answer, "add needs a whole number");
    } else if (n > 0 ? state->total > INT64_MAX - n : state->total < INT64_MIN - n) {
        put_error(answer, "the total would be out of range");
    } else {
        state->total += n;
        put_state(answer, state);
    }
}

static void set(struct tally* state, const char* text, size_t size, char* answer) {
    if (size > TEXT_BYTES_MAX) {
        snprintf(answer, ANSWER_BYTES_MAX, "{\"error\":\"text is longer than %d bytes\"}",
                 TEXT_BYTES_MAX);
    } else if (!hp_is_utf8(text, size)) {
        put_error(answer, "text is not UTF-8");
    } else {
        memcpy(state->text, text, size);
        state->text_size = size;
        put_state(answer, state);
    }
}

void tally_handle(struct tally* state, const char* request, size_t size, bool readonly,
                  char answer[ANSWER_BYTES_MAX]) {
    const bool adds = size >= 4 && memcmp(request, "add ", 4) == 0;
    const bool sets = size >= 4 && memcmp(request, "set ", 4) == 0;
    if (size == 3 && memcmp(request, "get", 3) == 0)
        put_state(answer, state);
    else if (!adds && !sets)
        put_error(answer, "unknown request; try get, add N or set TEXT");
    else if (readonly)
        put_error(answer, "a read request cannot change state; send this as an input");
    else if (adds)
        add(state, request + 4, size - 4, answer);
    else
        set(state, request + 4, size - 4, answer);
}
