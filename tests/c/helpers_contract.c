// SPDX-License-Identifier: Apache-2.0
// Answers each input "VERB REST" with what the helper of that name makes of the rest.
#define _POSIX_C_SOURCE 200809L
#include <hotpocket_helpers.h>

static void answer(void* context, const struct hp_user* user, const char* input, size_t size) {
    char out[4096] = "";
    char text[512] = "";
    char loaded[8];
    char* parts[3] = {text, NULL, NULL};
    int64_t number = 0;
    ++*(int*)context;
    if (hp_text_is(input, size, "list")) {
        struct dirent** names = NULL;
        const int count = hp_list_directory(".", &names);
        for (int i = 0; i < count; i++) {
            strcat(out, names[i]->d_name);
            strcat(out, ";");
        }
        hp_free_names(names, count);
    } else if (size > 4 && size < sizeof text && input[4] == ' ') {
        const char* rest = input + 5;
        const size_t rest_size = size - 5;
        memcpy(text, rest, rest_size);
        if (memcmp(input, "quot", 4) == 0)
            hp_quote_json(out, rest, rest_size);
        else if (memcmp(input, "utf8", 4) == 0)
            strcpy(out, hp_is_utf8(rest, rest_size) ? "yes" : "no");
        else if (memcmp(input, "numb", 4) == 0 && hp_parse_integer(rest, rest_size, &number))
            sprintf(out, "%" PRId64, number);
        else if (memcmp(input, "hash", 4) == 0)
            hp_sha256(rest, rest_size, out);
        else if (memcmp(input, "spli", 4) == 0)
            sprintf(out, "%d", (int)hp_split(text, ' ', parts, 3));
        else if (memcmp(input, "save", 4) == 0)
            strcpy(out, hp_replace_file("file", rest, rest_size) ? "yes" : "no");
        else if (memcmp(input, "load", 4) == 0)
            sprintf(out, "%ld", hp_load_file(text, loaded, sizeof loaded));
        else
            strcpy(out, "no");
    }
    if (parts[1] != NULL)
        strcat(strcat(out, ":"), parts[1]);
    hp_write_user_msg(user, out, (uint32_t)strlen(out));
}

int main(void) {
    int count = 0;
    if (hp_init_contract() == -1)
        return 2;
    if (hp_each_input(answer, &count) == -1)
        return 3;
    hp_deinit_contract();
    return count == 0 ? 7 : 0;
}
