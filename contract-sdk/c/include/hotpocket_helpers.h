// SPDX-License-Identifier: Apache-2.0
//
// What contracts in C need beside hotpocket_contract.h and libc does not have: going through
// inputs, files that are replaced in one step, sorted directories, strict numbers, UTF-8, JSON
// strings, SHA-256. Nothing of it is in the published C library; whoever wants to stay with that
// does not include this file. C99 or later with POSIX (-std=gnu99, or _POSIX_C_SOURCE 200809L
// before the first header), libc and Linux only. C++ has <hp/contract/...>.
//
// What fails returns false or -1; functions about files also say why on standard error.
//
// Threads: no shared state, but for hp_each_input(), which follows hotpocket_contract.h.
#ifndef HOTPOCKET_HELPERS_H
#define HOTPOCKET_HELPERS_H

#include <hotpocket_contract.h>

#include <dirent.h>

// --- Inputs --------------------------------------------------------------------------------------

/// `context` is what hp_each_input() was given.
typedef void (*hp_input_handler)(void* context, const struct hp_user* user, const char* input,
                                 size_t size);

/// Calls `handle` for each input of each user, in consensus order. -1 if inputs cannot be read.
static inline int hp_each_input(hp_input_handler handle, void* context) {
    const struct hp_contract_context* const run = hp_get_context();
    const char* const inputs = (const char*)hp_init_user_input_mmap();
    const bool failed = inputs == NULL && errno != 0; // without any input there is nothing to map
    for (size_t u = 0; inputs != NULL && u < run->users.count; u++) {
        const struct hp_user* const user = &run->users.list[u];
        for (size_t i = 0; i < user->inputs.count; i++) {
            const struct hp_user_input* const input = &user->inputs.list[i];
            handle(context, user, inputs + input->offset, input->size);
        }
    }
    hp_deinit_user_input_mmap();
    return failed ? -1 : 0;
}

/// True if the text of that size is `word`.
static inline bool hp_text_is(const char* text, size_t size, const char* word) {
    return size == strlen(word) && memcmp(text, word, size) == 0;
}

// --- Files ---------------------------------------------------------------------------------------

/// All of a file and a NUL behind it; its size without that, 0 if there is no such file, -1 if it
/// cannot be read or has `content_size` bytes or more.
static inline long hp_load_file(const char* path, char* content, size_t content_size) {
    FILE* const file = fopen(path, "rb");
    size_t size = 0;
    bool whole = false;
    content[0] = '\0';
    if (file == NULL && errno == ENOENT)
        return 0;
    if (file != NULL) {
        size = fread(content, 1, content_size, file);
        whole = ferror(file) == 0 && size < content_size;
        fclose(file);
    }
    if (!whole) {
        fprintf(stderr, "%s cannot be read, or is too long\n", path);
        return -1;
    }
    content[size] = '\0';
    return (long)size;
}

/// In one step: a run that is killed leaves the old content or the new, never half of it. The mode
/// is 0644 whatever the umask is, because modes are part of the state.
static inline bool hp_replace_file(const char* path, const char* content, size_t size) {
    char fresh[PATH_MAX];
    const int named = snprintf(fresh, sizeof fresh, "%s.tmp", path);
    FILE* file = NULL;
    bool good =
        named > 0 && (size_t)named < sizeof fresh && (unlink(fresh) == 0 || errno == ENOENT);
    if (good)
        file = fopen(fresh, "wb");
    good = file != NULL && fwrite(content, 1, size, file) == size;
    good = file != NULL && fchmod(fileno(file), 0644) == 0 && good;
    good = file != NULL && fclose(file) == 0 && good;
    good = good && rename(fresh, path) == 0;
    if (!good)
        perror(path);
    return good;
}

