// SPDX-License-Identifier: Apache-2.0
//
// Finds the probe each input names and runs it; what names no probe is sent back unchanged. Inputs
// are handled user by user, in the order the node gave.
//
// Threads: main thread only.
#include "probe.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <thread>

#include <unistd.h>

namespace hp::probe {

std::string_view errno_name(int code) {
    const char* const name = ::strerrorname_np(code);
    return name != nullptr ? name : "unknown";
}

void send_error(User& user, std::string_view what) {
    user.send(std::string("error:").append(what));
}

bool parse_number(Call& call, unsigned long value_max, unsigned long& out) {
    return parse_number(call, call.argument, value_max, out);
}

bool parse_number(Call& call, std::string_view text, unsigned long value_max, unsigned long& out) {
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (failed == std::errc{} && end == text.data() + text.size() && out <= value_max)
        return true;
    send_error(call.user, "argument");
    return false;
}

bool write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd, bytes.data(), bytes.size());
        if (written >= 0)
            bytes.remove_prefix(static_cast<std::size_t>(written));
        else if (errno != EINTR)
            return false;
    }
    return true;
}

std::string_view outcome(bool done) {
    return done ? std::string_view("ok") : errno_name(errno);
}

std::string make_pattern(std::size_t size) {
    std::string out(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
        out[i] = static_cast<char>('a' + i % 26);
    return out;
}

void sleep_ms(unsigned long duration_ms) {
    std::this_thread::sleep_for(std::chrono::milliseconds(duration_ms));
}

int channel_fd(const Context& context, std::string_view key) {
    const std::string_view document = context.document();
    const std::string member = std::string("\"").append(key).append("\":");
    const std::size_t at = document.find(member);
    int fd = -1;
    if (at != std::string_view::npos)
        std::from_chars(document.data() + at + member.size(), document.data() + document.size(),
                        fd);
    return fd;
}

std::optional<Halves> split(Call& call, std::string_view text, std::size_t at) {
    if (at != 0 && at != std::string_view::npos)
        return Halves{text.substr(0, at), text.substr(at + 1)};
    send_error(call.user, "argument");
    return std::nullopt;
}

namespace {

const Probe* find_probe(std::string_view name, bool has_argument) {
    for (const auto table :
         {call_probes(), file_probes(), input_probes(), limit_probes(), npl_probes(),
          output_probes(), process_probes(), view_probes(), write_probes()})
        for (const Probe& probe : table)
            if (probe.name == name && probe.takes_argument == has_argument)
                return &probe;
    return nullptr;
}

} // namespace

void run_text(Context& context, User& user, std::string_view text, std::span<char* const> args) {
    const std::size_t colon = text.find(':');
    const bool has_argument = colon != std::string_view::npos;
    const Probe* const probe = find_probe(text.substr(0, colon), has_argument);
    if (probe == nullptr) {
        user.send(text);
        return;
    }
    Call call{context, user, has_argument ? text.substr(colon + 1) : std::string_view{}, args};
    probe->run(call);
}

} // namespace hp::probe

int main(int argc, char** argv) {
    const std::span<char* const> args(argv, static_cast<std::size_t>(argc));
    return hp::contract::run([args](hp::contract::Context& context) {
        for (auto& user : context.users())
            for (const auto& input : user.inputs())
                hp::probe::run_text(context, user, input.text(), args);
    });
}
