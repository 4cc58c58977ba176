// SPDX-License-Identifier: Apache-2.0
// The requests: get, add N, set TEXT (README.md has the list).
#ifndef TALLY_H
#define TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Longest text that `set` takes. A limit keeps one user from filling every node's disk.
#define TEXT_BYTES_MAX 1024
/// Every byte of the text may become six, as in \u0001.
#define ANSWER_BYTES_MAX (6 * TEXT_BYTES_MAX + 128)

struct tally {
    int64_t total;
    char text[TEXT_BYTES_MAX + 1];
    size_t text_size;
};

/// Carries out one request and writes the answer, a JSON text.
void tally_handle(struct tally* state, const char* request, size_t size, bool readonly,
                  char answer[ANSWER_BYTES_MAX]);

#endif
