// SPDX-License-Identifier: Apache-2.0
// Reading and replacing the two files.
#include "state_files.h"

#include <hotpocket_helpers.h>

bool load_state(struct tally* state) {
    char number[32];
    const long digits = hp_load_file("total.txt", number, sizeof number);
    const long size = hp_load_file("text.txt", state->text, sizeof state->text);
    state->text_size = size < 0 ? 0 : (size_t)size;
    state->total = 0;
    return size >= 0 &&
           (digits == 0 || (digits > 0 && hp_parse_integer(number, (size_t)digits, &state->total)));
}

bool save_state(const struct tally* before, const struct tally* after) {
    char number[32];
    const int digits = snprintf(number, sizeof number, "%" PRId64, after->total);
    if (after->total != before->total && !hp_replace_file("total.txt", number, (size_t)digits))
        return false;
    const bool same = after->text_size == before->text_size &&
                      memcmp(after->text, before->text, after->text_size) == 0;
    return same || hp_replace_file("text.txt", after->text, after->text_size);
}
