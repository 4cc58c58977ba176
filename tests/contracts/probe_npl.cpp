// SPDX-License-Identifier: Apache-2.0
//
// The node party line, politely and not, and the control channel.
//
// Threads: main thread only.
#include "probe.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <vector>

#include <poll.h>
#include <sys/socket.h>

namespace hp::probe {
namespace {

constexpr int listen_ms = 500;
constexpr int patience_ms = 10'000;
constexpr int pair_ms = 1000;
constexpr unsigned long messages_max = 100'000;
constexpr unsigned long message_bytes_max = 1'000'000;

int ms_left(std::chrono::steady_clock::time_point deadline) {
    const auto left = deadline - std::chrono::steady_clock::now();
    return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count());
}

std::chrono::steady_clock::time_point in_ms(int duration_ms) {
    return std::chrono::steady_clock::now() + std::chrono::milliseconds(duration_ms);
}

/// Everything received, sorted, because the order of arrival differs per node.
void npl(Call& call) {
    auto& channel = call.context.npl();
    if (const auto failed = channel.send(call.argument))
        return send_error(call.user, errno_name(failed.value()));
    const auto deadline = in_ms(listen_ms);
    std::vector<std::string> lines;
    while (const auto received = channel.receive(ms_left(deadline)))
        lines.push_back(std::string(received.message->sender.hex()) + ":" +
                        std::string(received.message->text()));
    std::sort(lines.begin(), lines.end());
    std::string out;
    for (const std::string& line : lines)
        out += (out.empty() ? "" : "\n") + line;
    call.user.send(out);
}

bool send_packet(int fd, std::string_view packet) {
    return ::send(fd, packet.data(), packet.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(packet.size());
}

/// One packet as it is; nothing when none comes in time.
std::optional<std::string> receive_packet(int fd, int timeout_ms) {
    pollfd event{fd, POLLIN, 0};
    if (::poll(&event, 1, timeout_ms) <= 0)
        return std::nullopt;
    std::string packet(2 * message_bytes_max, '\0');
    const ssize_t got = ::recv(fd, packet.data(), packet.size(), 0);
    if (got < 0)
        return std::nullopt;
    packet.resize(static_cast<std::size_t>(got));
    return packet;
}

/// The two packets of one message, without the SDK: "<bytes> <packet>" each.
void npl_raw(Call& call) {
    const int fd = channel_fd(call.context, "npl_fd");
    if (!send_packet(fd, call.argument))
        return send_error(call.user, errno_name(errno));
    std::string out;
    for (int i = 0; i < 2; ++i) {
        const auto packet = receive_packet(fd, patience_ms);
        if (!packet)
            return send_error(call.user, "nothing");
        out += (out.empty() ? "" : "\n") + std::to_string(packet->size()) + " " + *packet;
    }
    call.user.send(out);
}

/// One message of that size: "<bytes> same", "<bytes> different" or "nothing" came back.
void npl_size(Call& call) {
    unsigned long size = 0;
    if (!parse_number(call, message_bytes_max, size))
        return;
    const int fd = channel_fd(call.context, "npl_fd");
    const std::string message = make_pattern(size);
    if (!send_packet(fd, message))
        return send_error(call.user, errno_name(errno));
    const auto key = receive_packet(fd, pair_ms);
    const auto back = key ? receive_packet(fd, patience_ms) : std::nullopt;
    if (!back)
        return static_cast<void>(call.user.send("nothing"));
    const bool same = *back == message.substr(0, back->size());
    call.user.send(std::to_string(back->size()) + (same ? " same" : " different"));
}

std::optional<Halves> count_and_rest(Call& call, unsigned long& count) {
    const auto parts = split(call, call.argument, call.argument.find(':'));
    if (!parts || !parse_number(call, parts->left, messages_max, count))
        return std::nullopt;
    return parts;
}

/// `count` times the same message; "<sent> <received>".
void npl_many(Call& call) {
    unsigned long count = 0;
    const auto parts = count_and_rest(call, count);
    if (!parts)
        return;
    auto& channel = call.context.npl();
    unsigned long sent = 0;
    while (sent < count && !channel.send(parts->right))
        ++sent;
    const auto deadline = in_ms(patience_ms);
    unsigned long received = 0;
    // Once all have arrived a short wait shows that none comes twice.
    while (const auto next =
               channel.receive(received < sent ? std::min(ms_left(deadline), pair_ms) : listen_ms))
        received += next.message->text() == parts->right ? 1 : 0;
    call.user.send(std::to_string(sent) + " " + std::to_string(received));
}

/// Sends and never reads; "<sent>".
void npl_flood(Call& call) {
    unsigned long count = 0;
    unsigned long size = 0;
    const auto parts = count_and_rest(call, count);
    if (!parts || !parse_number(call, parts->right, message_bytes_max, size))
        return;
    const std::string message = make_pattern(size);
    const int fd = channel_fd(call.context, "npl_fd");
    unsigned long sent = 0;
    while (sent < count && send_packet(fd, message))
        ++sent;
    call.user.send(std::to_string(sent));
}

/// One control packet with these bytes.
void control(Call& call) {
    const int fd = channel_fd(call.context, "control_fd");
    call.user.send(outcome(send_packet(fd, call.argument)));
}

constexpr std::array probes{
    Probe{"control", true, control},    Probe{"npl", true, npl},
    Probe{"nplflood", true, npl_flood}, Probe{"nplmany", true, npl_many},
    Probe{"nplraw", true, npl_raw},     Probe{"nplsize", true, npl_size},
};

} // namespace

std::span<const Probe> npl_probes() {
    return probes;
}

} // namespace hp::probe