static inline int hp_priv_is_listed(const struct dirent* entry) {
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static inline int hp_priv_by_bytes(const struct dirent** a, const struct dirent** b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

/// The names in a directory, sorted by their bytes: the same on every node, which readdir() is not.
/// Their count, or -1; give them to hp_free_names().
static inline int hp_list_directory(const char* path, struct dirent*** names) {
    const int count = scandir(path, names, hp_priv_is_listed, hp_priv_by_bytes);
    if (count < 0)
        *names = NULL;
    return count;
}

static inline void hp_free_names(struct dirent** names, int count) {
    for (int i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

// --- Text ----------------------------------------------------------------------------------------

/// Cuts `text` at each separator; how many parts there are, of which `parts` gets the first ones.
static inline size_t hp_split(char* text, char separator, char** parts, size_t parts_max) {
    size_t count = 0;
    for (char* next = text; next != NULL; count++) {
        if (count < parts_max)
            parts[count] = next;
        next = strchr(next, separator);
        if (next != NULL)
            *next++ = '\0';
    }
    return count;
}

/// Decimal digits, perhaps after a minus sign, nothing else, that fit 64 bits.
static inline bool hp_parse_integer(const char* text, size_t size, int64_t* out) {
    const bool negative = size > 0 && text[0] == '-';
    const uint64_t most = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    uint64_t value = 0;
    if (size == (negative ? 1U : 0U))
        return false;
    for (size_t i = negative ? 1 : 0; i < size; i++) {
        const unsigned digit = (unsigned)((unsigned char)text[i] - (unsigned char)'0');
        if (digit > 9 || value > (most - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = negative ? (value > 0 ? -(int64_t)(value - 1) - 1 : 0) : (int64_t)value;
    return true;
}

/// Well-formed: no overlong forms, no surrogates, nothing beyond U+10FFFF.
static inline bool hp_is_utf8(const char* text, size_t size) {
    for (size_t i = 0; i < size;) {
        const size_t step = hp_priv_utf8_size(text + i, text + size);
        if (step == 0)
            return false;
        i += step;
    }
    return true;
}

/// UTF-8 text as a JSON string with its quotes and a NUL, the same bytes as JSON.stringify gives;
/// the size without the NUL. `out` needs 6 bytes for each of the text, and 3.
static inline size_t hp_quote_json(char* out, const char* text, size_t size) {
    static const char escapes[] = "btnvfr"; // of the bytes 8 to 13; 11 has none
    size_t at = 0;
    out[at++] = '"';
    for (size_t i = 0; i < size; i++) {
        const unsigned char c = (unsigned char)text[i];
        const bool has_letter = c >= 8 && c <= 13 && c != 11;
        if (c < 0x20 && !has_letter) {
            at += (size_t)sprintf(out + at, "\\u%04x", (unsigned)c);
            continue;
        }
        if (c == '"' || c == '\\' || has_letter)
            out[at++] = '\\';
        out[at++] = has_letter ? escapes[c - 8] : (char)c;
    }
    out[at++] = '"';
    out[at] = '\0';
    return at;
}

// --- SHA-256 (FIPS 180-4) ------------------------------------------------------------------------

/// Characters of a SHA-256 hash: lowercase hex digits.
#define HP_SHA256_SIZE 64

static inline uint32_t hp_priv_rotate(uint32_t x, unsigned by) {
    return x >> by | x << (32 - by);
}

/// One block of 64 bytes.
static inline void hp_priv_sha256_block(uint32_t state[8], const unsigned char* block) {
    static const uint32_t k[64] = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
        0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
        0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
        0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
        0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
        0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
        0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
        0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
        0xc67178f2};
    uint32_t w[64];
    uint32_t v[8];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
               (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    for (int i = 16; i < 64; i++) {
        const uint32_t a = w[i - 15];
        const uint32_t b = w[i - 2];
        w[i] = w[i - 16] + w[i - 7] + (hp_priv_rotate(a, 7) ^ hp_priv_rotate(a, 18) ^ a >> 3) +
               (hp_priv_rotate(b, 17) ^ hp_priv_rotate(b, 19) ^ b >> 10);
    }
    memcpy(v, state, sizeof v);
    for (int i = 0; i < 64; i++) {
        const uint32_t e = v[4];
        const uint32_t a = v[0];
        const uint32_t one = v[7] + k[i] + w[i] + (v[6] ^ (e & (v[5] ^ v[6]))) +
                             (hp_priv_rotate(e, 6) ^ hp_priv_rotate(e, 11) ^ hp_priv_rotate(e, 25));
        const uint32_t two =
            (hp_priv_rotate(a, 2) ^ hp_priv_rotate(a, 13) ^ hp_priv_rotate(a, 22)) +
            ((a & v[1]) | (v[2] & (a | v[1])));
        memmove(v + 1, v, 7 * sizeof v[0]);
        v[4] += one;
        v[0] = one + two;
    }
    for (int i = 0; i < 8; i++)
        state[i] += v[i];
}

/// The hash as lowercase hex digits and a NUL. Not for passwords.
static inline void hp_sha256(const void* data, size_t size, char hex[HP_SHA256_SIZE + 1]) {
    static const char digits[] = "0123456789abcdef";
    uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    const unsigned char* const bytes = (const unsigned char*)data;
    unsigned char last[128] = {0};
    const size_t rest = size % 64;
    const size_t last_size = rest < 56 ? 64 : 128;
    for (size_t at = 0; at + 64 <= size; at += 64)
        hp_priv_sha256_block(state, bytes + at);
    if (rest > 0)
        memcpy(last, bytes + size - rest, rest);
    last[rest] = 0x80;
    for (unsigned i = 0; i < 8; i++)
        last[last_size - 1 - i] = (unsigned char)((uint64_t)size * 8 >> (8 * i));
    for (size_t at = 0; at < last_size; at += 64)
        hp_priv_sha256_block(state, last + at);
    for (unsigned i = 0; i < HP_SHA256_SIZE; i++)
        hex[i] = digits[state[i / 8] >> (28 - 4 * (i % 8)) & 15];
    hex[HP_SHA256_SIZE] = '\0';
}

#endif
