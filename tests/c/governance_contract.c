// SPDX-License-Identifier: Apache-2.0
//
// A contract that governs its cluster, with the calls of the published sample: it changes the UNL,
// the arguments and the version, the peers of the node, and leaves a post-execution script.
// Inputs: "unl KEY", "args TEXT", "version TEXT", "peers ADD REMOVE", "script TEXT", "show". The
// answer is "ok", "refused", or what was asked for.
#include "hotpocket_contract.h"

static int set_unl(struct hp_config* config, const char* key) {
    const size_t count = config->unl.count + 1;
    struct hp_public_key* keys = calloc(count, sizeof(struct hp_public_key));
    memcpy(keys, config->unl.list, (count - 1) * sizeof(struct hp_public_key));
    snprintf(keys[count - 1].data, sizeof keys[count - 1].data, "%s", key);
    hp_set_config_unl(config, keys, count);
    free(keys);
    return hp_update_config(config);
}

static int change_config(const char* what, const char* value) {
    struct hp_config* config = hp_get_config();
    int result = -1;
    if (config == NULL)
        return -1;
    if (strcmp(what, "unl") == 0) {
        result = set_unl(config, value);
    } else if (strcmp(what, "args") == 0) {
        hp_set_config_string(&config->bin_args, value, strlen(value) + 1);
        result = hp_update_config(config);
    } else if (strcmp(what, "version") == 0) {
        hp_set_config_string(&config->version, value, strlen(value));
        result = hp_update_config(config);
    }
    hp_free_config(config);
    return result;
}

static int change_peers(char* value) {
    char* space = strchr(value, ' ');
    const char* add[1] = {value};
    const char* remove_list[1] = {space + 1};
    *space = '\0';
    return hp_update_peers(add, 1, remove_list, 1);
}

static int write_script(const char* text) {
    FILE* file = fopen(HP_POST_EXEC_SCRIPT_NAME, "w");
    if (file == NULL)
        return -1;
    fprintf(file, "#!/bin/sh\n%s\n", text);
    fclose(file);
    return chmod(HP_POST_EXEC_SCRIPT_NAME, 0755);
}

static void show(const struct hp_user* user) {
    char text[200];
    struct hp_config* config = hp_get_config();
    if (config == NULL)
        return;
    sprintf(text, "version %.40s, %zu nodes, args %.40s", config->version, config->unl.count,
            config->bin_args);
    hp_write_user_msg(user, text, (uint32_t)strlen(text));
    hp_free_config(config);
}

static void process(const struct hp_user* user, const char* input) {
    char what[16] = {0};
    char value[512] = {0};
    int result;
    if (sscanf(input, "%15s %511[^\n]", what, value) < 1)
        return;
    if (strcmp(what, "show") == 0) {
        show(user);
        return;
    }
    if (strcmp(what, "peers") == 0)
        result = change_peers(value);
    else if (strcmp(what, "script") == 0)
        result = write_script(value);
    else
        result = change_config(what, value);
    hp_write_user_msg(user, result == -1 ? "refused" : "ok", result == -1 ? 7 : 2);
}

int main(void) {
    if (hp_init_contract() == -1)
        return 1;
    const struct hp_contract_context* ctx = hp_get_context();
    const char* inputs = hp_init_user_input_mmap();
    for (size_t u = 0; u < ctx->users.count; u++)
        for (size_t i = 0; i < ctx->users.list[u].inputs.count; i++)
            process(&ctx->users.list[u], inputs + ctx->users.list[u].inputs.list[i].offset);
    hp_deinit_user_input_mmap();
    hp_deinit_contract();
    return 0;
}
