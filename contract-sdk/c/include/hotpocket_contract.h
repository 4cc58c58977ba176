// SPDX-License-Identifier: Apache-2.0
//
// HotPocket contracts in C: this header is the whole library. It offers the functions, structures
// and constants of the published C contract library, so that contracts written for it compile
// unchanged. C99 or later and C++11 or later, gcc or clang, libc and Linux only.
//
// Include it wherever it is needed: functions and state are weak symbols, so all source files of a
// contract share one context, and a file may also declare a function of it by hand.
//
// Section numbers in comments are those of the contract protocol. Sizes are bytes unless their name
// says otherwise. What fails returns -1 or NULL and sets errno; functions about the document and
// the configuration also say why on standard error. No function raises SIGPIPE.
//
// Threads: one thread at a time, except that different users may be written to at once, and that
// one thread may send NPL messages while another receives.
#ifndef HOTPOCKET_CONTRACT_H
#define HOTPOCKET_CONTRACT_H

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/times.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

// --- Constants -----------------------------------------------------------------------------------

/// Largest NPL message. A receive buffer must have this size.
#define HP_NPL_MSG_MAX_SIZE 131072
/// Characters of a public key: "ed" and 64 lowercase hex digits.
#define HP_PUBLIC_KEY_SIZE 66
/// What HP_PUBLIC_KEY_SIZE was called before version 0.5.4.
#define HP_KEY_SIZE HP_PUBLIC_KEY_SIZE
/// Characters of a private key: "ed" and 128 lowercase hex digits.
#define HP_PRIVATE_KEY_SIZE 130
/// Characters of a ledger hash: lowercase hex digits.
#define HP_HASH_SIZE 64
/// Characters of a contract id.
#define HP_CONTRACT_ID_SIZE 36
/// An executable of this name in the state directory runs after the contract (section 9).
#define HP_POST_EXEC_SCRIPT_NAME "post_exec.sh"

// --- The context ---------------------------------------------------------------------------------
//
// Owned by the library, valid from hp_init_contract() to hp_deinit_contract(). Every character
// array is terminated by a NUL.

/// One input: `size` bytes at `offset` of the input file. The bytes after it are zero up to the
/// next multiple of 4096, so an input may be used as a string in the mapping, unless its size is
/// itself a multiple of 4096 and another input follows. Prefer `size`.
struct hp_user_input {
    off_t offset;
    uint32_t size;
};

/// In consensus order, which is the same on every node.
struct hp_user_inputs_collection {
    struct hp_user_input* list;
    size_t count;
};

struct hp_public_key {
    char data[HP_PUBLIC_KEY_SIZE + 1];
};

struct hp_private_key {
    char data[HP_PRIVATE_KEY_SIZE + 1];
};

/// A user that is connected to some node, or has inputs in this ledger, or both.
struct hp_user {
    struct hp_public_key public_key;
    int outfd; ///< stream socket; hp_write_user_msg() writes to it
    struct hp_user_inputs_collection inputs;
};

/// A trusted node. `active_on` is when this node last heard a proposal of it, in ms since the
/// epoch, 0 if never. NOT DETERMINISTIC: every node has its own value, so it must not reach state
/// or outputs unless the nodes agree on it first.
struct hp_unl_node {
    struct hp_public_key public_key;
    uint64_t active_on;
};

/// Ascending by key, which is the same order on every node.
struct hp_users_collection {
    struct hp_user* list;
    size_t count;
    int in_fd; ///< the input file, for positional reads; -1 if the node gave none
};

struct hp_public_key_collection {
    struct hp_public_key* list;
    size_t count;
};

/// Ascending by key. Present in both modes.
struct hp_unl_collection {
    struct hp_unl_node* list;
    size_t count;
    int npl_fd; ///< -1 in read-only mode
};

struct hp_contract_context {
    bool readonly;
    uint64_t timestamp; ///< of the ledger, ms since the epoch; 0 in read-only mode
    char contract_id[HP_CONTRACT_ID_SIZE + 1];
    struct hp_public_key public_key;   ///< of this node
    struct hp_private_key private_key; ///< of this node; empty if the node keeps it to itself
    uint64_t lcl_seq_no;               ///< 0 in read-only mode
    char lcl_hash[HP_HASH_SIZE + 1];   ///< empty in read-only mode
    struct hp_users_collection users;
    struct hp_unl_collection unl;
};

// --- The configuration ---------------------------------------------------------------------------

enum MODE { PUBLIC, PRIVATE };

struct map_entry {
    char* key;
    char* val;
};

struct map {
    struct map_entry* entries;
    size_t entry_count;
};

/// 0 means no limit.
struct hp_round_limits_config {
    size_t user_input_bytes;
    size_t user_output_bytes;
    size_t npl_output_bytes;
    size_t proc_cpu_seconds;
    size_t proc_mem_bytes;
    size_t proc_ofd_count;
    size_t exec_timeout; ///< ms
};

struct consensus_config {
    enum MODE mode;
    uint32_t roundtime;   ///< ms, 1 to 3600000
    uint32_t stage_slice; ///< percent of the round, 1 to 33
    uint16_t threshold;   ///< percent, 1 to 100
};

struct npl_config {
    enum MODE mode;
};

/// The agreed configuration, ../patch.cfg (section 5). Every pointer comes from malloc and belongs
/// to the configuration; hp_free_config() frees them all.
struct hp_config {
    char* version; ///< not empty; no quotes, backslashes or control characters
    struct hp_public_key_collection unl;
    char* bin_path;          ///< not empty
    char* bin_args;          ///< arguments, separated by single spaces
    struct map* environment; ///< NULL: no variables
    uint32_t roundtime;      ///< older name of consensus.roundtime: see hp_update_config()
    uint32_t stage_slice;    ///< older name of consensus.stage_slice, likewise
    struct consensus_config consensus;
    struct npl_config npl;
    uint16_t max_input_ledger_offset; ///< 0: no limit
    struct hp_round_limits_config round_limits;
};

// --- Functions -----------------------------------------------------------------------------------

#define HP_PRIV_WEAK __attribute__((weak))

/// Reads the node's document from standard input to its end (sections 7 and 12.3). Call it first.
/// -1 if standard input is a terminal, if the document is not usable, or if the contract is
/// initialised already; the context then stays as it was.
HP_PRIV_WEAK int hp_init_contract(void);

/// Tells the node that the contract is done with its channels (section 8.5; older nodes ignore
/// that), closes them, unmaps the inputs and frees the context. -1 if there is no context. In a
/// process that the contract forked it only releases the copy that this process has.
HP_PRIV_WEAK int hp_deinit_contract(void);

/// NULL before hp_init_contract() and after hp_deinit_contract().
HP_PRIV_WEAK const struct hp_contract_context* hp_get_context(void);

/// The whole input file as memory, without a copy (section 8.2); an input begins at its `offset`.
/// Valid until hp_deinit_user_input_mmap() or hp_deinit_contract(); a second call returns the same
/// address. NULL if there are no inputs (errno is then 0) or on error.
HP_PRIV_WEAK const void* hp_init_user_input_mmap(void);
HP_PRIV_WEAK void hp_deinit_user_input_mmap(void);

/// Sends one message to a user (section 8.3), `len` bytes or the `bufs` one after the other. Users
/// get it with the next ledger; read requests at once. Waits while the node is busy. Returns the
/// bytes written, 4 more than the message has, or -1: EPIPE if the node takes no more output of
/// this user in this run, EMSGSIZE if the message and its header exceed INT_MAX. After a message
/// that could not be completed every later one fails with EPIPE.
HP_PRIV_WEAK int hp_write_user_msg(const struct hp_user* user, const void* buf, const uint32_t len);
HP_PRIV_WEAK int hp_writev_user_msg(const struct hp_user* user, const struct iovec* bufs,
                                    const int buf_count);

/// Sends one message to the instances of this contract on all nodes, this one included (section
/// 8.4). Returns its size, or -1: EMSGSIZE if it is longer than HP_NPL_MSG_MAX_SIZE, ENOTCONN in
/// read-only mode, EPIPE if the node closed the channel. There are no empty messages: 0 bytes send
/// nothing and return 0. Success means that the node took it, not that anybody received it.
HP_PRIV_WEAK int hp_write_npl_msg(const void* buf, const uint32_t len);
HP_PRIV_WEAK int hp_writev_npl_msg(const struct iovec* bufs, const int buf_count);

/// Waits at most `timeout` ms for a message (0: does not wait; negative: for ever, which ends at
/// exec_timeout if nobody sends). `msg_buf` must have room for HP_NPL_MSG_MAX_SIZE bytes and
/// `public_key_buf` for HP_PUBLIC_KEY_SIZE characters; neither is terminated. Returns the size of
/// the message, 0 if none came in time, -1 on error: ENOTCONN in read-only mode, EPIPE when the
/// node has closed the channel and everything it had sent is read. The two packets of a message
/// never get separated: if the second is more than 100 ms late, a later call returns the message.
HP_PRIV_WEAK int hp_read_npl_msg(void* msg_buf, char* public_key_buf, const int timeout);

/// Reads ../patch.cfg, in both modes. NULL if it is missing or not what section 5.1 says. To be
/// freed with hp_free_config().
HP_PRIV_WEAK struct hp_config* hp_get_config(void);

/// Checks all of `config` by the rules of section 4.1 and replaces ../patch.cfg in one step, in the
/// layout of section 5.1: UNL and environment sorted, which makes the bytes those that a node
/// itself writes. Members of the present file that struct hp_config does not know are kept, behind
/// the known ones. Takes effect with the next ledger. 0, or -1: EACCES in read-only mode, EINVAL
/// for a bad value, EFBIG beyond 1 MiB. The file is then unchanged.
/// `roundtime` and `stage_slice` at the top count only when they are neither 0 nor what the present
/// file says; if the member of `consensus` was changed to something else as well, that is EINVAL.
HP_PRIV_WEAK int hp_update_config(const struct hp_config* config);

/// Asks this one node to add and remove known peers, each "host:port" (section 8.5). The single
/// entry "*" in `remove_peers` removes all. Nodes ignore this while mesh.peer_discovery.enabled is
/// true, and never answer. 0, or -1: EINVAL for a malformed entry, for which a node would drop the
/// whole request, EMSGSIZE beyond 131072 bytes.
HP_PRIV_WEAK int hp_update_peers(const char* add_peers[], const size_t add_peers_count,
                                 const char* remove_peers[], const size_t remove_peers_count);

/// Replaces a string of a configuration by a copy of `value`: `value_size` characters, or fewer if
/// there is a NUL before. Always terminated. If there is no memory the string becomes NULL, which
/// hp_update_config() refuses.
HP_PRIV_WEAK void hp_set_config_string(char** config_str, const char* value,
                                       const size_t value_size);

/// Replaces the UNL by a copy of `new_unl`. If there is no memory it becomes empty, which
/// hp_update_config() refuses.
HP_PRIV_WEAK void hp_set_config_unl(struct hp_config* config, const struct hp_public_key* new_unl,
                                    const size_t new_unl_count);

/// NULL is allowed.
HP_PRIV_WEAK void hp_free_config(struct hp_config* config);

