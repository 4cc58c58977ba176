// SPDX-License-Identifier: Apache-2.0
//
// Damages texts in the ways that confuse parsers, the same ways in every run. C and C++.
//
// Threads: one.
#ifndef DAMAGE_H
#define DAMAGE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { damage_size_max = 4096 };

struct damaged {
    char bytes[damage_size_max];
    size_t size;
};

/// A patch.cfg with something of everything, also members that nobody knows.
static const char damage_patch[] =
    "{\n    \"version\": \"1.0\",\n    \"unl\": [\n        "
    "\"ed0000000000000000000000000000000000000000000000000000000000000000\"\n    ],\n"
    "    \"bin_path\": \"/usr/bin/\\u00e9\",\n    \"bin_args\": \"a \\\"b\\\"\",\n"
    "    \"environment\": {\n        \"A\": \"1\",\n        \"B\": \"\"\n    },\n"
    "    \"max_input_ledger_offset\": 10,\n    \"consensus\": {\n        \"mode\": \"private\",\n"
    "        \"roundtime\": 1000,\n        \"stage_slice\": 25,\n        \"threshold\": 80\n    "
    "},\n"
    "    \"npl\": {\n        \"mode\": \"public\"\n    },\n    \"round_limits\": {\n"
    "        \"user_input_bytes\": 0,\n        \"user_output_bytes\": 0,\n"
    "        \"npl_output_bytes\": 0,\n        \"proc_cpu_seconds\": 0,\n"
    "        \"proc_mem_bytes\": 0,\n        \"proc_ofd_count\": 0,\n"
    "        \"exec_timeout\": 300000,\n        \"new\": [1, {}]\n    },\n    \"more\": {\"x\": "
    "[]}\n}";

static inline size_t damage_random(size_t limit) {
    static uint64_t state = 0x9E3779B97F4A7C15;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % limit;
}

static inline void damage_replace(struct damaged* text, size_t at, size_t length,
                                  const char* with) {
    const size_t with_size = strlen(with);
    if (text->size - length + with_size > damage_size_max)
        return;
    memmove(text->bytes + at + with_size, text->bytes + at + length, text->size - at - length);
    memcpy(text->bytes + at, with, with_size);
    text->size += with_size - length;
}

/// One change of the kind that confuses parsers.
static inline void damage_once(struct damaged* text) {
    static const char odd_bytes[] = "\x80\xbf\xf5\x7f\x1b\t\r azAZ19_/+.='";
    static const char* const pieces[] = {"\"",
                                         "\\",
                                         "{",
                                         "}",
                                         "[",
                                         "]",
                                         ",",
                                         ":",
                                         "0",
                                         "-",
                                         "1e",
                                         "\\u",
                                         "\xff",
                                         "\xc3",
                                         "\\ud800",
                                         "null",
                                         "99999999999999999999",
                                         "\n",
                                         "\x01",
                                         "."};
    const size_t at = damage_random(text->size);
    const size_t length = damage_random(2) == 0 ? 0 : damage_random(text->size - at) % 20;
    if (damage_random(4) == 0)
        text->bytes[at] = odd_bytes[damage_random(sizeof odd_bytes)];
    else
        damage_replace(text, at, length, pieces[damage_random(sizeof pieces / sizeof pieces[0])]);
}

/// A copy of `whole` with one to three damages.
static inline void damage_text(struct damaged* text, const char* whole) {
    text->size = strlen(whole);
    memcpy(text->bytes, whole, text->size);
    for (size_t times = 1 + damage_random(3); times > 0; --times)
        damage_once(text);
}

#endif
