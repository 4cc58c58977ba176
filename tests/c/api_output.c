// SPDX-License-Identifier: Apache-2.0
//
// The commands of api_contract that send outputs. Needs more of POSIX than the library does.
#define _XOPEN_SOURCE 700
#include "api_contract.h"
#include "hotpocket_contract.h"

#include <signal.h>
#include <sys/time.h>
#include <time.h>

static unsigned long number_of(int argc, char** argv, int index) {
    return index < argc ? strtoul(argv[index], NULL, 10) : 0;
}

static const struct hp_user* first_user(void) {
    return &hp_get_context()->users.list[0];
}

static char* alphabet(size_t size) {
    char* const text = malloc(size + 1);
    for (size_t i = 0; i < size; ++i)
        text[i] = (char)('a' + i % 26);
    text[size] = '\0';
    return text;
}

/// One message of N pieces; piece i has i % 3 bytes.
static void run_pieces(int argc, char** argv) {
    const size_t count = number_of(argc, argv, 0);
    char* const text = alphabet(3 * count);
    struct iovec* const pieces = calloc(count + 1, sizeof(struct iovec));
    for (size_t i = 0, at = 0; i < count; at += i % 3, ++i) {
        pieces[i].iov_base = text + at;
        pieces[i].iov_len = i % 3;
    }
    api_print("writev", hp_writev_user_msg(first_user(), pieces, (int)count));
    api_print("empty", hp_write_user_msg(first_user(), NULL, 0));
    free(pieces);
    free(text);
}

static void run_big(int argc, char** argv) {
    const uint32_t size = (uint32_t)number_of(argc, argv, 0);
    char* const text = alphabet(size);
    api_print("write", hp_write_user_msg(first_user(), text, size));
    api_print("write", hp_write_user_msg(first_user(), "end", 3));
    free(text);
}

/// The same through a descriptor that somebody made non-blocking.
static void run_nonblocking(int argc, char** argv) {
    fcntl(first_user()->outfd, F_SETFL, O_NONBLOCK);
    run_big(argc, argv);
}

/// Writes until the node takes no more.
static void run_closed(int argc, char** argv) {
    char* const text = alphabet(65536);
    int result = 0;
    (void)argc;
    (void)argv;
    for (int i = 0; i < 10000 && result != -1; ++i)
        result = hp_write_user_msg(first_user(), text, 65536);
    api_print("write", result);
    api_print("write", hp_write_user_msg(first_user(), "x", 1));
    free(text);
}

/// A message whose later pieces are not readable, then a good one.
static void run_broken(int argc, char** argv) {
    struct iovec pieces[100];
    (void)argc;
    (void)argv;
    for (int i = 0; i < 100; ++i) {
        pieces[i].iov_base = i < 90 ? (void*)"good" : (void*)(uintptr_t)8;
        pieces[i].iov_len = 4;
    }
    api_print("writev", hp_writev_user_msg(first_user(), pieces, 100));
    api_print("write", hp_write_user_msg(first_user(), "x", 1));
}

static void run_bad_arguments(int argc, char** argv) {
    struct iovec pieces[3] = {{(void*)"", SIZE_MAX / 2}, {(void*)"", SIZE_MAX / 2}, {(void*)"", 2}};
    (void)argc;
    (void)argv;
    api_print("too long", hp_write_user_msg(first_user(), "", UINT32_MAX));
    api_print("overflow", hp_writev_user_msg(first_user(), pieces, 3));
    api_print("negative", hp_writev_user_msg(first_user(), pieces, -1));
    api_print("no pieces", hp_writev_user_msg(first_user(), NULL, 1));
    api_print("no user", hp_write_user_msg(NULL, "x", 1));
    api_print("good", hp_write_user_msg(first_user(), "x", 1));
}

static void on_alarm(int signal) {
    (void)signal;
}

/// A signal every millisecond interrupts whatever the library waits for.
static void run_interrupted(int argc, char** argv) {
    static char msg[HP_NPL_MSG_MAX_SIZE];
    char sender[HP_PUBLIC_KEY_SIZE];
    struct sigaction action;
    const struct itimerval every_ms = {{0, 1000}, {0, 1000}};
    const struct itimerval never = {{0, 0}, {0, 0}};
    struct timespec start;
    struct timespec end;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_alarm;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &every_ms, NULL);
    run_big(argc, argv);
    clock_gettime(CLOCK_MONOTONIC, &start);
    const int result = hp_read_npl_msg(msg, sender, 200);
    clock_gettime(CLOCK_MONOTONIC, &end);
    setitimer(ITIMER_REAL, &never, NULL);
    api_print("read", result);
    const long long waited_ns =
        (end.tv_sec - start.tv_sec) * 1000000000LL + (end.tv_nsec - start.tv_nsec);
    printf("waited %d\n", waited_ns >= 200000000LL);
}

static const struct api_command commands[] = {
    {"pieces", run_pieces},           {"big", run_big},
    {"nonblocking", run_nonblocking}, {"closed", run_closed},
    {"broken", run_broken},           {"bad_arguments", run_bad_arguments},
    {"interrupted", run_interrupted}, {NULL, NULL}};

const struct api_command* api_output_commands(void) {
    return commands;
}
