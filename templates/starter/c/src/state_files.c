// SPDX-License-Identifier: Apache-2.0
// Reading and replacing the two files.
#include "state_files.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool load_file(const char* name, char* content, size_t size_max, size_t* size) {
    *size = 0;
    FILE* file = fopen(name, "rb");
    if (file == NULL) {
        if (errno != ENOENT)
            perror(name);
        return errno == ENOENT;
    }
    *size = fread(content, 1, size_max, file);
    const bool whole = ferror(file) == 0 && fgetc(file) == EOF;
    fclose(file);
    if (!whole)
        fprintf(stderr, "%s cannot be read, or is too long\n", name);
    return whole;
}

static bool replace_file(const char* name, const char* content, size_t size) {
    char fresh[64];
    snprintf(fresh, sizeof fresh, "%s.new", name);
    FILE* file = fopen(fresh, "wb");
    bool good = file != NULL && fwrite(content, 1, size, file) == size;
    good = file != NULL && fclose(file) == 0 && good;
    good = good && rename(fresh, name) == 0;
    if (!good)
        perror(name);
    return good;
}

bool load_state(struct tally* state) {
    char number[32] = "0";
    size_t size = 0;
    memset(state, 0, sizeof *state);
    if (!load_file("total.txt", number, sizeof number - 1, &size) ||
        !load_file("text.txt", state->text, sizeof state->text, &state->text_size))
        return false;
    state->total = strtoll(number, NULL, 10);
    return true;
}

bool save_state(const struct tally* before, const struct tally* after) {
    char number[32];
    snprintf(number, sizeof number, "%" PRId64, after->total);
    if (after->total != before->total && !replace_file("total.txt", number, strlen(number)))
        return false;
    const bool same = after->text_size == before->text_size &&
                      memcmp(after->text, before->text, after->text_size) == 0;
    return same || replace_file("text.txt", after->text, after->text_size);
}
