// SPDX-License-Identifier: Apache-2.0
// The requests: one line of words, and for "put" the bytes behind it. README.md has the list.
#pragma once

#include <hotpocket_helpers.h>

// Every node keeps every byte for ever, so there are limits on everything.
#define CHUNK_BYTES_MAX (1024L * 1024)
#define FILE_BYTES_MAX (64 * CHUNK_BYTES_MAX)
#define STORE_BYTES_MAX (4 * FILE_BYTES_MAX)
#define NAME_BYTES_MAX 64
#define ANSWER_BYTES_MAX CHUNK_BYTES_MAX

/// Writes the answer (JSON, or of "get" the bytes themselves) and gives its size.
int store_handle(const char* request, size_t size, bool readonly, char* answer);