// =================================================================================================
// Everything below is private: names begin with hp_priv_ and may change.
// =================================================================================================

#ifdef __cplusplus
#define HP_PRIV_CAST(type, value) static_cast<type>(value)
#define HP_PRIV_MUTABLE(pointer) const_cast<void*>(static_cast<const void*>(pointer))
#else
#define HP_PRIV_CAST(type, value) ((type)(value))
#define HP_PRIV_MUTABLE(pointer) ((void*)(uintptr_t)(pointer))
#endif

enum {
    /// The document needs 4 levels and patch.cfg 3; unknown members get room to grow.
    hp_priv_json_depth_max = 32,
    /// A million inputs make a tenth of this.
    hp_priv_document_bytes_max = 256 * 1024 * 1024,
    /// What nodes accept.
    hp_priv_patch_bytes_max = 1024 * 1024,
    hp_priv_control_bytes_max = 131072,
    /// Pieces per system call.
    hp_priv_pieces_max = 64,
    hp_priv_npl_data_wait_ms = 100,
    hp_priv_read_chunk_bytes = 65536
};

/// The API has no handle, so the one contract of a process lives here.
struct hp_priv_state {
    struct hp_contract_context* context;
    int control_fd;
    pid_t pid; ///< that initialised the contract
    void* input_map;
    size_t input_map_size;
    bool npl_sender_read; ///< the first packet of a message is here, the second is not
    char npl_sender[HP_PUBLIC_KEY_SIZE];
};
extern HP_PRIV_WEAK struct hp_priv_state hp_priv_contract;
HP_PRIV_WEAK struct hp_priv_state hp_priv_contract = {NULL, -1, 0, NULL, 0, false, {0}};

/// Says what failed and sets errno. Returns -1.
static inline int hp_priv_refuse(int code, const char* what) {
    fprintf(stderr, "hotpocket_contract: %s\n", what);
    errno = code;
    return -1;
}

// --- Growing memory ------------------------------------------------------------------------------

/// Bytes with a NUL behind them. Running out of memory is remembered, so it is checked once.
struct hp_priv_text {
    char* data;
    size_t size;
    size_t capacity;
    bool failed;
};

static inline void hp_priv_text_init(struct hp_priv_text* text) {
    memset(text, 0, sizeof *text);
}

static inline bool hp_priv_reserve(struct hp_priv_text* text, size_t more) {
    size_t capacity = text->capacity == 0 ? 256 : text->capacity;
    char* grown;
    while (capacity - text->size <= more)
        capacity *= 2;
    if (text->failed || capacity == text->capacity)
        return !text->failed;
    grown = HP_PRIV_CAST(char*, realloc(text->data, capacity));
    text->failed = grown == NULL;
    if (text->failed)
        return false;
    text->data = grown;
    text->capacity = capacity;
    return true;
}

static inline void hp_priv_put_bytes(struct hp_priv_text* text, const char* bytes, size_t size) {
    if (!hp_priv_reserve(text, size))
        return;
    if (size > 0)
        memcpy(text->data + text->size, bytes, size);
    text->size += size;
    text->data[text->size] = '\0';
}

static inline void hp_priv_put(struct hp_priv_text* text, const char* string) {
    hp_priv_put_bytes(text, string, strlen(string));
}

static inline void hp_priv_put_char(struct hp_priv_text* text, char c) {
    hp_priv_put_bytes(text, &c, 1);
}

/// Room for one more item in a list that doubles: its capacity is the next power of two. NULL if
/// there is no memory; the list is then as before.
static inline void* hp_priv_grow(void* list, size_t count, size_t item_size) {
    if ((count & (count - 1)) != 0)
        return list;
    return realloc(list, (count == 0 ? 1 : 2 * count) * item_size);
}

