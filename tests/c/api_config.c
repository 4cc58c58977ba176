// SPDX-License-Identifier: Apache-2.0
//
// The commands of api_contract about the configuration: "config_set FIELD=VALUE ..." reads it,
// changes it and writes it back, "config_build FIELD=VALUE ..." begins with nothing but zeros.
#include "api_contract.h"
#include "hotpocket_contract.h"

static char* duplicate(const char* text) {
    char* const copy = malloc(strlen(text) + 1);
    strcpy(copy, text);
    return copy;
}

static void add_variable(struct hp_config* config, const char* name, const char* value) {
    struct map* const map = config->environment;
    map->entries = realloc(map->entries, (map->entry_count + 1) * sizeof(struct map_entry));
    map->entries[map->entry_count].key = duplicate(name);
    map->entries[map->entry_count].val = duplicate(value);
    ++map->entry_count;
}

/// "name:value"
static void set_environment(struct hp_config* config, const char* value) {
    const char* const colon = strchr(value, ':');
    char name[64] = {0};
    if (config->environment == NULL)
        config->environment = calloc(1, sizeof(struct map));
    if (colon == NULL) {
        config->environment->entry_count = 0;
        return;
    }
    memcpy(name, value, (size_t)(colon - value));
    add_variable(config, name, colon + 1);
}

/// Keys, separated by commas; longer ones are cut.
static void set_unl(struct hp_config* config, const char* value) {
    struct hp_public_key keys[8];
    size_t count = 0;
    memset(keys, 0, sizeof keys);
    while (*value != '\0' && count < 8) {
        const size_t size = strcspn(value, ",");
        memcpy(keys[count++].data, value, size < HP_PUBLIC_KEY_SIZE ? size : HP_PUBLIC_KEY_SIZE);
        value += size + (value[size] == ',');
    }
    hp_set_config_unl(config, keys, count);
}

static enum MODE mode_of(const char* value) {
    return strcmp(value, "public") == 0    ? PUBLIC
           : strcmp(value, "private") == 0 ? PRIVATE
                                           : (enum MODE)atoi(value);
}

static int set_number(struct hp_config* config, const char* name, const char* value) {
    const unsigned long number = strtoul(value, NULL, 10);
    struct hp_round_limits_config* const limits = &config->round_limits;
    const struct {
        const char* name;
        size_t* member;
    } sizes[] = {{"user_input_bytes", &limits->user_input_bytes},
                 {"user_output_bytes", &limits->user_output_bytes},
                 {"npl_output_bytes", &limits->npl_output_bytes},
                 {"proc_cpu_seconds", &limits->proc_cpu_seconds},
                 {"proc_mem_bytes", &limits->proc_mem_bytes},
                 {"proc_ofd_count", &limits->proc_ofd_count},
                 {"exec_timeout", &limits->exec_timeout}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; ++i)
        if (strcmp(sizes[i].name, name) == 0) {
            *sizes[i].member = number;
            return 1;
        }
    if (strcmp(name, "roundtime") == 0)
        config->consensus.roundtime = (uint32_t)number;
    else if (strcmp(name, "stage_slice") == 0)
        config->consensus.stage_slice = (uint32_t)number;
    else if (strcmp(name, "older_roundtime") == 0)
        config->roundtime = (uint32_t)number;
    else if (strcmp(name, "older_stage_slice") == 0)
        config->stage_slice = (uint32_t)number;
    else if (strcmp(name, "threshold") == 0)
        config->consensus.threshold = (uint16_t)number;
    else if (strcmp(name, "max_input_ledger_offset") == 0)
        config->max_input_ledger_offset = (uint16_t)number;
    else
        return 0;
    return 1;
}

static void set_text(char** member, const char* value) {
    if (strcmp(value, "NULL") == 0) {
        free(*member);
        *member = NULL;
    } else {
        hp_set_config_string(member, value, strlen(value));
    }
}

static void set_field(struct hp_config* config, const char* name, const char* value) {
    if (strcmp(name, "version") == 0)
        set_text(&config->version, value);
    else if (strcmp(name, "bin_path") == 0)
        set_text(&config->bin_path, value);
    else if (strcmp(name, "bin_args") == 0)
        set_text(&config->bin_args, value);
    else if (strcmp(name, "unl") == 0)
        set_unl(config, value);
    else if (strcmp(name, "environment") == 0)
        set_environment(config, value);
    else if (strcmp(name, "mode") == 0)
        config->consensus.mode = mode_of(value);
    else if (strcmp(name, "npl_mode") == 0)
        config->npl.mode = mode_of(value);
    else if (!set_number(config, name, value))
        exit(102);
}

static void change_and_write(struct hp_config* config, int argc, char** argv) {
    for (int i = 0; i < argc; ++i) {
        char* const equals = strchr(argv[i], '=');
        if (equals == NULL)
            exit(103);
        *equals = '\0';
        set_field(config, argv[i], equals + 1);
    }
    api_print("update", hp_update_config(config));
}

static void run_set(int argc, char** argv) {
    struct hp_config* const config = hp_get_config();
    if (config == NULL) {
        printf("get: NULL %s\n", api_errno());
        return;
    }
    change_and_write(config, argc, argv);
    hp_free_config(config);
}

static void run_build(int argc, char** argv) {
    struct hp_config* const config = calloc(1, sizeof *config);
    change_and_write(config, argc, argv);
    hp_free_config(config);
    hp_free_config(NULL);
}

static void run_show(int argc, char** argv) {
    struct hp_config* const config = hp_get_config();
    (void)argc;
    (void)argv;
    if (config == NULL) {
        printf("get: NULL %s\n", api_errno());
        return;
    }
    printf("version %s\nbin_path %s\nbin_args %s\n", config->version, config->bin_path,
           config->bin_args);
    for (size_t i = 0; i < config->unl.count; ++i)
        printf("unl %s\n", config->unl.list[i].data);
    for (size_t i = 0; i < config->environment->entry_count; ++i)
        printf("environment %s %s\n", config->environment->entries[i].key,
               config->environment->entries[i].val);
    printf("numbers %u %u %u %u %u %u\n", config->max_input_ledger_offset,
           config->consensus.roundtime, config->consensus.stage_slice, config->consensus.threshold,
           config->roundtime, config->stage_slice);
    printf("modes %s %s\n", config->consensus.mode == PUBLIC ? "public" : "private",
           config->npl.mode == PUBLIC ? "public" : "private");
    printf("limits %zu %zu %zu %zu %zu %zu %zu\n", config->round_limits.user_input_bytes,
           config->round_limits.user_output_bytes, config->round_limits.npl_output_bytes,
           config->round_limits.proc_cpu_seconds, config->round_limits.proc_mem_bytes,
           config->round_limits.proc_ofd_count, config->round_limits.exec_timeout);
    hp_free_config(config);
}

/// hp_set_config_string() with sizes that do and do not count the NUL.
static void run_strings(int argc, char** argv) {
    char* text = NULL;
    (void)argc;
    (void)argv;
    hp_set_config_string(&text, "2.0", 4);
    printf("%s %zu\n", text, strlen(text));
    hp_set_config_string(&text, "2.0.1", 3);
    printf("%s %zu\n", text, strlen(text));
    hp_set_config_string(&text, "", 0);
    printf("%s %zu\n", text, strlen(text));
    free(text);
    api_print("no config", hp_update_config(NULL));
}

static const struct api_command commands[] = {{"config_set", run_set},
                                              {"config_build", run_build},
                                              {"config_show", run_show},
                                              {"config_strings", run_strings},
                                              {NULL, NULL}};

const struct api_command* api_config_commands(void) {
    return commands;
}
