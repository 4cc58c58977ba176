// SPDX-License-Identifier: Apache-2.0
// Complete files lie in files/, unfinished ones in uploads/.
#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_BYTES 512

static size_t say(char* answer, const char* format, ...) {
    va_list values;
    va_start(values, format);
    const int size = vsnprintf(answer, ANSWER_BYTES_MAX, format, values);
    va_end(values);
    return (size_t)size;
}

static size_t error(char* answer, const char* what) {
    return say(answer, "{\"error\":\"%s\"}", what);
}

/// -1 if there is no such file.
static long size_of(const char* folder, const char* name, char* path) {
    struct stat info;
    snprintf(path, PATH_BYTES, "%s/%s", folder, name);
    return stat(path, &info) == 0 ? (long)info.st_size : -1;
}

static int is_visible(const struct dirent* entry) {
    return entry->d_name[0] != '.';
}

static int by_bytes(const struct dirent** a, const struct dirent** b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

/// Sorted by name: the order of a directory differs from node to node.
static long add_entries(const char* folder, char* answer, size_t* at) {
    struct dirent** entries = NULL;
    char path[PATH_BYTES];
    long sum = 0;
    const int count = scandir(folder, &entries, is_visible, by_bytes);
    for (int i = 0; i < count; i++) {
        const long size = size_of(folder, entries[i]->d_name, path);
        sum += size;
        if (answer != NULL && *at + 2L * PATH_BYTES < ANSWER_BYTES_MAX)
            *at += say(answer + *at, "%s{\"name\":\"%s\",\"size\":%ld}", i > 0 ? "," : "",
                       entries[i]->d_name, size);
        free(entries[i]);
    }
    free(entries);
    return sum;
}

static size_t list(char* answer) {
    size_t at = say(answer, "{\"files\":[");
    add_entries("files", answer, &at);
    return at + say(answer + at, "]}");
}

static void append(const char* path, long offset, const char* bytes, size_t size) {
    FILE* file = fopen(path, offset == 0 ? "wb" : "ab");
    const bool written = file != NULL && fwrite(bytes, 1, size, file) == size;
    if (file == NULL || fclose(file) != 0 || !written) {
        perror(path);
        exit(1); // do not answer as if the disk had it
    }
}

static size_t put(const char* name, long offset, long total, const char* bytes, size_t size,
                  char* answer) {
    char upload[PATH_BYTES];
    char file[PATH_BYTES];
    const long found = size_of("uploads", name, upload);
    const long have = found < 0 ? 0 : found;
    const long next = offset + (long)size;
    if (size > CHUNK_BYTES_MAX)
        return error(answer, "a chunk has 1 MiB at most");
    if (total > FILE_BYTES_MAX)
        return error(answer, "a file has 64 MiB at most");
    if (offset != 0 && offset != have) // the answer lets an interrupted client go on
        return say(answer, "{\"error\":\"not the next chunk\",\"next\":%ld}", have);
    if (next > total)
        return error(answer, "more than the announced total");
    const long used = add_entries("files", NULL, NULL) + add_entries("uploads", NULL, NULL);
    if (used - (offset == 0 ? have : 0) + (long)size > STORE_BYTES_MAX)
        return error(answer, "the store is full");
    mkdir("uploads", 0755);
    append(upload, offset, bytes, size);
    if (next == total) {
        mkdir("files", 0755);
        size_of("files", name, file);
        if (rename(upload, file) != 0) {
            perror(file);
            exit(1);
        }
    }
    return say(answer, "{\"name\":\"%s\",\"next\":%ld,\"total\":%ld,\"done\":%s}", name, next,
               total, next == total ? "true" : "false");
}

static size_t get(const char* name, long offset, long length, char* answer) {
    char path[PATH_BYTES];
    if (size_of("files", name, path) < 0)
        return error(answer, "there is no such file");
    FILE* file = fopen(path, "rb");
    if (file == NULL || fseek(file, offset < FILE_BYTES_MAX ? offset : FILE_BYTES_MAX, SEEK_SET)) {
        perror(path);
        exit(1);
    }
    const size_t most = (size_t)(length < CHUNK_BYTES_MAX ? length : CHUNK_BYTES_MAX);
    const size_t size = fread(answer, 1, most, file);
    fclose(file);
    return size;
}

static size_t status(const char* name, char* answer) {
    char path[PATH_BYTES];
    const long whole = size_of("files", name, path);
    const long size = whole < 0 ? size_of("uploads", name, path) : whole;
    if (size < 0)
        return error(answer, "there is no such file");
    return say(answer, "{\"name\":\"%s\",\"size\":%ld,\"done\":%s}", name, size,
               whole < 0 ? "false" : "true");
}

static size_t delete (const char* name, char* answer) {
    char file[PATH_BYTES];
    char upload[PATH_BYTES];
    const bool whole = size_of("files", name, file) >= 0 && remove(file) == 0;
    const bool part = size_of("uploads", name, upload) >= 0 && remove(upload) == 0;
    if (!whole && !part)
        return error(answer, "there is no such file");
    return say(answer, "{\"deleted\":\"%s\"}", name);
}

/// Digits that make a number far from overflow, or -1.
static long number(const char* text) {
    const size_t size = strlen(text);
    if (size == 0 || size > 15 || strspn(text, "0123456789") != size)
        return -1;
    return strtol(text, NULL, 10);
}

/// A name is part of a path on every node: nothing in it may lead elsewhere.
static bool is_name(const char* name) {
    const size_t size = strlen(name);
    return size > 0 && size <= NAME_BYTES_MAX && name[0] != '.' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
               size;
}

size_t store_handle(const char* request, size_t size, bool readonly, char* answer) {
    const char* end = memchr(request, '\n', size);
    const size_t line_size = end == NULL ? size : (size_t)(end - request);
    char line[256] = "";
    char* words[5] = {line, "", "", "", NULL};
    size_t count = 1;
    if (line_size < sizeof line && memchr(request, 0, line_size) == NULL)
        memcpy(line, request, line_size);
    if (end == NULL && strcmp(line, "list") == 0)
        return list(answer);
    for (char* space = strchr(line, ' '); space != NULL && count < 5; space = strchr(space, ' ')) {
        *space++ = '\0';
        words[count++] = space;
    }
    const long first = count == 4 ? number(words[2]) : -1;
    const long second = count == 4 ? number(words[3]) : -1;
    const bool numbers = first >= 0 && second >= 0;
    const bool puts = numbers && end != NULL && strcmp(line, "put") == 0;
    const bool gets = numbers && strcmp(line, "get") == 0;
    const bool deletes = count == 2 && strcmp(line, "delete") == 0;
    if (!puts && !gets && !deletes && !(count == 2 && strcmp(line, "stat") == 0))
        return error(answer, "unknown request; try put, get, stat, list or delete");
    if (!is_name(words[1]))
        return error(answer, "a name has up to 64 letters, digits, dots, dashes and underscores");
    if (readonly && (puts || deletes))
        return error(answer, "a read request cannot change state; send this as an input");
    if (puts)
        return put(words[1], first, second, end + 1, size - line_size - 1, answer);
    if (gets)
        return get(words[1], first, second, answer);
    return deletes ? delete (words[1], answer) : status(words[1], answer);
}
