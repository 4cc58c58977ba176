// SPDX-License-Identifier: Apache-2.0
//
// A contract that uses no contract library: it finds its descriptors in the document by hand, reads
// inputs by position and writes frames with write(). Linked statically, so that it runs where there
// is nothing but a kernel. It answers every input with the same bytes, in both modes.
#define _POSIX_C_SOURCE 200809L

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { document_bytes_max = 1 << 24, exit_bad_start = 2, exit_channel = 3 };

/* All of standard input as a string, or NULL. */
static char* read_document(void) {
    size_t used = 0;
    char* text = malloc(document_bytes_max + 1);
    if (text == NULL)
        return NULL;
    while (used < document_bytes_max) {
        const ssize_t got = read(STDIN_FILENO, text + used, document_bytes_max - used);
        if (got <= 0)
            break;
        used += (size_t)got;
    }
    text[used] = '\0';
    return text;
}

/* What follows `mark`, or NULL. The node writes the document without white space. */
static const char* after(const char* text, const char* mark) {
    const char* found = strstr(text, mark);
    return found == NULL ? NULL : found + strlen(mark);
}

static int write_all(int fd, const unsigned char* bytes, size_t size) {
    while (size > 0) {
        const ssize_t written = write(fd, bytes, size);
        if (written <= 0)
            return -1;
        bytes += written;
        size -= (size_t)written;
    }
    return 0;
}

static int echo(int in_fd, int out_fd, off_t offset, size_t size) {
    unsigned char* frame = malloc(size + 4);
    size_t used = 0;
    int failed = frame == NULL;
    while (!failed && used < size) {
        const ssize_t got = pread(in_fd, frame + 4 + used, size - used, offset + (off_t)used);
        failed = got <= 0;
        used += failed ? 0 : (size_t)got;
    }
    for (unsigned i = 0; !failed && i < 4; ++i)
        frame[i] = (unsigned char)(size >> (24 - 8 * i));
    failed = failed || write_all(out_fd, frame, size + 4) != 0;
    free(frame);
    return failed ? -1 : 0;
}

/* `at` is behind the '[' of one user: fd,[offset,length],... Returns what follows its ']'. */
static const char* serve_user(const char* at, int in_fd) {
    char* end;
    const int out_fd = (int)strtol(at, &end, 10);
    while (end[0] == ',' && end[1] == '[') {
        const long long offset = strtoll(end + 2, &end, 10);
        const unsigned long long size = strtoull(end + 1, &end, 10);
        if (*end++ != ']' || echo(in_fd, out_fd, (off_t)offset, (size_t)size) != 0)
            return NULL;
    }
    return *end == ']' ? end + 1 : NULL;
}

int main(void) {
    const char* document = read_document();
    const char* in = document == NULL ? NULL : after(document, "\"user_in_fd\":");
    const char* at = document == NULL ? NULL : after(document, "\"users\":{");
    if (in == NULL || at == NULL)
        return exit_bad_start;
    const int in_fd = atoi(in);
    while (*at != '}') {
        const char* list = after(at, "\":[");
        at = list == NULL ? NULL : serve_user(list, in_fd);
        if (at == NULL)
            return exit_channel;
    }
    return 0;
}