/// Reads `fd` to its end. On failure errno says why; EFBIG: more than `bytes_max`.
static inline bool hp_priv_read_all(int fd, size_t bytes_max, struct hp_priv_text* out) {
    for (;;) {
        ssize_t got;
        if (!hp_priv_reserve(out, hp_priv_read_chunk_bytes)) {
            errno = ENOMEM;
            return false;
        }
        got = read(fd, out->data + out->size, out->capacity - out->size - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        out->size += HP_PRIV_CAST(size_t, got);
        out->data[out->size] = '\0';
        if (out->size > bytes_max) {
            errno = EFBIG;
            return false;
        }
        if (got == 0)
            return true;
    }
}

// --- Reading JSON --------------------------------------------------------------------------------
//
// The grammar of RFC 8259, nothing more. The first error stops the reader for good: every later
// call returns false, so that it is checked once at the end.

struct hp_priv_json {
    const char* begin;
    const char* at;
    const char* end;
    const char* error; ///< NULL: none so far
    size_t error_offset;
    unsigned depth;
    struct hp_priv_text string; ///< the string or name read last
};

static inline void hp_priv_json_init(struct hp_priv_json* json, const char* text, size_t size) {
    memset(json, 0, sizeof *json);
    json->begin = text;
    json->at = text;
    json->end = text + size;
}

static inline bool hp_priv_fail(struct hp_priv_json* json, const char* what) {
    if (json->error == NULL) {
        json->error = what;
        json->error_offset = HP_PRIV_CAST(size_t, json->at - json->begin);
    }
    return false;
}

static inline char hp_priv_peek(const struct hp_priv_json* json) {
    return json->at < json->end ? *json->at : '\0';
}

static inline void hp_priv_skip_space(struct hp_priv_json* json) {
    while (json->at < json->end &&
           (*json->at == ' ' || *json->at == '\t' || *json->at == '\n' || *json->at == '\r'))
        ++json->at;
}

static inline bool hp_priv_expect(struct hp_priv_json* json, char c, const char* otherwise) {
    hp_priv_skip_space(json);
    if (json->error != NULL || hp_priv_peek(json) != c)
        return hp_priv_fail(json, otherwise);
    ++json->at;
    return true;
}

static inline bool hp_priv_enter(struct hp_priv_json* json, char open) {
    if (!hp_priv_expect(json, open, open == '{' ? "expected an object" : "expected an array"))
        return false;
    if (json->depth == hp_priv_json_depth_max)
        return hp_priv_fail(json, "nested too deep");
    ++json->depth;
    return true;
}

/// Moves to the next element; false behind the last one, or on error. `any` is false at first.
static inline bool hp_priv_next(struct hp_priv_json* json, char close, bool* any) {
    hp_priv_skip_space(json);
    if (json->error != NULL)
        return false;
    if (hp_priv_peek(json) == close) {
        ++json->at;
        --json->depth;
        return false;
    }
    if (*any && !hp_priv_expect(json, ',', "expected a comma or the end of the list"))
        return false;
    *any = true;
    return true;
}

/// Bytes in the UTF-8 sequence at `at`, which is before `end`; 0 if it is malformed.
static inline size_t hp_priv_utf8_size(const char* at, const char* end) {
    const unsigned char first = HP_PRIV_CAST(unsigned char, *at);
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    size_t size = 0;
    size_t i;
    if (first < 0x80)
        return 1;
    if (first >= 0xC2 && first <= 0xDF)
        size = 2;
    else if (first >= 0xE0 && first <= 0xEF)
        size = 3;
    else if (first >= 0xF0 && first <= 0xF4)
        size = 4;
    if (size == 0 || HP_PRIV_CAST(size_t, end - at) < size)
        return 0;
    if (first == 0xE0) // the rest excludes long forms, surrogates and what is beyond U+10FFFF
        low = 0xA0;
    else if (first == 0xED)
        high = 0x9F;
    else if (first == 0xF0)
        low = 0x90;
    else if (first == 0xF4)
        high = 0x8F;
    for (i = 1; i < size; ++i, low = 0x80, high = 0xBF) {
        const unsigned char next = HP_PRIV_CAST(unsigned char, at[i]);
        if (next < low || next > high)
            return 0;
    }
    return size;
}

static inline void hp_priv_put_code_point(struct hp_priv_text* text, unsigned code) {
    if (code < 0x80) {
        hp_priv_put_char(text, HP_PRIV_CAST(char, code));
        return;
    }
    if (code >= 0x10000) {
        hp_priv_put_char(text, HP_PRIV_CAST(char, 0xF0 | (code >> 18)));
        hp_priv_put_char(text, HP_PRIV_CAST(char, 0x80 | ((code >> 12) & 0x3F)));
    } else if (code >= 0x800) {
        hp_priv_put_char(text, HP_PRIV_CAST(char, 0xE0 | (code >> 12)));
    } else {
        hp_priv_put_char(text, HP_PRIV_CAST(char, 0xC0 | (code >> 6)));
    }
    if (code >= 0x800)
        hp_priv_put_char(text, HP_PRIV_CAST(char, 0x80 | ((code >> 6) & 0x3F)));
    hp_priv_put_char(text, HP_PRIV_CAST(char, 0x80 | (code & 0x3F)));
}

/// 4 hex digits.
static inline bool hp_priv_read_code_unit(struct hp_priv_json* json, unsigned* out) {
    int i;
    *out = 0;
    for (i = 0; i < 4; ++i, ++json->at) {
        const char c = hp_priv_peek(json);
        unsigned digit;
        if (c >= '0' && c <= '9')
            digit = HP_PRIV_CAST(unsigned, c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = HP_PRIV_CAST(unsigned, c - 'a') + 10;
        else if (c >= 'A' && c <= 'F')
            digit = HP_PRIV_CAST(unsigned, c - 'A') + 10;
        else
            return hp_priv_fail(json, "malformed \\u escape");
        *out = *out * 16 + digit;
    }
    return true;
}

static inline bool hp_priv_read_escape(struct hp_priv_json* json) {
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    unsigned code = 0;
    unsigned low = 0;
    const char* found;
    ++json->at; // the backslash
    found = hp_priv_peek(json) == '\0' ? NULL : strchr(names, hp_priv_peek(json));
    if (found != NULL) {
        hp_priv_put_char(&json->string, values[found - names]);
        ++json->at;
        return true;
    }
    if (hp_priv_peek(json) != 'u')
        return hp_priv_fail(json, "unknown escape in a string");
    ++json->at;
    if (!hp_priv_read_code_unit(json, &code))
        return false;
    if (code >= 0xD800 && code <= 0xDBFF) {
        if (json->end - json->at < 2 || json->at[0] != '\\' || json->at[1] != 'u')
            return hp_priv_fail(json, "lone surrogate in a string");
        json->at += 2;
        if (!hp_priv_read_code_unit(json, &low))
            return false;
        if (low < 0xDC00 || low > 0xDFFF)
            return hp_priv_fail(json, "lone surrogate in a string");
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    } else if (code >= 0xDC00 && code <= 0xDFFF) {
        return hp_priv_fail(json, "lone surrogate in a string");
    }
    hp_priv_put_code_point(&json->string, code);
    return true;
}

/// Into json->string.
static inline bool hp_priv_read_string(struct hp_priv_json* json) {
    json->string.size = 0;
    hp_priv_put_bytes(&json->string, "", 0);
    if (!hp_priv_expect(json, '"', "expected a string"))
        return false;
    while (json->at < json->end && *json->at != '"') {
        const char* const start = json->at;
        if (*json->at == '\\') {
            if (!hp_priv_read_escape(json))
                return false;
            continue;
        }
        while (json->at < json->end && *json->at != '"' && *json->at != '\\') {
            const size_t size = hp_priv_utf8_size(json->at, json->end);
            if (size == 0)
                return hp_priv_fail(json, "string is not UTF-8");
            if (size == 1 && *json->at < 0x20)
                return hp_priv_fail(json, "control character in a string");
            json->at += size;
        }
        hp_priv_put_bytes(&json->string, start, HP_PRIV_CAST(size_t, json->at - start));
    }
    if (json->string.failed)
        return hp_priv_fail(json, "out of memory");
    return hp_priv_expect(json, '"', "string does not end");
}

/// The next member of an object, its name in json->string; false behind the last one.
static inline bool hp_priv_next_member(struct hp_priv_json* json, bool* any) {
    return hp_priv_next(json, '}', any) && hp_priv_read_string(json) &&
           hp_priv_expect(json, ':', "expected a colon");
}

static inline bool hp_priv_string_is(const struct hp_priv_json* json, const char* text) {
    return json->string.size == strlen(text) && memcmp(json->string.data, text, strlen(text)) == 0;
}

/// A whole number from 0 to `value_max`.
static inline bool hp_priv_read_uint(struct hp_priv_json* json, uint64_t value_max, uint64_t* out) {
    const char* start;
    hp_priv_skip_space(json);
    start = json->at;
    *out = 0;
    if (json->error != NULL)
        return false;
    for (; hp_priv_peek(json) >= '0' && hp_priv_peek(json) <= '9'; ++json->at) {
        const uint64_t digit = HP_PRIV_CAST(uint64_t, *json->at - '0');
        if (digit > value_max || *out > (value_max - digit) / 10)
            return hp_priv_fail(json, "number is too large");
        *out = *out * 10 + digit;
    }
    if (json->at == start || hp_priv_peek(json) == '.' || hp_priv_peek(json) == 'e' ||
        hp_priv_peek(json) == 'E')
        return hp_priv_fail(json, "expected a whole number that is not negative");
    if (*start == '0' && json->at - start > 1)
        return hp_priv_fail(json, "number has a leading zero");
    return true;
}

static inline bool hp_priv_read_word(struct hp_priv_json* json, const char* word) {
    const size_t size = strlen(word);
    if (HP_PRIV_CAST(size_t, json->end - json->at) < size || memcmp(json->at, word, size) != 0)
        return hp_priv_fail(json, "unknown word");
    json->at += size;
    return true;
}

static inline bool hp_priv_read_bool(struct hp_priv_json* json, bool* out) {
    hp_priv_skip_space(json);
    if (json->error != NULL)
        return false;
    *out = hp_priv_peek(json) == 't';
    if (!*out && hp_priv_peek(json) != 'f')
        return hp_priv_fail(json, "expected true or false");
    return hp_priv_read_word(json, *out ? "true" : "false");
}

static inline bool hp_priv_skip_digits(struct hp_priv_json* json) {
    const char* const start = json->at;
    while (hp_priv_peek(json) >= '0' && hp_priv_peek(json) <= '9')
        ++json->at;
    return json->at != start || hp_priv_fail(json, "expected a value");
}

static inline bool hp_priv_skip_number(struct hp_priv_json* json) {
    const char* start;
    if (hp_priv_peek(json) == '-')
        ++json->at;
    start = json->at;
    if (!hp_priv_skip_digits(json))
        return false;
    if (*start == '0' && json->at - start > 1)
        return hp_priv_fail(json, "number has a leading zero");
    if (hp_priv_peek(json) == '.') {
        ++json->at;
        if (!hp_priv_skip_digits(json))
            return false;
    }
    if (hp_priv_peek(json) != 'e' && hp_priv_peek(json) != 'E')
        return true;
    ++json->at;
    if (hp_priv_peek(json) == '+' || hp_priv_peek(json) == '-')
        ++json->at;
    return hp_priv_skip_digits(json);
}

/// Behind the document there may only be white space.
static inline bool hp_priv_finish(struct hp_priv_json* json) {
    hp_priv_skip_space(json);
    return json->error == NULL &&
           (json->at == json->end || hp_priv_fail(json, "text behind the document"));
}

/// Which of `names` json->string is; `count` if none.
static inline size_t hp_priv_name_index(const struct hp_priv_json* json, const char* const* names,
                                        size_t count) {
    size_t i = 0;
    while (i < count && !hp_priv_string_is(json, names[i]))
        ++i;
    return i;
}

/// Marks member `index` as seen; false if it was.
static inline bool hp_priv_once(struct hp_priv_json* json, unsigned* seen, size_t index) {
    const unsigned bit = 1u << index;
    if ((*seen & bit) != 0)
        return hp_priv_fail(json, "a member appears twice");
    *seen |= bit;
    return true;
}

// --- Writing JSON, as JSON.stringify(value, null, 4) does ----------------------------------------

static inline void hp_priv_put_number(struct hp_priv_text* text, uint64_t value) {
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, value);
    hp_priv_put(text, digits);
}

/// `string` is UTF-8.
static inline void hp_priv_put_string(struct hp_priv_text* text, const char* string, size_t size) {
    static const char values[] = "\"\\\b\f\n\r\t";
    static const char names[] = "\"\\bfnrt";
    size_t i;
    hp_priv_put_char(text, '"');
    for (i = 0; i < size; ++i) {
        const char c = string[i];
        const char* const found = c == '\0' ? NULL : strchr(values, c);
        if (found != NULL) {
            hp_priv_put_char(text, '\\');
            hp_priv_put_char(text, names[found - values]);
        } else if (HP_PRIV_CAST(unsigned char, c) < 0x20) {
            char escape[8];
            snprintf(escape, sizeof escape, "\\u%04x", HP_PRIV_CAST(unsigned, c) & 0x1F);
            hp_priv_put(text, escape);
        } else {
            hp_priv_put_char(text, c);
        }
    }
    hp_priv_put_char(text, '"');
}

static inline void hp_priv_put_line(struct hp_priv_text* text, unsigned indent) {
    hp_priv_put_char(text, '\n');
    for (; indent > 0; --indent)
        hp_priv_put(text, "    ");
}

/// A line for the next element, and the comma behind the one before it, if there is one.
static inline void hp_priv_put_item(struct hp_priv_text* text, unsigned indent) {
    const char last = text->size == 0 ? '\0' : text->data[text->size - 1];
    if (last != '{' && last != '[')
        hp_priv_put_char(text, ',');
    hp_priv_put_line(text, indent);
}

static inline void hp_priv_put_member(struct hp_priv_text* text, unsigned indent,
                                      const char* name) {
    hp_priv_put_item(text, indent);
    hp_priv_put_string(text, name, strlen(name));
    hp_priv_put(text, ": ");
}

/// The names of an object's members, as JSON strings: no name is then a part of another one.
struct hp_priv_names {
    char** list;
    size_t count;
};

static inline int hp_priv_compare_names(const void* a, const void* b) {
    return strcmp(*HP_PRIV_CAST(char* const*, a), *HP_PRIV_CAST(char* const*, b));
}

/// Takes json->string, and writes it to `out`.
static inline bool hp_priv_copy_name(struct hp_priv_json* json, struct hp_priv_text* out,
                                     struct hp_priv_names* names) {
    void* const grown = hp_priv_grow(names->list, names->count, sizeof *names->list);
    struct hp_priv_text name;
    if (grown == NULL)
        return hp_priv_fail(json, "out of memory");
    names->list = HP_PRIV_CAST(char**, grown);
    hp_priv_text_init(&name);
    hp_priv_put_string(&name, json->string.data, json->string.size);
    if (name.failed) {
        free(name.data);
        return hp_priv_fail(json, "out of memory");
    }
    names->list[names->count++] = name.data;
    hp_priv_put_bytes(out, name.data, name.size);
    hp_priv_put(out, ": ");
    return true;
}

/// Frees the names; false if one was there twice.
static inline bool hp_priv_end_names(struct hp_priv_names* names) {
    bool distinct = true;
    size_t i;
    if (names->count > 0)
        qsort(names->list, names->count, sizeof *names->list, hp_priv_compare_names);
    for (i = 1; i < names->count; ++i)
        distinct = distinct && strcmp(names->list[i - 1], names->list[i]) != 0;
    for (i = 0; i < names->count; ++i)
        free(names->list[i]);
    free(names->list);
    return distinct;
}

static inline bool hp_priv_copy_value(struct hp_priv_json* json, struct hp_priv_text* out,
                                      unsigned indent);

/// An object or array.
static inline bool hp_priv_copy_list(struct hp_priv_json* json, struct hp_priv_text* out,
                                     unsigned indent) {
    const char open = hp_priv_peek(json);
    const char close = open == '{' ? '}' : ']';
    struct hp_priv_names names = {NULL, 0};
    bool any = false;
    bool copied = hp_priv_enter(json, open);
    hp_priv_put_char(out, open);
    while (copied && hp_priv_next(json, close, &any)) {
        hp_priv_put_item(out, indent + 1);
        copied = open == '[' ||
                 (hp_priv_read_string(json) && hp_priv_expect(json, ':', "expected a colon") &&
                  hp_priv_copy_name(json, out, &names));
        copied = copied && hp_priv_copy_value(json, out, indent + 1);
    }
    if (any)
        hp_priv_put_line(out, indent);
    hp_priv_put_char(out, close);
    if (!hp_priv_end_names(&names))
        return hp_priv_fail(json, "a member appears twice");
    return json->error == NULL;
}

/// Reads a value of any type and writes it to `out`. Numbers keep their spelling.
static inline bool hp_priv_copy_value(struct hp_priv_json* json, struct hp_priv_text* out,
                                      unsigned indent) {
    const char* start;
    bool read;
    hp_priv_skip_space(json);
    if (json->error != NULL)
        return false;
    start = json->at;
    switch (hp_priv_peek(json)) {
    case '{':
    case '[':
        return hp_priv_copy_list(json, out, indent);
    case '"':
        read = hp_priv_read_string(json);
        hp_priv_put_string(out, json->string.data, json->string.size);
        return read;
    case 't':
        read = hp_priv_read_word(json, "true");
        break;
    case 'f':
        read = hp_priv_read_word(json, "false");
        break;
    case 'n':
        read = hp_priv_read_word(json, "null");
        break;
    default:
        read = hp_priv_skip_number(json);
    }
    hp_priv_put_bytes(out, start, HP_PRIV_CAST(size_t, json->at - start));
    return read;
}

/// Checks a value and drops it.
static inline bool hp_priv_skip_value(struct hp_priv_json* json) {
    struct hp_priv_text dropped;
    bool read;
    hp_priv_text_init(&dropped);
    read = hp_priv_copy_value(json, &dropped, 0);
    free(dropped.data);
    return read;
}

// --- The document (section 7) --------------------------------------------------------------------

/// A string of at most `size` characters without NUL, terminated in `out`.
static inline bool hp_priv_read_chars(struct hp_priv_json* json, char* out, size_t size) {
    if (!hp_priv_read_string(json))
        return false;
    if (json->string.size > size || memchr(json->string.data, '\0', json->string.size) != NULL)
        return hp_priv_fail(json, "text is too long or contains a NUL");
    memcpy(out, json->string.data, json->string.size + 1);
    return true;
}

static inline bool hp_priv_is_hex(const char* text, size_t size) {
    size_t i;
    for (i = 0; i < size; ++i)
        if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f')))
            return false;
    return true;
}

/// json->string, which must be exactly `digits` lowercase hex digits.
static inline bool hp_priv_take_hex(struct hp_priv_json* json, char* out, size_t digits) {
    if (json->string.size != digits || !hp_priv_is_hex(json->string.data, digits))
        return hp_priv_fail(json, "a key or hash has the wrong size or is not lowercase hex");
    memcpy(out, json->string.data, digits + 1);
    return true;
}

static inline bool hp_priv_read_hex(struct hp_priv_json* json, char* out, size_t digits) {
    return hp_priv_read_string(json) && hp_priv_take_hex(json, out, digits);
}

static inline bool hp_priv_read_fd(struct hp_priv_json* json, int* out) {
    uint64_t value = 0;
    if (!hp_priv_read_uint(json, INT_MAX, &value))
        return false;
    if (value <= STDERR_FILENO)
        return hp_priv_fail(json, "a channel cannot be a standard stream");
    *out = HP_PRIV_CAST(int, value);
    return true;
}

/// [offset, length]
static inline bool hp_priv_read_input(struct hp_priv_json* json, struct hp_user_input* out) {
    const uint64_t offset_max = sizeof(off_t) > 4 ? INT64_MAX : INT32_MAX;
    uint64_t offset = 0;
    uint64_t size = 0;
    bool any = false;
    if (!hp_priv_enter(json, '[') || !hp_priv_next(json, ']', &any) ||
        !hp_priv_read_uint(json, offset_max, &offset) || !hp_priv_next(json, ']', &any) ||
        !hp_priv_read_uint(json, UINT32_MAX, &size) || hp_priv_next(json, ']', &any))
        return hp_priv_fail(json, "an input is an offset and a length");
    out->offset = HP_PRIV_CAST(off_t, offset);
    out->size = HP_PRIV_CAST(uint32_t, size);
    return json->error == NULL;
}

/// [output descriptor, input, input, ...]
static inline bool hp_priv_read_user(struct hp_priv_json* json, struct hp_user* out) {
    struct hp_user_inputs_collection* const inputs = &out->inputs;
    bool any = false;
    if (!hp_priv_enter(json, '[') || !hp_priv_next(json, ']', &any) ||
        !hp_priv_read_fd(json, &out->outfd))
        return hp_priv_fail(json, "a user begins with an output descriptor");
    while (hp_priv_next(json, ']', &any)) {
        void* const grown = hp_priv_grow(inputs->list, inputs->count, sizeof *inputs->list);
        if (grown == NULL)
            return hp_priv_fail(json, "out of memory");
        inputs->list = HP_PRIV_CAST(struct hp_user_input*, grown);
        if (!hp_priv_read_input(json, &inputs->list[inputs->count]))
            return false;
        ++inputs->count;
    }
    return json->error == NULL;
}

/// {"active_on": ms}
static inline bool hp_priv_read_node(struct hp_priv_json* json, struct hp_unl_node* out) {
    bool any = false;
    if (!hp_priv_enter(json, '{'))
        return false;
    while (hp_priv_next_member(json, &any)) {
        if (hp_priv_string_is(json, "active_on"))
            hp_priv_read_uint(json, UINT64_MAX, &out->active_on);
        else
            hp_priv_skip_value(json);
    }
    return json->error == NULL;
}

/// For lists whose items begin with a struct hp_public_key.
static inline int hp_priv_compare_keys(const void* a, const void* b) {
    return memcmp(a, b, HP_PUBLIC_KEY_SIZE);
}

/// Documents come sorted; a contract may rely on it, so whatever comes is made so.
static inline bool hp_priv_sort_keys(void* list, size_t count, size_t item_size) {
    const char* const items = HP_PRIV_CAST(const char*, list);
    size_t i;
    if (count > 0)
        qsort(list, count, item_size, hp_priv_compare_keys);
    for (i = 1; i < count; ++i)
        if (hp_priv_compare_keys(items + (i - 1) * item_size, items + i * item_size) == 0)
            return false;
    return true;
}

static inline bool hp_priv_read_users(struct hp_priv_json* json, struct hp_users_collection* out) {
    bool any = false;
    if (!hp_priv_enter(json, '{'))
        return false;
    while (hp_priv_next_member(json, &any)) {
        void* const grown = hp_priv_grow(out->list, out->count, sizeof *out->list);
        struct hp_user* user;
        if (grown == NULL)
            return hp_priv_fail(json, "out of memory");
        out->list = HP_PRIV_CAST(struct hp_user*, grown);
        user = &out->list[out->count++];
        memset(user, 0, sizeof *user);
        if (!hp_priv_take_hex(json, user->public_key.data, HP_PUBLIC_KEY_SIZE) ||
            !hp_priv_read_user(json, user))
            return false;
    }
    return json->error == NULL && (hp_priv_sort_keys(out->list, out->count, sizeof *out->list) ||
                                   hp_priv_fail(json, "a user appears twice"));
}

static inline bool hp_priv_read_unl(struct hp_priv_json* json, struct hp_unl_collection* out) {
    bool any = false;
    if (!hp_priv_enter(json, '{'))
        return false;
    while (hp_priv_next_member(json, &any)) {
        void* const grown = hp_priv_grow(out->list, out->count, sizeof *out->list);
        struct hp_unl_node* node;
        if (grown == NULL)
            return hp_priv_fail(json, "out of memory");
        out->list = HP_PRIV_CAST(struct hp_unl_node*, grown);
        node = &out->list[out->count++];
        memset(node, 0, sizeof *node);
        if (!hp_priv_take_hex(json, node->public_key.data, HP_PUBLIC_KEY_SIZE) ||
            !hp_priv_read_node(json, node))
            return false;
    }
    return json->error == NULL && (hp_priv_sort_keys(out->list, out->count, sizeof *out->list) ||
                                   hp_priv_fail(json, "a node appears twice"));
}

/// The first six are in every document.
static inline const char* const* hp_priv_document_names(void) {
    static const char* const names[] = {"contract_id", "public_key", "timestamp",  "readonly",
                                        "users",       "unl",        "lcl_seq_no", "lcl_hash",
                                        "npl_fd",      "control_fd", "user_in_fd", "private_key"};
    return names;
}

static inline bool hp_priv_read_document_member(struct hp_priv_json* json, size_t index,
                                                struct hp_contract_context* out, int* control_fd) {
    switch (index) {
    case 0:
        return hp_priv_read_chars(json, out->contract_id, HP_CONTRACT_ID_SIZE);
    case 1:
        return hp_priv_read_hex(json, out->public_key.data, HP_PUBLIC_KEY_SIZE);
    case 2:
        return hp_priv_read_uint(json, UINT64_MAX, &out->timestamp);
    case 3:
        return hp_priv_read_bool(json, &out->readonly);
    case 4:
        return hp_priv_read_users(json, &out->users);
    case 5:
        return hp_priv_read_unl(json, &out->unl);
    case 6:
        return hp_priv_read_uint(json, UINT64_MAX, &out->lcl_seq_no);
    case 7:
        return hp_priv_read_hex(json, out->lcl_hash, HP_HASH_SIZE);
    case 8:
        return hp_priv_read_fd(json, &out->unl.npl_fd);
    case 9:
        return hp_priv_read_fd(json, control_fd);
    case 10:
        return hp_priv_read_fd(json, &out->users.in_fd);
    case 11:
        return hp_priv_read_hex(json, out->private_key.data, HP_PRIVATE_KEY_SIZE);
    default:
        return hp_priv_skip_value(json);
    }
}

static inline bool hp_priv_read_document(struct hp_priv_json* json, struct hp_contract_context* out,
                                         int* control_fd) {
    enum { names_count = 12, mandatory_bits = 0x3F };
    unsigned seen = 0;
    bool any = false;
    out->users.in_fd = -1;
    out->unl.npl_fd = -1;
    if (!hp_priv_enter(json, '{'))
        return false;
    while (hp_priv_next_member(json, &any)) {
        const size_t index = hp_priv_name_index(json, hp_priv_document_names(), names_count);
        if (index < names_count && !hp_priv_once(json, &seen, index))
            return false;
        if (!hp_priv_read_document_member(json, index, out, control_fd))
            return false;
    }
    if (json->error == NULL && (seen & mandatory_bits) != mandatory_bits)
        return hp_priv_fail(json, "contract_id, public_key, timestamp, readonly, users or unl is "
                                  "missing");
    return hp_priv_finish(json);
}

static inline int hp_priv_compare_ints(const void* a, const void* b) {
    const int left = *HP_PRIV_CAST(const int*, a);
    const int right = *HP_PRIV_CAST(const int*, b);
    return (left > right) - (left < right);
}

/// Two channels on one descriptor would mix their messages and be closed twice. NULL or an error.
static inline const char* hp_priv_check_channels(const struct hp_contract_context* context,
                                                 int control_fd) {
    const size_t count = context->users.count + 3;
    int* const fds = HP_PRIV_CAST(int*, malloc(count * sizeof(int)));
    const char* error = NULL;
    size_t i;
    if (fds == NULL)
        return "out of memory";
    fds[0] = control_fd;
    fds[1] = context->users.in_fd;
    fds[2] = context->unl.npl_fd;
    for (i = 3; i < count; ++i)
        fds[i] = context->users.list[i - 3].outfd;
    qsort(fds, count, sizeof(int), hp_priv_compare_ints);
    for (i = 0; i < count && error == NULL; ++i) {
        if (fds[i] >= 0 && i > 0 && fds[i] == fds[i - 1])
            error = "a descriptor is named for two channels";
        else if (fds[i] >= 0 && fcntl(fds[i], F_GETFD) == -1)
            error = "a channel is not an open descriptor";
    }
    free(fds);
    return error;
}

/// Touching a mapping beyond the end of its file would kill the contract, so no input may lie
/// there; empty ones are moved to the end. NULL or an error.
static inline const char* hp_priv_settle_inputs(struct hp_users_collection* users) {
    struct stat file;
    off_t file_size = 0;
    size_t u;
    size_t i;
    if (users->in_fd >= 0) {
        if (fstat(users->in_fd, &file) != 0)
            return "the input file cannot be examined";
        file_size = file.st_size;
    }
    for (u = 0; u < users->count; ++u)
        for (i = 0; i < users->list[u].inputs.count; ++i) {
            struct hp_user_input* const input = &users->list[u].inputs.list[i];
            if (input->size == 0 && input->offset > file_size)
                input->offset = file_size;
            if (input->offset > file_size || input->size > file_size - input->offset)
                return "an input lies beyond the input file, or there is no input file";
        }
    return NULL;
}

static inline void hp_priv_free_context(struct hp_contract_context* context) {
    size_t i;
    if (context == NULL)
        return;
    for (i = 0; i < context->users.count; ++i)
        free(context->users.list[i].inputs.list);
    free(context->users.list);
    free(context->unl.list);
    free(context);
}

static inline void hp_priv_report_json(const char* what, const struct hp_priv_json* json) {
    fprintf(stderr, "hotpocket_contract: %s: offset %lu: %s\n", what,
            HP_PRIV_CAST(unsigned long, json->error_offset), json->error);
    errno = EINVAL;
}

/// NULL after saying why.
static inline struct hp_contract_context* hp_priv_make_context(const struct hp_priv_text* text,
                                                               int* control_fd) {
    struct hp_priv_json json;
    const char* error = NULL;
    struct hp_contract_context* const context =
        HP_PRIV_CAST(struct hp_contract_context*, calloc(1, sizeof *context));
    if (context == NULL) {
        hp_priv_refuse(ENOMEM, "out of memory");
        return NULL;
    }
    hp_priv_json_init(&json, text->data, text->size);
    if (!hp_priv_read_document(&json, context, control_fd)) {
        hp_priv_report_json("the document on standard input is not usable", &json);
        error = json.error;
    } else {
        error = hp_priv_check_channels(context, *control_fd);
        if (error == NULL)
            error = hp_priv_settle_inputs(&context->users);
        if (error != NULL)
            hp_priv_refuse(EINVAL, error);
    }
    free(json.string.data);
    if (error == NULL)
        return context;
    hp_priv_free_context(context);
    return NULL;
}

int hp_init_contract(void) {
    struct hp_priv_state* const state = &hp_priv_contract;
    struct hp_priv_text text;
    struct hp_contract_context* context = NULL;
    int control_fd = -1;
    if (state->context != NULL)
        return hp_priv_refuse(EALREADY, "the contract is initialised already");
    if (isatty(STDIN_FILENO) == 1)
        return hp_priv_refuse(ENOTSUP, "this program is a HotPocket contract: a node starts it and "
                                       "describes the run on its standard input");
    hp_priv_text_init(&text);
    if (!hp_priv_read_all(STDIN_FILENO, hp_priv_document_bytes_max, &text))
        hp_priv_refuse(errno, "standard input cannot be read or is too long");
    else if (text.size == 0)
        hp_priv_refuse(EINVAL, "standard input is empty: no node started this, or the document was "
                               "read before");
    else
        context = hp_priv_make_context(&text, &control_fd);
    free(text.data);
    if (context == NULL)
        return -1;
    state->context = context;
    state->control_fd = control_fd;
    state->pid = getpid();
    state->npl_sender_read = false;
    return 0;
}

const struct hp_contract_context* hp_get_context(void) {
    return hp_priv_contract.context;
}

// --- Inputs (section 8.2) ------------------------------------------------------------------------

static inline bool hp_priv_any_input(const struct hp_users_collection* users) {
    size_t i;
    for (i = 0; i < users->count; ++i)
        if (users->list[i].inputs.count > 0)
            return true;
    return false;
}

/// The file and one page of zeros behind it, so that the last input is terminated whatever its size
/// and an empty one at the end can be looked at. The page is a changed private copy of the first
/// one: strict C99 does not show MAP_ANONYMOUS.
static inline bool hp_priv_map_inputs(struct hp_priv_state* state, int fd, size_t file_size) {
    const size_t page_size = HP_PRIV_CAST(size_t, sysconf(_SC_PAGESIZE));
    const size_t size = (file_size + page_size - 1) / page_size * page_size;
    void* const map = mmap(NULL, size + page_size, PROT_READ, MAP_PRIVATE, fd, 0);
    void* end;
    if (map == MAP_FAILED)
        return false;
    end = mmap(HP_PRIV_CAST(char*, map) + size, page_size, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_FIXED, fd, 0);
    if (end == MAP_FAILED) {
        munmap(map, size + page_size);
        return false;
    }
    memset(end, 0, page_size);
    mprotect(end, page_size, PROT_READ);
    state->input_map = map;
    state->input_map_size = size + page_size;
    return true;
}

const void* hp_init_user_input_mmap(void) {
    static const char nothing[1] = {'\0'}; // all inputs are empty
    struct hp_priv_state* const state = &hp_priv_contract;
    struct stat file;
    if (state->context == NULL) {
        errno = ENOTCONN;
        return NULL;
    }
    if (state->input_map != NULL)
        return state->input_map;
    memset(&file, 0, sizeof file);
    if (state->context->users.in_fd >= 0 && fstat(state->context->users.in_fd, &file) != 0)
        return NULL;
    if (file.st_size == 0) {
        errno = 0;
        return hp_priv_any_input(&state->context->users) ? nothing : NULL;
    }
    return hp_priv_map_inputs(state, state->context->users.in_fd,
                              HP_PRIV_CAST(size_t, file.st_size))
               ? state->input_map
               : NULL;
}

void hp_deinit_user_input_mmap(void) {
    struct hp_priv_state* const state = &hp_priv_contract;
    if (state->input_map != NULL)
        munmap(state->input_map, state->input_map_size);
    state->input_map = NULL;
    state->input_map_size = 0;
}

// --- Sockets (sections 8.3 to 8.5) ---------------------------------------------------------------

/// Milliseconds of a clock that nobody sets. times() is the only one that strict C99 shows; its
/// steps are 10 ms.
static inline uint64_t hp_priv_now_ms(void) {
    struct tms unused;
    return HP_PRIV_CAST(uint64_t, times(&unused)) * 1000 /
           HP_PRIV_CAST(uint64_t, sysconf(_SC_CLK_TCK));
}

/// poll() for one descriptor that signals do not cut short; they may lengthen it by the clock's
/// step. A negative timeout waits for ever.
static inline int hp_priv_wait(int fd, short events, int timeout_ms) {
    const uint64_t clock_step_ms = 10;
    const uint64_t start_ms = timeout_ms > 0 ? hp_priv_now_ms() : 0;
    int left_ms = timeout_ms;
    for (;;) {
        struct pollfd entry;
        int ready;
        entry.fd = fd;
        entry.events = events;
        entry.revents = 0;
        ready = poll(&entry, 1, left_ms);
        if (ready >= 0 || errno != EINTR)
            return ready;
        if (timeout_ms > 0) {
            const uint64_t end_ms = start_ms + HP_PRIV_CAST(uint64_t, timeout_ms) + clock_step_ms;
            const uint64_t now_ms = hp_priv_now_ms();
            left_ms = now_ms < end_ms ? HP_PRIV_CAST(int, end_ms - now_ms) : 0;
        }
    }
}

/// sendmsg() without signals and interruptions. Waits if the socket is full, also if somebody made
/// it non-blocking, unless `flags` has MSG_DONTWAIT.
static inline ssize_t hp_priv_send(int fd, const struct iovec* pieces, size_t count, int flags) {
    struct msghdr message;
    memset(&message, 0, sizeof message);
    message.msg_iov = HP_PRIV_CAST(struct iovec*, HP_PRIV_MUTABLE(pieces));
    message.msg_iovlen = count;
    for (;;) {
        const ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL | flags);
        if (sent >= 0)
            return sent;
        if (errno == EAGAIN && (flags & MSG_DONTWAIT) == 0) {
            if (hp_priv_wait(fd, POLLOUT, -1) < 0)
                return -1;
        } else if (errno == ECONNRESET) {
            errno = EPIPE;
            return -1;
        } else if (errno != EINTR) {
            return -1;
        }
    }
}

