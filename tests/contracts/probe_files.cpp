// SPDX-License-Identifier: Apache-2.0
//
// Files in the state directory, one level above it, and the contract's configuration.
//
// Threads: main thread only.
#include "probe.hpp"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace hp::probe {
namespace {

constexpr const char* patch_file = "../patch.cfg";
constexpr const char* private_file = "../private.txt";

/// 0, or the errno of what failed.
int write_file(const std::string& name, std::string_view text) {
    const int fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
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
    const std::size_t equals = call.argument.find('=');
    if (equals == 0 || equals == std::string_view::npos)
        return send_error(call.user, "argument");
    answer(call, write_file(std::string(call.argument.substr(0, equals)),
                            call.argument.substr(equals + 1)));
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

constexpr std::array probes{
    Probe{"write", true, write_state},
    Probe{"read", true, read_state},
    Probe{"private", true, write_private},
    Probe{"patch", true, patch},
};

} // namespace

std::span<const Probe> file_probes() {
    return probes;
}

} // namespace hp::probe
