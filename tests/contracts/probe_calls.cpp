// SPDX-License-Identifier: Apache-2.0
//
// Probes that run other probes: several from one input, so that they certainly share a run, and
// with their answers in a file, for runs whose outputs reach no ledger.
//
// Threads: main thread only.
#include "probe.hpp"

#include <array>
#include <cerrno>
#include <cstdint>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace hp::probe {
namespace {

constexpr char separator = '\x1e'; // ASCII "record separator"

void each(Call& call) {
    std::string_view rest = call.argument;
    for (;;) {
        const std::size_t end = rest.find(separator);
        run_text(call.context, call.user, rest.substr(0, end), call.args);
        if (end == std::string_view::npos)
            return;
        rest.remove_prefix(end + 1);
    }
}

/// The messages of a stream of frames, each as a line.
std::string lines_of(std::string_view stream) {
    std::string out;
    while (stream.size() >= 4) {
        std::size_t size = 0;
        for (const char byte : stream.substr(0, 4))
            size = size << 8 | static_cast<std::uint8_t>(byte);
        out.append(stream.substr(4, size)).append("\n");
        stream.remove_prefix(std::min(stream.size(), 4 + size));
    }
    return out;
}

std::string drain(int fd) {
    std::string out;
    std::array<char, 65536> buffer;
    ssize_t got = 0;
    while ((got = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT)) > 0)
        out.append(buffer.data(), static_cast<std::size_t>(got));
    return out;
}

/// The call gets a user of its own; what it answers has to fit into a socket.
void save(Call& call) {
    const auto file = split(call, call.argument, call.argument.find('='));
    if (!file)
        return;
    std::array<int, 2> pair{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0)
        return send_error(call.user, errno_name(errno));
    const auto inputs = call.user.inputs();
    User copy(call.user.public_key(), pair[0], {inputs.begin(), inputs.end()});
    run_text(call.context, copy, file->right, call.args);
    const std::string answers = lines_of(drain(pair[1]));
    ::close(pair[0]);
    ::close(pair[1]);

    const std::string name(file->left);
    const std::string beside = name + ".tmp"; // whoever waits for the file finds all of it
    const int fd = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    const bool written = fd >= 0 && write_all(fd, answers);
    ::close(fd);
    if (!written || ::rename(beside.c_str(), name.c_str()) != 0)
        return send_error(call.user, errno_name(errno));
    call.user.send("ok");
}

constexpr std::array probes{
    Probe{"each", true, each},
    Probe{"save", true, save},
};

} // namespace

std::span<const Probe> call_probes() {
    return probes;
}

} // namespace hp::probe