/// All bytes of `bufs`; -1 with EMSGSIZE if they exceed `size_max`.
static inline int hp_priv_total(const struct iovec* bufs, int buf_count, size_t size_max) {
    size_t total = 0;
    int i;
    if (buf_count < 0 || (buf_count > 0 && bufs == NULL)) {
        errno = EINVAL;
        return -1;
    }
    for (i = 0; i < buf_count; ++i) {
        if (bufs[i].iov_len > size_max - total) {
            errno = EMSGSIZE;
            return -1;
        }
        total += bufs[i].iov_len;
    }
    return HP_PRIV_CAST(int, total);
}

/// Piece 0 is the header, piece i + 1 is bufs[i].
static inline struct iovec hp_priv_piece(unsigned char* header, const struct iovec* bufs,
                                         size_t index) {
    struct iovec piece;
    piece.iov_base = header;
    piece.iov_len = 4;
    return index == 0 ? piece : bufs[index - 1];
}

/// Writes header and body, however many calls that takes.
static inline int hp_priv_send_frame(int fd, unsigned char* header, const struct iovec* bufs,
                                     size_t pieces_count) {
    size_t next = 0;
    size_t skip = 0; // bytes of piece `next` that are sent
    bool begun = false;
    while (next < pieces_count) {
        struct iovec pieces[hp_priv_pieces_max];
        size_t count = 0;
        ssize_t sent;
        for (; count < hp_priv_pieces_max && next + count < pieces_count; ++count)
            pieces[count] = hp_priv_piece(header, bufs, next + count);
        pieces[0].iov_base = HP_PRIV_CAST(char*, pieces[0].iov_base) + skip;
        pieces[0].iov_len -= skip;
        sent = hp_priv_send(fd, pieces, count, 0);
        if (sent < 0) {
            const int code = errno;
            if (begun) // the stream ends inside a message; nothing may follow
                shutdown(fd, SHUT_WR);
            errno = code;
            return -1;
        }
        begun = true;
        skip += HP_PRIV_CAST(size_t, sent);
        while (next < pieces_count && skip >= hp_priv_piece(header, bufs, next).iov_len)
            skip -= hp_priv_piece(header, bufs, next++).iov_len;
    }
    return 0;
}

