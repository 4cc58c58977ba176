// SPDX-License-Identifier: Apache-2.0
//
// The commands of api_contract about NPL. Most replace the channel by a socket pair and play the
// node, so that packets come when and how a test needs them.
#define _XOPEN_SOURCE 700
#include "api_contract.h"
#include "hotpocket_contract.h"

#include <sys/wait.h>

static char msg[HP_NPL_MSG_MAX_SIZE];
static char sender[HP_PUBLIC_KEY_SIZE];

static void read_and_print(int timeout) {
    const int size = hp_read_npl_msg(msg, sender, timeout);
    if (size <= 0) {
        api_print("read", size);
        return;
    }
    printf("%d ", size);
    fwrite(msg, 1, size < 20 ? (size_t)size : 20, stdout);
    printf(" %.4s\n", sender + HP_PUBLIC_KEY_SIZE - 4);
}

static void run_sizes(int argc, char** argv) {
    static char big[HP_NPL_MSG_MAX_SIZE + 1];
    struct iovec pieces[2] = {{(void*)"ab", 2}, {(void*)"c", 1}};
    (void)argc;
    (void)argv;
    memset(big, 'n', sizeof big);
    api_print("empty", hp_write_npl_msg(NULL, 0));
    api_print("one", hp_write_npl_msg("1", 1));
    api_print("pieces", hp_writev_npl_msg(pieces, 2));
    api_print("largest", hp_write_npl_msg(big, HP_NPL_MSG_MAX_SIZE));
    api_print("too large", hp_write_npl_msg(big, HP_NPL_MSG_MAX_SIZE + 1));
    api_print("null", hp_read_npl_msg(NULL, sender, 0));
}

/// COUNT TIMEOUT
static void run_read(int argc, char** argv) {
    const int count = argc > 0 ? atoi(argv[0]) : 1;
    for (int i = 0; i < count; ++i)
        read_and_print(argc > 1 ? atoi(argv[1]) : 5000);
}

/// The node's end of a new NPL channel.
static int replace_channel(void) {
    int fds[2] = {-1, -1};
    const int size = 1 << 20;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) != 0)
        exit(101);
    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    dup2(fds[1], hp_get_context()->unl.npl_fd);
    close(fds[1]);
    return fds[0];
}

static void send_key(int node, char last) {
    char key[HP_PUBLIC_KEY_SIZE];
    memset(key, '0', sizeof key);
    memcpy(key, "ed", 2);
    key[HP_PUBLIC_KEY_SIZE - 1] = last;
    send(node, key, sizeof key, MSG_NOSIGNAL);
}

static void send_data(int node, const char* data) {
    send(node, data, strlen(data), MSG_NOSIGNAL);
}

static void run_ended(int argc, char** argv) {
    const int node = replace_channel();
    (void)argc;
    (void)argv;
    send_key(node, '1');
    send_data(node, "first");
    send_key(node, '2');
    send_data(node, "second");
    close(node);
    read_and_print(0);
    read_and_print(-1);
    read_and_print(0);
    read_and_print(-1);
    api_print("send", hp_write_npl_msg("x", 1));
}

/// The node goes without having read what the contract sent.
static void run_ended_unread(int argc, char** argv) {
    const int node = replace_channel();
    (void)argc;
    (void)argv;
    api_print("send", hp_write_npl_msg("unread", 6));
    send_key(node, '1');
    send_data(node, "first");
    send_key(node, '2');
    send_data(node, "second");
    close(node);
    read_and_print(0);
    read_and_print(0);
    read_and_print(0);
    api_print("send", hp_write_npl_msg("x", 1));
}

static void run_ended_inside(int argc, char** argv) {
    const int node = replace_channel();
    (void)argc;
    (void)argv;
    send_key(node, '1');
    close(node);
    read_and_print(1000);
    read_and_print(1000);
}

static void run_late(int argc, char** argv) {
    const int node = replace_channel();
    (void)argc;
    (void)argv;
    read_and_print(0);
    send_key(node, 'a');
    read_and_print(0);
    read_and_print(10);
    send_data(node, "late");
    read_and_print(0);
    send_key(node, 'b');
    send_data(node, "next");
    read_and_print(0);
    read_and_print(0);
}

/// For ever means until something comes, however late.
static void run_forever(int argc, char** argv) {
    const int node = replace_channel();
    (void)argc;
    (void)argv;
    fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0) {
        poll(NULL, 0, 300);
        send_key(node, 'f');
        send_data(node, "at last");
        _exit(0);
    }
    read_and_print(-1);
    waitpid(pid, NULL, 0);
}

static void run_odd_packets(int argc, char** argv) {
    static char big[HP_NPL_MSG_MAX_SIZE + 100];
    const int node = replace_channel();
    (void)argc;
    (void)argv;
    memset(big, 'b', sizeof big);
    send_data(node, "no key");
    send_key(node, '1');
    send_key(node, '2'); // a message may look like a key
    send_key(node, '3');
    send(node, big, sizeof big, MSG_NOSIGNAL);
    send_key(node, '4');
    send(node, big, HP_NPL_MSG_MAX_SIZE, MSG_NOSIGNAL);
    send_key(node, '5');
    send_data(node, "end");
    for (int i = 0; i < 6; ++i)
        read_and_print(0);
}

static const struct api_command commands[] = {{"npl_sizes", run_sizes},
                                              {"npl_read", run_read},
                                              {"npl_ended", run_ended},
                                              {"npl_ended_inside", run_ended_inside},
                                              {"npl_ended_unread", run_ended_unread},
                                              {"npl_late", run_late},
                                              {"npl_forever", run_forever},
                                              {"npl_odd_packets", run_odd_packets},
                                              {NULL, NULL}};

const struct api_command* api_npl_commands(void) {
    return commands;
}
