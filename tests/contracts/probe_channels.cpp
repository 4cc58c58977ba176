// SPDX-License-Identifier: Apache-2.0
//
// The input file and the node party line.
//
// Threads: main thread only.
#include "probe.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <vector>

#include <unistd.h>

namespace hp::probe {
namespace {

constexpr int npl_listen_ms = 500;

/// "write=<errno name or ok> ftruncate=<same>". A node that protects its inputs refuses both.
void write_input_file(Call& call) {
    const auto fd = call.context.input_fd();
    if (!fd)
        return send_error(call.user, "no input file");
    const auto outcome = [](bool done) {
        return done ? std::string_view("ok") : errno_name(errno);
    };
    std::string out = "write=";
    out += outcome(::pwrite(*fd, "x", 1, 0) == 1);
    out += " ftruncate=";
    out += outcome(::ftruncate(*fd, 1 << 20) == 0);
    call.user.send(out);
}

int ms_left(std::chrono::steady_clock::time_point deadline) {
    const auto left = deadline - std::chrono::steady_clock::now();
    return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count());
}

/// Everything received, sorted, because the order of arrival differs per node.
void npl(Call& call) {
    auto& channel = call.context.npl();
    if (const auto failed = channel.send(call.argument))
        return send_error(call.user, errno_name(failed.value()));
    const auto deadline =
        std::chrono::steady_clock::now() + std::chrono::milliseconds(npl_listen_ms);
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

constexpr std::array probes{
    Probe{"memfdwrite", false, write_input_file},
    Probe{"npl", true, npl},
};

} // namespace

std::span<const Probe> channel_probes() {
    return probes;
}

} // namespace hp::probe