int hp_writev_user_msg(const struct hp_user* user, const struct iovec* bufs, const int buf_count) {
    unsigned char header[4];
    const int size = hp_priv_total(bufs, buf_count, INT_MAX - sizeof header);
    if (size < 0)
        return -1;
    if (user == NULL) {
        errno = EINVAL;
        return -1;
    }
    header[0] = HP_PRIV_CAST(unsigned char, (size >> 24) & 0xFF);
    header[1] = HP_PRIV_CAST(unsigned char, (size >> 16) & 0xFF);
    header[2] = HP_PRIV_CAST(unsigned char, (size >> 8) & 0xFF);
    header[3] = HP_PRIV_CAST(unsigned char, size & 0xFF);
    if (hp_priv_send_frame(user->outfd, header, bufs, HP_PRIV_CAST(size_t, buf_count) + 1) != 0)
        return -1;
    return size + HP_PRIV_CAST(int, sizeof header);
}

int hp_write_user_msg(const struct hp_user* user, const void* buf, const uint32_t len) {
    struct iovec piece;
    piece.iov_base = HP_PRIV_MUTABLE(buf);
    piece.iov_len = len;
    return hp_writev_user_msg(user, &piece, 1);
}

/// The NPL descriptor, or -1 with ENOTCONN.
static inline int hp_priv_npl_fd(void) {
    const struct hp_contract_context* const context = hp_priv_contract.context;
    if (context != NULL && context->unl.npl_fd >= 0)
        return context->unl.npl_fd;
    errno = ENOTCONN;
    return -1;
}

int hp_writev_npl_msg(const struct iovec* bufs, const int buf_count) {
    const int fd = hp_priv_npl_fd();
    const int size = fd < 0 ? -1 : hp_priv_total(bufs, buf_count, HP_NPL_MSG_MAX_SIZE);
    if (size <= 0)
        return size;
    return HP_PRIV_CAST(int, hp_priv_send(fd, bufs, HP_PRIV_CAST(size_t, buf_count), 0));
}

