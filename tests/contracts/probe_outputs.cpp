// SPDX-License-Identifier: Apache-2.0
//
// What goes out to the user: well-formed messages of all sizes, and frames no SDK would write.
//
// Threads: main thread only.
#include "probe.hpp"

#include <array>
#include <charconv>
#include <vector>

#include <unistd.h>

namespace hp::probe {
namespace {

constexpr unsigned long messages_max = 1'000'000;
constexpr unsigned long pause_ms_max = 1000;
constexpr unsigned long message_bytes_max = 1UL << 31U;
/// With its 4-byte header this message ends 2 bytes before 128 KiB, so a reader of 128 KiB chunks
/// sees half a header at the end of its first chunk.
constexpr std::size_t straddling_message_bytes = 131066;

void echo(Call& call) {
    call.user.send(call.argument);
}

void none(Call&) {}

void multi(Call& call) {
    unsigned long count = 0;
    if (!parse_number(call, messages_max, count))
        return;
    for (unsigned long i = 1; i <= count; ++i)
        call.user.send(std::to_string(i));
}

void raw(Call& call) {
    const std::string_view hex = call.argument;
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
        unsigned value = 0;
        const auto [end, failed] = std::from_chars(hex.data() + i, hex.data() + i + 2, value, 16);
        if (failed != std::errc{} || end != hex.data() + i + 2)
            break;
        bytes += static_cast<char>(static_cast<unsigned char>(value));
    }
    if (bytes.size() * 2 != hex.size())
        return send_error(call.user, "argument");
    call.user.send(bytes);
}

void big(Call& call) {
    unsigned long size = 0;
    if (parse_number(call, message_bytes_max, size))
        call.user.send(make_pattern(size));
}

void big2(Call& call) {
    const std::string first = make_pattern(straddling_message_bytes);
    const std::array<BytesView, 2> messages{contract::as_bytes(first),
                                            contract::as_bytes("after big2")};
    call.user.send_batch(messages);
}

void order(Call& call) {
    std::string all;
    for (const auto& input : call.user.inputs()) {
        if (!all.empty())
            all += '\n';
        all += input.text();
    }
    call.user.send(all);
}

std::vector<BytesView> views_of(const std::vector<std::string>& messages) {
    std::vector<BytesView> views;
    views.reserve(messages.size());
    for (const std::string& message : messages)
        views.push_back(contract::as_bytes(message));
    return views;
}

void half_frame(Call& call) {
    using namespace std::string_view_literals;
    write_all(call.user.output_fd(), "\0\0\0\x64"
                                     "ten bytes."sv);
    ::_exit(0);
}

void huge_header(Call& call) {
    using namespace std::string_view_literals;
    write_all(call.user.output_fd(), "\xff\xff\xff\xf0"sv);
}

void slow_header(Call& call) {
    using namespace std::string_view_literals;
    for (const char byte : "\0\0\0\x0b"sv) {
        write_all(call.user.output_fd(), {&byte, 1});
        sleep_ms(30); // longer than one pass of a node's supervision loop
    }
    write_all(call.user.output_fd(), "slow header"sv);
}

/// "<count>:<bytes>:<pause_ms>": numbered messages of one size; without a pause in one go.
void paced(Call& call) {
    const std::string_view text = call.argument;
    const std::size_t first = text.find(':');
    const std::size_t second = text.find(':', first + 1);
    if (second == std::string_view::npos)
        return send_error(call.user, "argument");
    unsigned long count = 0;
    unsigned long bytes = 0;
    unsigned long pause_ms = 0;
    if (!parse_number(call, text.substr(0, first), messages_max, count) ||
        !parse_number(call, text.substr(first + 1, second - first - 1), message_bytes_max, bytes) ||
        !parse_number(call, text.substr(second + 1), pause_ms_max, pause_ms))
        return;
    std::vector<std::string> messages;
    for (unsigned long i = 1; i <= count; ++i) {
        messages.push_back(std::to_string(i));
        messages.back().resize(bytes, '.');
    }
    if (pause_ms == 0) {
        const std::vector<BytesView> views = views_of(messages);
        call.user.send_batch(views);
        return;
    }
    for (const std::string& message : messages) {
        call.user.send(message);
        sleep_ms(pause_ms);
    }
}

constexpr std::array probes{
    Probe{"echo", true, echo},
    Probe{"none", false, none},
    Probe{"multi", true, multi},
    Probe{"raw", true, raw},
    Probe{"big", true, big},
    Probe{"big2", false, big2},
    Probe{"order", false, order},
    Probe{"paced", true, paced},
    Probe{"halfframe", false, half_frame},
    Probe{"hugeheader", false, huge_header},
    Probe{"slowheader", false, slow_header},
};

} // namespace

std::span<const Probe> output_probes() {
    return probes;
}

} // namespace hp::probe
