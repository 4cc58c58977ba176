// SPDX-License-Identifier: Apache-2.0
// Complete files lie in files/, unfinished ones in uploads/.
#include "store.h"

#define PATH_BYTES 512

static int error(char* answer, const char* what) {
    return snprintf(answer, ANSWER_BYTES_MAX, "{\"error\":\"%s\"}", what);
}

/// -1 if there is no such file.
static long size_of(const char* folder, const char* name, char* path) {
    struct stat info;
    snprintf(path, PATH_BYTES, "%s/%s", folder, name);
    return stat(path, &info) == 0 ? (long)info.st_size : -1;
}

/// Sorted by name: the order of a directory differs from node to node.
static int list(const char* folder, long* bytes_used, char* answer) {
    struct dirent** entries;
    char path[PATH_BYTES];
    const int count = hp_list_directory(folder, &entries);
    int at = snprintf(answer, ANSWER_BYTES_MAX, "{\"files\":[");
    for (int i = 0; i < count; i++) {
        const long size = size_of(folder, entries[i]->d_name, path);
        *bytes_used += size;
        if (at + 2 * PATH_BYTES < ANSWER_BYTES_MAX)
            at += snprintf(answer + at, PATH_BYTES, "%s{\"name\":\"%s\",\"size\":%ld}",
                           i > 0 ? "," : "", entries[i]->d_name, size);
    }
    hp_free_names(entries, count);
    return at + snprintf(answer + at, PATH_BYTES, "]}");
}

static int put(const char* name, long offset, long total, const char* bytes, size_t size,
               char* answer) {
    char upload[PATH_BYTES];
    char file[PATH_BYTES];
    const long found = size_of("uploads", name, upload);
    const long have = found < 0 ? 0 : found;
    const long next = offset + (long)size;
    long used = (long)size - (offset == 0 ? have : 0);
    if (size > CHUNK_BYTES_MAX)
        return error(answer, "a chunk has 1 MiB at most");
    if (total > FILE_BYTES_MAX)
        return error(answer, "a file has 64 MiB at most");
    if (offset != 0 && offset != have) // the answer lets an interrupted client go on
        return snprintf(answer, ANSWER_BYTES_MAX, "{\"error\":\"not the next chunk\",\"next\":%ld}",
                        have);
    if (next > total)
        return error(answer, "more than the announced total");
    list("files", &used, answer);
    list("uploads", &used, answer);
    if (used > STORE_BYTES_MAX)
        return error(answer, "the store is full");
    mkdir("uploads", 0755);
    mkdir("files", 0755);
    size_of("files", name, file);
    FILE* part = fopen(upload, offset == 0 ? "wb" : "ab");
    const bool written = part != NULL && fwrite(bytes, 1, size, part) == size;
    if (part == NULL || fclose(part) != 0 || !written ||
        (next == total && rename(upload, file) != 0)) {
        perror(upload);
        exit(1); // do not answer as if the disk had it
    }
    return snprintf(answer, ANSWER_BYTES_MAX,
                    "{\"name\":\"%s\",\"next\":%ld,\"total\":%ld,\"done\":%s}", name, next, total,
                    next == total ? "true" : "false");
}

static int get(const char* name, long offset, long length, char* answer) {
    char path[PATH_BYTES];
    size_of("files", name, path);
    FILE* file = fopen(path, "rb");
    if (file == NULL || fseek(file, offset < FILE_BYTES_MAX ? offset : FILE_BYTES_MAX, SEEK_SET))
        return error(answer, "there is no such file");
    const size_t most = (size_t)(length < CHUNK_BYTES_MAX ? length : CHUNK_BYTES_MAX);
    const size_t size = fread(answer, 1, most, file);
    fclose(file);
    return (int)size;
}

static int status(const char* name, char* answer) {
    char path[PATH_BYTES];
    const long whole = size_of("files", name, path);
    const long size = whole < 0 ? size_of("uploads", name, path) : whole;
    if (size < 0)
        return error(answer, "there is no such file");
    return snprintf(answer, ANSWER_BYTES_MAX, "{\"name\":\"%s\",\"size\":%ld,\"done\":%s}", name,
                    size, whole < 0 ? "false" : "true");
}

static int delete_file(const char* name, char* answer) {
    char path[PATH_BYTES];
    const bool whole = size_of("files", name, path) >= 0 && remove(path) == 0;
    const bool part = size_of("uploads", name, path) >= 0 && remove(path) == 0;
    if (!whole && !part)
        return error(answer, "there is no such file");
    return snprintf(answer, ANSWER_BYTES_MAX, "{\"deleted\":\"%s\"}", name);
}

/// A number far from overflow, or -1.
static long number(const char* text) {
    int64_t out = 0;
    const size_t size = strlen(text);
    return size <= 15 && hp_parse_integer(text, size, &out) && out >= 0 ? (long)out : -1;
}

/// A name is part of a path on every node: nothing in it may lead elsewhere.
static bool is_name(const char* name) {
    const size_t size = strlen(name);
    return size > 0 && size <= NAME_BYTES_MAX && name[0] != '.' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
               size;
}

int store_handle(const char* request, size_t size, bool readonly, char* answer) {
    const char* end = memchr(request, '\n', size);
    const size_t line_size = end == NULL ? size : (size_t)(end - request);
    long used = 0;
    char line[256] = "";
    char* words[4] = {line, "", "", ""};
    if (hp_text_is(request, size, "list"))
        return list("files", &used, answer);
    if (line_size < sizeof line && memchr(request, 0, line_size) == NULL)
        memcpy(line, request, line_size);
    const size_t count = hp_split(line, ' ', words, 4);
    const long first = number(words[2]);
    const long second = number(words[3]);
    const bool numbers = count == 4 && first >= 0 && second >= 0;
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
    return deletes ? delete_file(words[1], answer) : status(words[1], answer);
}