int hp_write_npl_msg(const void* buf, const uint32_t len) {
    struct iovec piece;
    piece.iov_base = HP_PRIV_MUTABLE(buf);
    piece.iov_len = len;
    return hp_writev_npl_msg(&piece, 1);
}

/// One packet: its size, which may exceed `capacity`; 0 if none came in time; -1 with EPIPE at the
/// end of the channel. What was sent before the end is delivered first.
static inline ssize_t hp_priv_receive(int fd, void* out, size_t capacity, int timeout_ms) {
    for (;;) {
        ssize_t size;
        const int ready = hp_priv_wait(fd, POLLIN, timeout_ms);
        if (ready <= 0)
            return ready;
        size = recv(fd, out, capacity, MSG_DONTWAIT | MSG_TRUNC);
        if (size > 0)
            return size;
        if (size == 0) {
            errno = EPIPE;
            return -1;
        }
        // ECONNRESET comes once, when the node has closed without reading all that was sent to it.
        // What it sent before is still there.
        if (errno != EINTR && errno != EAGAIN && errno != ECONNRESET)
            return -1;
    }
}

int hp_read_npl_msg(void* msg_buf, char* public_key_buf, const int timeout) {
    struct hp_priv_state* const state = &hp_priv_contract;
    const int fd = hp_priv_npl_fd();
    int data_timeout = timeout;
    ssize_t size;
    if (fd < 0)
        return -1;
    if (msg_buf == NULL || public_key_buf == NULL) {
        errno = EINVAL;
        return -1;
    }
    if (!state->npl_sender_read) {
        size = hp_priv_receive(fd, state->npl_sender, HP_PUBLIC_KEY_SIZE, timeout);
        if (size <= 0)
            return HP_PRIV_CAST(int, size);
        if (size != HP_PUBLIC_KEY_SIZE || !hp_priv_is_hex(state->npl_sender, HP_PUBLIC_KEY_SIZE)) {
            errno = EPROTO;
            return -1;
        }
        state->npl_sender_read = true;
        data_timeout = hp_priv_npl_data_wait_ms;
    }
    size = hp_priv_receive(fd, msg_buf, HP_NPL_MSG_MAX_SIZE, data_timeout);
    if (size <= 0)
        return HP_PRIV_CAST(int, size);
    state->npl_sender_read = false;
    if (size > HP_NPL_MSG_MAX_SIZE) {
        errno = EMSGSIZE;
        return -1;
    }
    memcpy(public_key_buf, state->npl_sender, HP_PUBLIC_KEY_SIZE);
    return HP_PRIV_CAST(int, size);
}

static inline int hp_priv_send_control(const char* message, size_t size, int flags) {
    const int fd = hp_priv_contract.control_fd;
    struct iovec piece;
    if (hp_priv_contract.context == NULL || fd < 0) {
        errno = ENOTCONN;
        return -1;
    }
    if (size > hp_priv_control_bytes_max) {
        errno = EMSGSIZE;
        return -1;
    }
    piece.iov_base = HP_PRIV_MUTABLE(message);
    piece.iov_len = size;
    return hp_priv_send(fd, &piece, 1, flags) < 0 ? -1 : 0;
}

/// What nodes accept: one colon, a host in UTF-8 without blanks, a port that is not 0.
static inline bool hp_priv_is_peer(const char* peer) {
    const char* const colon = peer == NULL ? NULL : strchr(peer, ':');
    const char* at = peer;
    unsigned port = 0;
    if (colon == NULL || colon == peer || colon[1] == '\0')
        return false;
    while (at < colon) {
        const size_t size = hp_priv_utf8_size(at, colon);
        if (size == 0 || (size == 1 && (*at <= 0x20 || *at == 0x7F)))
            return false;
        at += size;
    }
    for (at = colon + 1; *at != '\0' && port <= UINT16_MAX; ++at) {
        if (*at < '0' || *at > '9')
            return false;
        port = port * 10 + HP_PRIV_CAST(unsigned, *at - '0');
    }
    return port > 0 && port <= UINT16_MAX;
}

static inline bool hp_priv_put_peers(struct hp_priv_text* text, const char* const* peers,
                                     size_t count) {
    size_t i;
    hp_priv_put_char(text, '[');
    for (i = 0; i < count; ++i) {
        if (peers == NULL || !hp_priv_is_peer(peers[i]))
            return false;
        if (i > 0)
            hp_priv_put_char(text, ',');
        hp_priv_put_string(text, peers[i], strlen(peers[i]));
    }
    hp_priv_put_char(text, ']');
    return true;
}

int hp_update_peers(const char* add_peers[], const size_t add_peers_count,
                    const char* remove_peers[], const size_t remove_peers_count) {
    const bool remove_all = remove_peers_count == 1 && remove_peers != NULL &&
                            remove_peers[0] != NULL && strcmp(remove_peers[0], "*") == 0;
    struct hp_priv_text text;
    bool valid;
    int result = -1;
    hp_priv_text_init(&text);
    hp_priv_put(&text, "{\"type\":\"peer_changeset\",\"add\":");
    valid = hp_priv_put_peers(&text, add_peers, add_peers_count);
    hp_priv_put(&text, ",\"remove\":");
    if (remove_all)
        hp_priv_put(&text, "\"*\"");
    else
        valid = valid && hp_priv_put_peers(&text, remove_peers, remove_peers_count);
    hp_priv_put_char(&text, '}');
    if (!valid)
        errno = EINVAL;
    else if (text.failed)
        errno = ENOMEM;
    else
        result = hp_priv_send_control(text.data, text.size, 0);
    free(text.data);
    return result;
}

static inline void hp_priv_close(int fd) {
    if (fd >= 0)
        close(fd);
}

int hp_deinit_contract(void) {
    static const char contract_end[] = "{\"type\":\"contract_end\"}";
    struct hp_priv_state* const state = &hp_priv_contract;
    struct hp_contract_context* const context = state->context;
    size_t i;
    if (context == NULL) {
        errno = ENOTCONN;
        return -1;
    }
    // Never waits: if the node does not read, the exit of the process tells it the same. A child
    // process must not end the channels of its parent.
    if (state->pid == getpid())
        hp_priv_send_control(contract_end, sizeof contract_end - 1, MSG_DONTWAIT);
    hp_deinit_user_input_mmap();
    hp_priv_close(context->users.in_fd);
    for (i = 0; i < context->users.count; ++i)
        hp_priv_close(context->users.list[i].outfd);
    hp_priv_close(context->unl.npl_fd);
    hp_priv_close(state->control_fd);
    hp_priv_free_context(context);
    state->context = NULL;
    state->control_fd = -1;
    return 0;
}

// --- Reading patch.cfg (section 5.1) -------------------------------------------------------------

/// A configuration and the members it has no place for, as text to be written behind the known
/// members of the same object.
struct hp_priv_patch {
    struct hp_config* config;
    struct hp_priv_text root_extra;
    struct hp_priv_text consensus_extra;
    struct hp_priv_text npl_extra;
    struct hp_priv_text limits_extra;
};

static inline const char* hp_priv_patch_path(void) {
    return "../patch.cfg";
}

static inline bool hp_priv_keep_member(struct hp_priv_json* json, struct hp_priv_text* extra,
                                       unsigned indent) {
    hp_priv_put_item(extra, indent);
    hp_priv_put_string(extra, json->string.data, json->string.size);
    hp_priv_put(extra, ": ");
    return hp_priv_copy_value(json, extra, indent);
}

/// A copy that free() takes, or NULL.
static inline char* hp_priv_copy_string(const char* text, size_t size) {
    char* const copy = HP_PRIV_CAST(char*, malloc(size + 1));
    if (copy == NULL)
        return NULL;
    if (size > 0)
        memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}

static inline bool hp_priv_take_string(struct hp_priv_json* json, char** out) {
    if (memchr(json->string.data, '\0', json->string.size) != NULL)
        return hp_priv_fail(json, "a text contains a NUL");
    *out = hp_priv_copy_string(json->string.data, json->string.size);
    return *out != NULL || hp_priv_fail(json, "out of memory");
}

static inline bool hp_priv_read_text(struct hp_priv_json* json, char** out) {
    return hp_priv_read_string(json) && hp_priv_take_string(json, out);
}

static inline bool hp_priv_read_mode(struct hp_priv_json* json, enum MODE* out) {
    if (!hp_priv_read_string(json))
        return false;
    *out = hp_priv_string_is(json, "public") ? PUBLIC : PRIVATE;
    return *out == PUBLIC || hp_priv_string_is(json, "private") ||
           hp_priv_fail(json, "a mode is public or private");
}

static inline bool hp_priv_read_u32(struct hp_priv_json* json, uint32_t* out) {
    uint64_t value = 0;
    const bool read = hp_priv_read_uint(json, UINT32_MAX, &value);
    *out = HP_PRIV_CAST(uint32_t, value);
    return read;
}

static inline bool hp_priv_read_u16(struct hp_priv_json* json, uint16_t* out) {
    uint64_t value = 0;
    const bool read = hp_priv_read_uint(json, UINT16_MAX, &value);
    *out = HP_PRIV_CAST(uint16_t, value);
    return read;
}

static inline bool hp_priv_read_keys(struct hp_priv_json* json,
                                     struct hp_public_key_collection* out) {
    bool any = false;
    if (!hp_priv_enter(json, '['))
        return false;
    while (hp_priv_next(json, ']', &any)) {
        void* const grown = hp_priv_grow(out->list, out->count, sizeof *out->list);
        if (grown == NULL)
            return hp_priv_fail(json, "out of memory");
        out->list = HP_PRIV_CAST(struct hp_public_key*, grown);
        memset(&out->list[out->count], 0, sizeof *out->list);
        if (!hp_priv_read_chars(json, out->list[out->count++].data, HP_PUBLIC_KEY_SIZE))
            return false;
    }
    return json->error == NULL;
}

static inline bool hp_priv_read_environment(struct hp_priv_json* json, struct map* out) {
    bool any = false;
    if (!hp_priv_enter(json, '{'))
        return false;
    while (hp_priv_next_member(json, &any)) {
        void* const grown = hp_priv_grow(out->entries, out->entry_count, sizeof *out->entries);
        struct map_entry* entry;
        if (grown == NULL)
            return hp_priv_fail(json, "out of memory");
        out->entries = HP_PRIV_CAST(struct map_entry*, grown);
        entry = &out->entries[out->entry_count++];
        memset(entry, 0, sizeof *entry);
        if (!hp_priv_take_string(json, &entry->key) || !hp_priv_read_text(json, &entry->val))
            return false;
    }
    return json->error == NULL;
}

