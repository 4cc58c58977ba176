// SPDX-License-Identifier: Apache-2.0
//
// Floods and nonsense on every channel: outputs, NPL, control, stdout and stderr.
//
// Threads: main thread only.
#include "bad.hpp"

#include <array>

#include <sys/socket.h>
#include <unistd.h>

namespace hp::bad {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t mib = 1024 * 1024;
constexpr std::size_t flood_bytes_max = 2048 * mib;
constexpr std::size_t packet_bytes = 131'072;

std::string header_of(std::size_t size) {
    std::string header;
    for (unsigned shift = 32; shift > 0; shift -= 8)
        header += static_cast<char>(static_cast<unsigned char>(size >> (shift - 8)));
    return header;
}

std::string short_header(Call& call) {
    write_all(call.user.output_fd(), "\0\0"sv);
    ::_exit(0);
}

/// 4 GiB announced, ten megabytes sent.
std::string huge_header(Call& call) {
    write_all(call.user.output_fd(), "\xff\xff\xff\xff"sv);
    write_all(call.user.output_fd(), std::string(10 * mib, 'x'));
    return "";
}

/// total MiB:bytes per message
std::string flood_outputs(Call& call) {
    const std::size_t colon = std::min(call.argument.find(':'), call.argument.size() - 1);
    const std::size_t total = std::min(number(call.argument) * mib, flood_bytes_max);
    const std::size_t size = std::max<std::size_t>(number(call.argument.substr(colon + 1)), 1);
    const std::string message = header_of(size) + std::string(std::min(size, mib), 'x');
    for (std::size_t sent = 0; sent < total; sent += size) {
        if (!write_all(call.user.output_fd(), message))
            return "";
        for (std::size_t body = mib; body < size; body += mib)
            write_all(call.user.output_fd(), std::string_view(message).substr(4));
    }
    return "";
}

/// Messages of the largest size, and none is ever read.
std::string flood_npl(Call& call) {
    const int fd = document_number(call.context, "npl_fd");
    const std::string message(packet_bytes, 'n');
    std::size_t sent = 0;
    for (const std::size_t wanted = number(call.argument); sent < wanted; ++sent)
        if (::send(fd, message.data(), message.size(), MSG_NOSIGNAL) < 0)
            break;
    return "sent " + std::to_string(sent);
}

/// MiB to both streams.
std::string flood_streams(Call& call) {
    const std::string line = std::string(1023, 's') + '\n';
    std::string chunk;
    while (chunk.size() < mib)
        chunk += line;
    for (std::size_t sent = 0; sent < std::min<std::size_t>(number(call.argument), 512); ++sent) {
        write_all(STDOUT_FILENO, chunk);
        write_all(STDERR_FILENO, chunk);
    }
    return "flooded";
}

std::string flood_control(Call& call) {
    const int fd = document_number(call.context, "control_fd");
    const auto message = R"({"type":"peer_changeset","add":["127.0.0.1:9"],"remove":[]})"sv;
    std::size_t sent = 0;
    for (const std::size_t wanted = number(call.argument); sent < wanted; ++sent)
        if (::send(fd, message.data(), message.size(), MSG_NOSIGNAL) < 0)
            break;
    return "sent " + std::to_string(sent);
}

std::string junk_control(Call& call) {
    const int fd = document_number(call.context, "control_fd");
    const std::string deep = std::string(60'000, '[') + std::string(60'000, ']');
    const std::string large = R"({"type":")" + std::string(packet_bytes, 'x') + "\"}";
    const std::array<std::string_view, 12> packets{
        "not json"sv,
        "{"sv,
        "\xff\xfe\x00\x01"sv,
        "null"sv,
        "[]"sv,
        R"({"type":7})"sv,
        R"({"type":"no such type"})"sv,
        R"({"type":"peer_changeset"})"sv,
        R"({"type":"peer_changeset","add":"x","remove":{}})"sv,
        R"({"type":"peer_changeset","add":["no port","a:b:c",":1","h:0"],"remove":[1]})"sv,
        deep,
        large};
    for (const std::string_view packet : packets)
        ::send(fd, packet.data(), packet.size(), MSG_NOSIGNAL);
    ::send(fd, "", 0, MSG_NOSIGNAL);
    return "sent";
}

/// Reads what it should write and writes what it should read.
std::string mix_up(Call& call) {
    write_all(STDIN_FILENO, "x");
    ::send(call.context.input_fd().value_or(-1), "x", 1, MSG_NOSIGNAL);
    char byte = 0;
    ::recv(call.user.output_fd(), &byte, 1, MSG_DONTWAIT);
    ::recv(document_number(call.context, "control_fd"), &byte, 1, MSG_DONTWAIT);
    return "done";
}

constexpr std::array behaviours{
    Behaviour{"short_header", short_header},   Behaviour{"huge_header", huge_header},
    Behaviour{"flood_outputs", flood_outputs}, Behaviour{"flood_npl", flood_npl},
    Behaviour{"flood_streams", flood_streams}, Behaviour{"flood_control", flood_control},
    Behaviour{"junk_control", junk_control},   Behaviour{"mix_up", mix_up},
};

} // namespace

std::span<const Behaviour> channel_behaviours() {
    return behaviours;
}

} // namespace hp::bad
