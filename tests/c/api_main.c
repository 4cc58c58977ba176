// SPDX-License-Identifier: Apache-2.0
//
// The commands of api_contract about context, inputs and life cycle, and main().
#include "api_contract.h"
#include "hotpocket_contract.h"

#include <sys/wait.h>

const char* api_errno(void) {
    static const struct {
        int code;
        const char* name;
    } names[] = {{0, "none"},          {EACCES, "EACCES"},     {EALREADY, "EALREADY"},
                 {EFAULT, "EFAULT"},   {EFBIG, "EFBIG"},       {EINVAL, "EINVAL"},
                 {ENOENT, "ENOENT"},   {ENOTCONN, "ENOTCONN"}, {EMSGSIZE, "EMSGSIZE"},
                 {ENOTSUP, "ENOTSUP"}, {EPIPE, "EPIPE"},       {EPROTO, "EPROTO"},
                 {EISDIR, "EISDIR"},   {EROFS, "EROFS"},       {EBADF, "EBADF"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; ++i)
        if (names[i].code == errno)
            return names[i].name;
    return strerror(errno);
}

void api_print(const char* what, int result) {
    if (result == -1)
        printf("%s: -1 %s\n", what, api_errno());
    else
        printf("%s: %d\n", what, result);
}

static void run_context(int argc, char** argv) {
    const struct hp_contract_context* ctx = hp_get_context();
    (void)argc;
    (void)argv;
    printf("readonly %d\ntimestamp %" PRIu64 "\ncontract_id %s\n", ctx->readonly, ctx->timestamp,
           ctx->contract_id);
    printf("public_key %s\nprivate_key %s\n", ctx->public_key.data, ctx->private_key.data);
    printf("lcl_seq_no %" PRIu64 "\nlcl_hash %s\n", ctx->lcl_seq_no, ctx->lcl_hash);
    printf("npl %d\nin %d\n", ctx->unl.npl_fd >= 0, ctx->users.in_fd >= 0);
    for (size_t u = 0; u < ctx->users.count; ++u)
        printf("user %s %zu\n", ctx->users.list[u].public_key.data,
               ctx->users.list[u].inputs.count);
    for (size_t n = 0; n < ctx->unl.count; ++n)
        printf("node %s %" PRIu64 "\n", ctx->unl.list[n].public_key.data,
               ctx->unl.list[n].active_on);
}

/// Size and string length of every input, as the mapping shows it.
static void run_inputs(int argc, char** argv) {
    const struct hp_contract_context* ctx = hp_get_context();
    const char* const map = hp_init_user_input_mmap();
    (void)argc;
    (void)argv;
    printf("map %d, same %d\n", map != NULL, map == hp_init_user_input_mmap());
    for (size_t u = 0; u < ctx->users.count; ++u)
        for (size_t i = 0; i < ctx->users.list[u].inputs.count; ++i) {
            const struct hp_user_input* const input = &ctx->users.list[u].inputs.list[i];
            printf("%" PRIu32 " %zu\n", input->size, strlen(map + input->offset));
        }
    hp_deinit_user_input_mmap();
    hp_deinit_user_input_mmap();
}

/// Init and deinit in every wrong order.
static void run_twice(int argc, char** argv) {
    (void)argc;
    (void)argv;
    const struct hp_contract_context* const ctx = hp_get_context();
    api_print("init", hp_init_contract());
    printf("same %d\n", ctx == hp_get_context());
    hp_init_user_input_mmap();
    api_print("deinit", hp_deinit_contract());
    printf("context %d\n", hp_get_context() != NULL);
    api_print("map", hp_init_user_input_mmap() == NULL ? -1 : 0);
    api_print("npl", hp_write_npl_msg("x", 1));
    api_print("peers", hp_update_peers(NULL, 0, NULL, 0));
    api_print("deinit", hp_deinit_contract());
    api_print("init", hp_init_contract());
}

/// A child process gives its copy back; the parent's channels must not notice.
static void run_child(int argc, char** argv) {
    static char msg[HP_NPL_MSG_MAX_SIZE];
    char sender[HP_PUBLIC_KEY_SIZE];
    (void)argc;
    (void)argv;
    fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0)
        _exit(hp_deinit_contract() == 0 ? 0 : 1);
    int status = -1;
    waitpid(pid, &status, 0);
    printf("child %d\n", status);
    api_print("send", hp_write_npl_msg("after the child", 15));
    const int size = hp_read_npl_msg(msg, sender, 5000);
    printf("%d %.*s\n", size, size, msg);
}

static void run_files(int argc, char** argv) {
    (void)argc;
    (void)argv;
    printf("users %zu %zu %zu\n", hp_get_context()->users.count, api_wrapped_users(),
           api_plain_users());
}

/// Everything before "--" is added, everything behind it removed.
static void run_peers(int argc, char** argv) {
    int add = 0;
    while (add < argc && strcmp(argv[add], "--") != 0)
        ++add;
    const int behind = add < argc ? add + 1 : argc;
    const char** const peers = calloc((size_t)argc + 1, sizeof(char*));
    for (int i = 0; i < argc; ++i)
        peers[i] = argv[i];
    api_print("peers",
              hp_update_peers(peers, (size_t)add, peers + behind, (size_t)(argc - behind)));
    free(peers);
}

/// As many peers as an argument says, to reach the limit of a packet.
static void run_peers_count(int argc, char** argv) {
    const size_t count = argc > 0 ? strtoul(argv[0], NULL, 10) : 0;
    const char** const peers = calloc(count + 1, sizeof(char*));
    for (size_t i = 0; i < count; ++i)
        peers[i] = "localhost:22860";
    api_print("peers", hp_update_peers(peers, count, NULL, 0));
    free(peers);
}

static const struct api_command commands[] = {{"context", run_context},
                                              {"inputs", run_inputs},
                                              {"twice", run_twice},
                                              {"child", run_child},
                                              {"files", run_files},
                                              {"peers", run_peers},
                                              {"peers_count", run_peers_count},
                                              {NULL, NULL}};

static const struct api_command* find_command(const char* name) {
    const struct api_command* const tables[] = {commands, api_npl_commands(), api_config_commands(),
                                                api_output_commands()};
    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; ++t)
        for (const struct api_command* row = tables[t]; row->name != NULL; ++row)
            if (strcmp(row->name, name) == 0)
                return row;
    return NULL;
}

int main(int argc, char** argv) {
    const struct api_command* const command = find_command(argc > 1 ? argv[1] : "");
    if (command == NULL)
        return 100;
    if (hp_init_contract() == -1) {
        api_print("init", -1);
        return 1;
    }
    command->run(argc - 2, argv + 2);
    hp_deinit_contract();
    return 0;
}