static inline bool hp_priv_read_consensus(struct hp_priv_json* json, struct consensus_config* out,
                                          struct hp_priv_text* extra) {
    static const char* const names[] = {"mode", "roundtime", "stage_slice", "threshold"};
    unsigned seen = 0;
    bool any = false;
    if (!hp_priv_enter(json, '{'))
        return false;
    while (hp_priv_next_member(json, &any)) {
        const size_t index = hp_priv_name_index(json, names, 4);
        if (index == 4)
            hp_priv_keep_member(json, extra, 2);
        else if (!hp_priv_once(json, &seen, index))
            return false;
        else if (index == 0)
            hp_priv_read_mode(json, &out->mode);
        else if (index == 3)
            hp_priv_read_u16(json, &out->threshold);
        else
            hp_priv_read_u32(json, index == 1 ? &out->roundtime : &out->stage_slice);
    }
    return json->error == NULL &&
           (seen == 0xF || hp_priv_fail(json, "a member of consensus is missing"));
}

static inline bool hp_priv_read_npl(struct hp_priv_json* json, struct npl_config* out,
                                    struct hp_priv_text* extra) {
    unsigned seen = 0;
    bool any = false;
    if (!hp_priv_enter(json, '{'))
        return false;
    while (hp_priv_next_member(json, &any)) {
        if (!hp_priv_string_is(json, "mode"))
            hp_priv_keep_member(json, extra, 2);
        else if (hp_priv_once(json, &seen, 0))
            hp_priv_read_mode(json, &out->mode);
    }
    return json->error == NULL && (seen == 1 || hp_priv_fail(json, "npl.mode is missing"));
}

enum { hp_priv_limits_count = 7 };

static inline const char* const* hp_priv_limit_names(void) {
    static const char* const names[hp_priv_limits_count] = {
        "user_input_bytes", "user_output_bytes", "npl_output_bytes", "proc_cpu_seconds",
        "proc_mem_bytes",   "proc_ofd_count",    "exec_timeout"};
    return names;
}

/// In the order of the names.
static inline size_t* hp_priv_limit(struct hp_round_limits_config* limits, size_t index) {
    size_t* const members[hp_priv_limits_count] = {
        &limits->user_input_bytes, &limits->user_output_bytes, &limits->npl_output_bytes,
        &limits->proc_cpu_seconds, &limits->proc_mem_bytes,    &limits->proc_ofd_count,
        &limits->exec_timeout};
    return members[index];
}

static inline bool hp_priv_read_limits(struct hp_priv_json* json,
                                       struct hp_round_limits_config* out,
                                       struct hp_priv_text* extra) {
    const unsigned all_bits = (1u << hp_priv_limits_count) - 1;
    unsigned seen = 0;
    bool any = false;
    if (!hp_priv_enter(json, '{'))
        return false;
    while (hp_priv_next_member(json, &any)) {
        uint64_t value = 0;
        const size_t index = hp_priv_name_index(json, hp_priv_limit_names(), hp_priv_limits_count);
        if (index == hp_priv_limits_count) {
            hp_priv_keep_member(json, extra, 2);
        } else if (hp_priv_once(json, &seen, index)) {
            hp_priv_read_uint(json, SIZE_MAX, &value);
            *hp_priv_limit(out, index) = HP_PRIV_CAST(size_t, value);
        }
    }
    return json->error == NULL &&
           (seen == all_bits || hp_priv_fail(json, "a member of round_limits is missing"));
}

static inline bool hp_priv_read_patch_member(struct hp_priv_json* json, size_t index,
                                             struct hp_priv_patch* out) {
    struct hp_config* const config = out->config;
    switch (index) {
    case 0:
        return hp_priv_read_text(json, &config->version);
    case 1:
        return hp_priv_read_keys(json, &config->unl);
    case 2:
        return hp_priv_read_text(json, &config->bin_path);
    case 3:
        return hp_priv_read_text(json, &config->bin_args);
    case 4:
        return hp_priv_read_environment(json, config->environment);
    case 5:
        return hp_priv_read_u16(json, &config->max_input_ledger_offset);
    case 6:
        return hp_priv_read_consensus(json, &config->consensus, &out->consensus_extra);
    case 7:
        return hp_priv_read_npl(json, &config->npl, &out->npl_extra);
    case 8:
        return hp_priv_read_limits(json, &config->round_limits, &out->limits_extra);
    default:
        return hp_priv_keep_member(json, &out->root_extra, 1);
    }
}

static inline bool hp_priv_read_patch(struct hp_priv_json* json, struct hp_priv_patch* out) {
    static const char* const names[] = {"version",   "unl",         "bin_path",
                                        "bin_args",  "environment", "max_input_ledger_offset",
                                        "consensus", "npl",         "round_limits"};
    enum { names_count = 9, all_bits = 0x1FF };
    unsigned seen = 0;
    bool any = false;
    if (!hp_priv_enter(json, '{'))
        return false;
    while (hp_priv_next_member(json, &any)) {
        const size_t index = hp_priv_name_index(json, names, names_count);
        if (index < names_count && !hp_priv_once(json, &seen, index))
            return false;
        if (!hp_priv_read_patch_member(json, index, out))
            return false;
    }
    if (json->error == NULL && seen != all_bits)
        return hp_priv_fail(json, "a member of the configuration is missing");
    out->config->roundtime = out->config->consensus.roundtime;
    out->config->stage_slice = out->config->consensus.stage_slice;
    return hp_priv_finish(json);
}

static inline void hp_priv_free_extras(struct hp_priv_patch* patch) {
    free(patch->root_extra.data);
    free(patch->consensus_extra.data);
    free(patch->npl_extra.data);
    free(patch->limits_extra.data);
}

/// The present file. On failure everything in `out` is empty, and standard error says why.
static inline bool hp_priv_load_patch(struct hp_priv_patch* out) {
    struct hp_priv_text text;
    struct hp_priv_json json;
    const int fd = open(hp_priv_patch_path(), O_RDONLY);
    bool loaded = false;
    memset(out, 0, sizeof *out);
    hp_priv_text_init(&text);
    memset(&json, 0, sizeof json);
    out->config = HP_PRIV_CAST(struct hp_config*, calloc(1, sizeof *out->config));
    if (out->config != NULL)
        out->config->environment = HP_PRIV_CAST(struct map*, calloc(1, sizeof(struct map)));
    if (fd < 0 || !hp_priv_read_all(fd, hp_priv_patch_bytes_max, &text)) {
        hp_priv_refuse(errno, "../patch.cfg cannot be read or is too long");
    } else if (out->config == NULL || out->config->environment == NULL) {
        hp_priv_refuse(ENOMEM, "out of memory");
    } else {
        hp_priv_json_init(&json, text.data, text.size);
        loaded = hp_priv_skip_value(&json); // nodes refuse any name that is there twice
        json.at = json.begin;
        loaded = loaded && hp_priv_read_patch(&json, out);
        if (!loaded)
            hp_priv_report_json("../patch.cfg is not usable", &json);
    }
    hp_priv_close(fd);
    free(text.data);
    free(json.string.data);
    if (!loaded) {
        const int code = errno;
        hp_free_config(out->config);
        hp_priv_free_extras(out);
        memset(out, 0, sizeof *out);
        errno = code;
    }
    return loaded;
}

struct hp_config* hp_get_config(void) {
    struct hp_priv_patch patch;
    hp_priv_load_patch(&patch);
    hp_priv_free_extras(&patch);
    return patch.config;
}

void hp_free_config(struct hp_config* config) {
    size_t i;
    if (config == NULL)
        return;
    if (config->environment != NULL) {
        for (i = 0; i < config->environment->entry_count; ++i) {
            free(config->environment->entries[i].key);
            free(config->environment->entries[i].val);
        }
        free(config->environment->entries);
        free(config->environment);
    }
    free(config->version);
    free(config->unl.list);
    free(config->bin_path);
    free(config->bin_args);
    free(config);
}

void hp_set_config_string(char** config_str, const char* value, const size_t value_size) {
    const void* const nul = value_size == 0 ? NULL : memchr(value, '\0', value_size);
    const size_t size =
        nul == NULL ? value_size : HP_PRIV_CAST(size_t, HP_PRIV_CAST(const char*, nul) - value);
    char* const copy = hp_priv_copy_string(value, size);
    free(*config_str);
    *config_str = copy;
}

void hp_set_config_unl(struct hp_config* config, const struct hp_public_key* new_unl,
                       const size_t new_unl_count) {
    struct hp_public_key* const copy =
        new_unl_count == 0
            ? NULL
            : HP_PRIV_CAST(struct hp_public_key*, calloc(new_unl_count, sizeof *new_unl));
    if (copy != NULL) // new_unl may be the list that is about to be freed
        memcpy(copy, new_unl, new_unl_count * sizeof *new_unl);
    free(config->unl.list);
    config->unl.list = copy;
    config->unl.count = copy == NULL ? 0 : new_unl_count;
}

// --- Writing patch.cfg ---------------------------------------------------------------------------

/// What will be written: checked, lists sorted.
struct hp_priv_plan {
    const struct hp_config* config;
    struct consensus_config consensus;
    struct hp_public_key_collection unl;
    struct map environment; ///< strings belong to `config`
};

/// NULL or what is wrong with it.
static inline const char* hp_priv_check_text(const char* text) {
    const char* const end = text == NULL ? NULL : text + strlen(text);
    if (text == NULL)
        return "a text of the configuration is missing";
    while (text < end) {
        const size_t size = hp_priv_utf8_size(text, end);
        if (size == 0)
            return "a text of the configuration is not UTF-8";
        text += size;
    }
    return NULL;
}

static inline const char* hp_priv_check_texts(const struct hp_config* config) {
    const char* error = hp_priv_check_text(config->version);
    const char* at;
    if (error == NULL)
        error = hp_priv_check_text(config->bin_path);
    if (error == NULL)
        error = hp_priv_check_text(config->bin_args);
    if (error != NULL)
        return error;
    if (config->version[0] == '\0' || config->bin_path[0] == '\0')
        return "version and bin_path must not be empty";
    for (at = config->version; *at != '\0'; ++at)
        if (HP_PRIV_CAST(unsigned char, *at) < 0x20 || *at == 0x7F || *at == '"' || *at == '\\')
            return "version must not contain quotes, backslashes or control characters";
    return NULL;
}

/// The older member counts if it alone was changed.
static inline const char* hp_priv_merge_older(uint32_t* value, uint32_t older, uint32_t present) {
    if (older == 0 || older == present || older == *value)
        return NULL;
    if (*value != present)
        return "roundtime or stage_slice contradicts the same member of consensus";
    *value = older;
    return NULL;
}

static inline const char* hp_priv_check_mode(enum MODE mode) {
    return mode == PUBLIC || mode == PRIVATE ? NULL : "a mode is neither PUBLIC nor PRIVATE";
}

static inline const char* hp_priv_check_numbers(const struct hp_priv_plan* plan) {
    // Above it JSON readers that use floating point, such as Node.js, no longer see every number.
    const uint64_t exact_integer_max = (HP_PRIV_CAST(uint64_t, 1) << 53) - 1;
    struct hp_round_limits_config limits = plan->config->round_limits;
    size_t i;
    if (hp_priv_check_mode(plan->consensus.mode) != NULL)
        return hp_priv_check_mode(plan->consensus.mode);
    if (plan->consensus.roundtime < 1 || plan->consensus.roundtime > 3600000)
        return "consensus.roundtime must be from 1 to 3600000";
    if (plan->consensus.stage_slice < 1 || plan->consensus.stage_slice > 33)
        return "consensus.stage_slice must be from 1 to 33";
    if (plan->consensus.threshold < 1 || plan->consensus.threshold > 100)
        return "consensus.threshold must be from 1 to 100";
    for (i = 0; i < hp_priv_limits_count; ++i)
        if (*hp_priv_limit(&limits, i) > exact_integer_max)
            return "a member of round_limits must not exceed 9007199254740991";
    if (limits.exec_timeout > UINT32_MAX)
        return "round_limits.exec_timeout must not exceed 4294967295";
    return hp_priv_check_mode(plan->config->npl.mode);
}

