// SPDX-License-Identifier: Apache-2.0
//
// Files in the state directory, one level above it, and the contract's configuration.
//
// Threads: main thread only.
#include "probe.hpp"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace hp::probe {
namespace {

constexpr const char* patch_file = "../patch.cfg";
constexpr const char* private_file = "../private.txt";
constexpr unsigned long pause_ms_max = 60'000;
constexpr unsigned long wait_ms_max = 60'000;
constexpr unsigned long wait_period_ms = 5;

/// 0, or the errno of what failed. `how` is O_TRUNC or O_APPEND.
int write_file(const std::string& name, std::string_view text, int how = O_TRUNC,
               mode_t mode = 0666) {
    const int fd = ::open(name.c_str(), O_WRONLY | O_CREAT | how | O_CLOEXEC, mode);
    if (fd < 0)
        return errno;
    const int failed = write_all(fd, text) ? 0 : errno;
    ::close(fd);
    return failed;
}

int read_file(const std::string& name, std::string& out) {
    const int fd = ::open(name.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    std::array<char, 65536> buffer;
    ssize_t got = 0;
    while ((got = ::read(fd, buffer.data(), buffer.size())) > 0)
        out.append(buffer.data(), static_cast<std::size_t>(got));
    const int failed = got < 0 ? errno : 0;
    ::close(fd);
    return failed;
}

void answer(Call& call, int failed) {
    if (failed != 0)
        send_error(call.user, errno_name(failed));
    else
        call.user.send("ok");
}

void write_state(Call& call) {
    if (const auto file = split(call, call.argument, call.argument.find('=')))
        answer(call, write_file(std::string(file->left), file->right));
}

/// False, with the error sent, when the line could not be added: then nothing of it is there.
bool append_line(Call& call, std::string_view name, std::string_view prefix,
                 std::string_view text) {
    const std::string file(name);
    const std::string line = std::string(prefix).append(text).append("\n");
    struct stat before {};
    const off_t size = ::stat(file.c_str(), &before) == 0 ? before.st_size : 0;
    const int failed = write_file(file, line, O_APPEND);
    if (failed == 0)
        return true;
    if (::truncate(file.c_str(), size) != 0 && errno != ENOENT)
        send_error(call.user, "truncate");
    else
        send_error(call.user, errno_name(failed));
    return false;
}

void append(Call& call) {
    const auto file = split(call, call.argument, call.argument.find('='));
    if (file && append_line(call, file->left, "", file->right))
        call.user.send(file->right);
}

/// Two lines with time between them: whoever interrupts the run leaves the first one alone.
void slow_append(Call& call) {
    const auto ends = split(call, call.argument, call.argument.rfind(':'));
    if (!ends)
        return;
    const auto file = split(call, ends->left, ends->left.find('='));
    unsigned long pause_ms = 0;
    call.argument = ends->right;
    if (!file || !parse_number(call, pause_ms_max, pause_ms) ||
        !append_line(call, file->left, "B ", file->right))
        return;
    sleep_ms(pause_ms);
    if (append_line(call, file->left, "E ", file->right))
        call.user.send(file->right);
}

void read_state(Call& call) {
    std::string content;
    if (const int failed = read_file(std::string(call.argument), content))
        return answer(call, failed);
    call.user.send(content);
}

void write_private(Call& call) {
    answer(call, write_file(private_file, call.argument));
}

/// Replaces the value after `"field": ` in place; a value in quotes stays in quotes.
bool replace_value(std::string& json, std::string_view field, std::string_view value) {
    const std::string prefix = std::string("\"").append(field).append("\": ");
    const std::size_t found = json.find(prefix);
    if (found == std::string::npos)
        return false;
    std::size_t begin = found + prefix.size();
    const bool quoted = json.compare(begin, 1, "\"") == 0;
    if (quoted)
        ++begin;
    const std::size_t end = json.find_first_of(quoted ? "\"" : ",\n}", begin);
    if (end == std::string::npos)
        return false;
    json.replace(begin, end - begin, value);
    return true;
}

void patch(Call& call) {
    const std::size_t equals = call.argument.find('=');
    if (equals == std::string_view::npos)
        return send_error(call.user, "argument");
    std::string json;
    if (const int failed = read_file(patch_file, json))
        return answer(call, failed);
    if (!replace_value(json, call.argument.substr(0, equals), call.argument.substr(equals + 1)))
        return send_error(call.user, "field");
    answer(call, write_file(patch_file, json));
}

void patch_raw(Call& call) {
    answer(call, write_file(patch_file, call.argument));
}

/// One more key at the end of the list; everything else keeps its bytes.
void patch_unl(Call& call) {
    std::string json;
    if (const int failed = read_file(patch_file, json))
        return answer(call, failed);
    const std::size_t list = json.find("\"unl\": [");
    const std::size_t end = json.find("\n    ]", list);
    if (list == std::string::npos || end == std::string::npos)
        return send_error(call.user, "field");
    json.insert(end, std::string(",\n        \"").append(call.argument).append("\""));
    answer(call, write_file(patch_file, json));
}

/// As the contract libraries do it: beside it, then in its place.
void patch_rename(Call& call) {
    constexpr const char* beside = "../patch.tmp";
    const int failed = write_file(beside, call.argument);
    answer(call, failed == 0 && ::rename(beside, patch_file) != 0 ? errno : failed);
}

void write_script(Call& call) {
    if (const auto file = split(call, call.argument, call.argument.find('=')))
        answer(call, write_file(std::string(file->left), file->right, O_TRUNC, 0777));
}

void make_directory(Call& call) {
    answer(call, ::mkdir(std::string(call.argument).c_str(), 0777) == 0 ? 0 : errno);
}

void remove_file(Call& call) {
    answer(call, ::unlink(std::string(call.argument).c_str()) == 0 ? 0 : errno);
}

/// Lets a test decide when a run goes on.
void await_file(Call& call) {
    const std::string name(call.argument);
    for (unsigned long spent_ms = 0; spent_ms < wait_ms_max; spent_ms += wait_period_ms) {
        if (::access(name.c_str(), F_OK) == 0)
            return static_cast<void>(call.user.send("awaited"));
        sleep_ms(wait_period_ms);
    }
    send_error(call.user, "timeout");
}

constexpr std::array probes{
    Probe{"await", true, await_file},
    Probe{"mkdir", true, make_directory},
    Probe{"patchrename", true, patch_rename},
    Probe{"remove", true, remove_file},
    Probe{"script", true, write_script},
    Probe{"write", true, write_state},
    Probe{"append", true, append},
    Probe{"slowappend", true, slow_append},
    Probe{"read", true, read_state},
    Probe{"private", true, write_private},
    Probe{"patch", true, patch},
    Probe{"patchraw", true, patch_raw},
    Probe{"patchunl", true, patch_unl},
};

} // namespace

std::span<const Probe> file_probes() {
    return probes;
}

} // namespace hp::probe
