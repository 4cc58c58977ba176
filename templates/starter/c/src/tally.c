// SPDX-License-Identifier: Apache-2.0
// The requests, without any input or output.
#include "tally.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void put_error(char* answer, const char* what) {
    snprintf(answer, ANSWER_BYTES_MAX, "{\"error\":\"%s\"}", what);
}

/// Text as JSON writes it: the same bytes as JSON.stringify in JavaScript gives.
static size_t put_quoted(char* out, const char* text, size_t size) {
    static const char escapes[] = "btnvfr"; // of the bytes 8 to 13; 11 has none
    size_t at = 0;
    out[at++] = '"';
    for (size_t i = 0; i < size; i++) {
        const unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\' || (c >= 8 && c <= 13 && c != 11)) {
            out[at++] = '\\';
            out[at++] = c >= 8 && c <= 13 ? escapes[c - 8] : (char)c;
        } else if (c < 0x20) {
            at += (size_t)sprintf(out + at, "\\u%04x", c);
        } else {
            out[at++] = (char)c;
        }
    }
    out[at++] = '"';
    return at;
}

static void put_state(char* answer, const struct tally* state) {
    int at = snprintf(answer, ANSWER_BYTES_MAX, "{\"total\":%" PRId64 ",\"text\":", state->total);
    size_t end = (size_t)at + put_quoted(answer + at, state->text, state->text_size);
    answer[end] = '}';
    answer[end + 1] = '\0';
}

/// Decimal digits, perhaps after a minus sign, that fit 64 bits.
static bool parse_number(const char* text, size_t size, int64_t* out) {
    const bool negative = size > 0 && text[0] == '-';
    const uint64_t most = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    uint64_t value = 0;
    if (size == (negative ? 1U : 0U))
        return false;
    for (size_t i = negative ? 1 : 0; i < size; i++) {
        const unsigned digit = (unsigned)(text[i] - '0');
        if (digit > 9 || value > (most - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

static void add(struct tally* state, const char* number, size_t size, char* answer) {
    int64_t n = 0;
    if (!parse_number(number, size, &n)) {
        put_error(answer, "add needs a whole number");
    } else if (n > 0 ? state->total > INT64_MAX - n : state->total < INT64_MIN - n) {
        put_error(answer, "the total would be out of range");
    } else {
        state->total += n;
        put_state(answer, state);
    }
}

/// No overlong forms, no surrogates, nothing beyond U+10FFFF.
static bool is_utf8(const unsigned char* text, size_t size) {
    for (size_t i = 0; i < size;) {
        const unsigned char first = text[i];
        const size_t more = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
        if ((first >= 0x80 && first < 0xc2) || first > 0xf4 || more >= size - i)
            return false;
        for (size_t k = 1; k <= more; k++) {
            const unsigned char low = k > 1           ? 0x80
                                      : first == 0xe0 ? 0xa0
                                      : first == 0xf0 ? 0x90
                                                      : 0x80;
            const unsigned char high = k > 1           ? 0xbf
                                       : first == 0xed ? 0x9f
                                       : first == 0xf4 ? 0x8f
                                                       : 0xbf;
            if (text[i + k] < low || text[i + k] > high)
                return false;
        }
        i += more + 1;
    }
    return true;
}

static void set(struct tally* state, const char* text, size_t size, char* answer) {
    if (size > TEXT_BYTES_MAX) {
        snprintf(answer, ANSWER_BYTES_MAX, "{\"error\":\"text is longer than %d bytes\"}",
                 TEXT_BYTES_MAX);
    } else if (!is_utf8((const unsigned char*)text, size)) {
        put_error(answer, "text is not UTF-8");
    } else {
        memcpy(state->text, text, size);
        state->text_size = size;
        put_state(answer, state);
    }
}

void tally_handle(struct tally* state, const char* request, size_t size, bool readonly,
                  char answer[ANSWER_BYTES_MAX]) {
    const bool adds = size >= 4 && memcmp(request, "add ", 4) == 0;
    const bool sets = size >= 4 && memcmp(request, "set ", 4) == 0;
    if (size == 3 && memcmp(request, "get", 3) == 0)
        put_state(answer, state);
    else if (!adds && !sets)
        put_error(answer, "unknown request; try get, add N or set TEXT");
    else if (readonly)
        put_error(answer, "a read request cannot change state; send this as an input");
    else if (adds)
        add(state, request + 4, size - 4, answer);
    else
        set(state, request + 4, size - 4, answer);
}