static inline const char* hp_priv_plan_unl(struct hp_priv_plan* plan) {
    const struct hp_public_key_collection* const unl = &plan->config->unl;
    size_t k;
    size_t i;
    if (unl->count == 0 || unl->list == NULL)
        return "unl must name at least one node";
    plan->unl.list =
        HP_PRIV_CAST(struct hp_public_key*, calloc(unl->count, sizeof *plan->unl.list));
    if (plan->unl.list == NULL)
        return "out of memory";
    plan->unl.count = unl->count;
    for (k = 0; k < unl->count; ++k) {
        char* const key = plan->unl.list[k].data;
        memcpy(key, unl->list[k].data, HP_PUBLIC_KEY_SIZE);
        for (i = 0; i < HP_PUBLIC_KEY_SIZE; ++i)
            if (key[i] >= 'A' && key[i] <= 'F')
                key[i] = HP_PRIV_CAST(char, key[i] - 'A' + 'a');
        if (memcmp(key, "ed", 2) != 0 || !hp_priv_is_hex(key, HP_PUBLIC_KEY_SIZE) ||
            unl->list[k].data[HP_PUBLIC_KEY_SIZE] != '\0')
            return "a key of unl is not 66 hex digits that begin with ed";
    }
    return hp_priv_sort_keys(plan->unl.list, plan->unl.count, sizeof *plan->unl.list)
               ? NULL
               : "a key of unl appears twice";
}

static inline int hp_priv_compare_entries(const void* a, const void* b) {
    return strcmp(HP_PRIV_CAST(const struct map_entry*, a)->key,
                  HP_PRIV_CAST(const struct map_entry*, b)->key);
}

static inline const char* hp_priv_plan_environment(struct hp_priv_plan* plan) {
    const struct map* const environment = plan->config->environment;
    struct map* const out = &plan->environment;
    size_t i;
    if (environment == NULL || environment->entry_count == 0)
        return NULL;
    out->entries =
        HP_PRIV_CAST(struct map_entry*, calloc(environment->entry_count, sizeof *out->entries));
    if (out->entries == NULL)
        return "out of memory";
    out->entry_count = environment->entry_count;
    for (i = 0; i < out->entry_count; ++i) {
        const struct map_entry* const entry = &environment->entries[i];
        if (hp_priv_check_text(entry->key) != NULL || hp_priv_check_text(entry->val) != NULL)
            return "a variable of environment is missing its name or value or is not UTF-8";
        if (entry->key[0] == '\0' || strchr(entry->key, '=') != NULL)
            return "a name in environment is empty or contains =";
        out->entries[i] = *entry;
    }
    qsort(out->entries, out->entry_count, sizeof *out->entries, hp_priv_compare_entries);
    for (i = 1; i < out->entry_count; ++i)
        if (hp_priv_compare_entries(&out->entries[i - 1], &out->entries[i]) == 0)
            return "a name in environment appears twice";
    return NULL;
}

/// Checks everything. NULL or what is wrong.
static inline const char* hp_priv_make_plan(struct hp_priv_plan* plan,
                                            const struct hp_config* config,
                                            const struct hp_config* present) {
    const char* error;
    memset(plan, 0, sizeof *plan);
    plan->config = config;
    plan->consensus = config->consensus;
    error = hp_priv_merge_older(&plan->consensus.roundtime, config->roundtime,
                                present == NULL ? 0 : present->consensus.roundtime);
    if (error == NULL)
        error = hp_priv_merge_older(&plan->consensus.stage_slice, config->stage_slice,
                                    present == NULL ? 0 : present->consensus.stage_slice);
    if (error == NULL)
        error = hp_priv_check_texts(config);
    if (error == NULL)
        error = hp_priv_check_numbers(plan);
    if (error == NULL)
        error = hp_priv_plan_unl(plan);
    if (error == NULL)
        error = hp_priv_plan_environment(plan);
    return error;
}

static inline void hp_priv_put_text_member(struct hp_priv_text* out, unsigned indent,
                                           const char* name, const char* value) {
    hp_priv_put_member(out, indent, name);
    hp_priv_put_string(out, value, strlen(value));
}

static inline void hp_priv_put_number_member(struct hp_priv_text* out, unsigned indent,
                                             const char* name, uint64_t value) {
    hp_priv_put_member(out, indent, name);
    hp_priv_put_number(out, value);
}

static inline void hp_priv_put_mode_member(struct hp_priv_text* out, enum MODE mode) {
    hp_priv_put_text_member(out, 2, "mode", mode == PUBLIC ? "public" : "private");
}

/// Kept members, and the end of the object.
static inline void hp_priv_put_end(struct hp_priv_text* out, const struct hp_priv_text* extra,
                                   unsigned indent) {
    hp_priv_put_bytes(out, extra->data, extra->size);
    out->failed = out->failed || extra->failed;
    hp_priv_put_line(out, indent);
    hp_priv_put_char(out, '}');
}

static inline void hp_priv_put_lists(struct hp_priv_text* out, const struct hp_priv_plan* plan) {
    size_t i;
    hp_priv_put_member(out, 1, "unl");
    hp_priv_put_char(out, '[');
    for (i = 0; i < plan->unl.count; ++i) {
        hp_priv_put_item(out, 2);
        hp_priv_put_string(out, plan->unl.list[i].data, HP_PUBLIC_KEY_SIZE);
    }
    hp_priv_put_line(out, 1);
    hp_priv_put_char(out, ']');
    hp_priv_put_text_member(out, 1, "bin_path", plan->config->bin_path);
    hp_priv_put_text_member(out, 1, "bin_args", plan->config->bin_args);
    hp_priv_put_member(out, 1, "environment");
    hp_priv_put_char(out, '{');
    for (i = 0; i < plan->environment.entry_count; ++i)
        hp_priv_put_text_member(out, 2, plan->environment.entries[i].key,
                                plan->environment.entries[i].val);
    if (plan->environment.entry_count > 0)
        hp_priv_put_line(out, 1);
    hp_priv_put_char(out, '}');
}

/// `patch` has the members to be kept.
static inline void hp_priv_put_plan(struct hp_priv_text* out, const struct hp_priv_plan* plan,
                                    const struct hp_priv_patch* patch) {
    struct hp_round_limits_config limits = plan->config->round_limits;
    size_t i;
    hp_priv_put_char(out, '{');
    hp_priv_put_text_member(out, 1, "version", plan->config->version);
    hp_priv_put_lists(out, plan);
    hp_priv_put_number_member(out, 1, "max_input_ledger_offset",
                              plan->config->max_input_ledger_offset);
    hp_priv_put_member(out, 1, "consensus");
    hp_priv_put_char(out, '{');
    hp_priv_put_mode_member(out, plan->consensus.mode);
    hp_priv_put_number_member(out, 2, "roundtime", plan->consensus.roundtime);
    hp_priv_put_number_member(out, 2, "stage_slice", plan->consensus.stage_slice);
    hp_priv_put_number_member(out, 2, "threshold", plan->consensus.threshold);
    hp_priv_put_end(out, &patch->consensus_extra, 1);
    hp_priv_put_member(out, 1, "npl");
    hp_priv_put_char(out, '{');
    hp_priv_put_mode_member(out, plan->config->npl.mode);
    hp_priv_put_end(out, &patch->npl_extra, 1);
    hp_priv_put_member(out, 1, "round_limits");
    hp_priv_put_char(out, '{');
    for (i = 0; i < hp_priv_limits_count; ++i)
        hp_priv_put_number_member(out, 2, hp_priv_limit_names()[i], *hp_priv_limit(&limits, i));
    hp_priv_put_end(out, &patch->limits_extra, 1);
    hp_priv_put_end(out, &patch->root_extra, 0);
}

static inline bool hp_priv_write_all(int fd, const char* bytes, size_t size) {
    while (size > 0) {
        const ssize_t written = write(fd, bytes, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        bytes += written;
        size -= HP_PRIV_CAST(size_t, written);
    }
    return true;
}

/// Replaces the file in one step. Its mode stays, because nodes may hash it with the content.
static inline int hp_priv_replace_patch(const struct hp_priv_text* text) {
    static const char new_path[] = "../patch.cfg.tmp";
    struct stat present;
    const mode_t mode = stat(hp_priv_patch_path(), &present) == 0
                            ? present.st_mode & (S_IRWXU | S_IRWXG | S_IRWXO)
                            : S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH;
    int fd;
    int code;
    bool written;
    unlink(new_path); // left over by a run that was killed
    fd = open(new_path, O_WRONLY | O_CREAT | O_EXCL, mode | S_IWUSR);
    if (fd < 0)
        return hp_priv_refuse(errno, "../patch.cfg.tmp cannot be created");
    written = hp_priv_write_all(fd, text->data, text->size);
    code = errno;
    if (close(fd) != 0 && written) {
        written = false;
        code = errno;
    }
    if (written && chmod(new_path, mode) == 0 && rename(new_path, hp_priv_patch_path()) == 0)
        return 0;
    code = written ? errno : code;
    unlink(new_path);
    return hp_priv_refuse(code, "../patch.cfg cannot be replaced");
}

int hp_update_config(const struct hp_config* config) {
    struct hp_priv_patch present;
    struct hp_priv_plan plan;
    struct hp_priv_text text;
    const char* error;
    int result = -1;
    if (hp_priv_contract.context == NULL)
        return hp_priv_refuse(ENOTCONN, "the contract is not initialised");
    if (hp_priv_contract.context->readonly)
        return hp_priv_refuse(EACCES, "a read request cannot change the configuration");
    if (config == NULL)
        return hp_priv_refuse(EINVAL, "there is no configuration");
    hp_priv_load_patch(&present); // a missing or broken file has nothing to keep
    hp_priv_text_init(&text);
    error = hp_priv_make_plan(&plan, config, present.config);
    if (error == NULL)
        hp_priv_put_plan(&text, &plan, &present);
    if (error != NULL)
        hp_priv_refuse(EINVAL, error);
    else if (text.failed)
        hp_priv_refuse(ENOMEM, "out of memory");
    else if (text.size > hp_priv_patch_bytes_max)
        hp_priv_refuse(EFBIG, "the configuration would exceed 1 MiB");
    else
        result = hp_priv_replace_patch(&text);
    free(plan.unl.list);
    free(plan.environment.entries);
    free(text.data);
    hp_free_config(present.config);
    hp_priv_free_extras(&present);
    return result;
}

#undef HP_PRIV_WEAK
#undef HP_PRIV_CAST
#undef HP_PRIV_MUTABLE

#endif // HOTPOCKET_CONTRACT_H
