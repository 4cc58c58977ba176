// SPDX-License-Identifier: Apache-2.0
//
// Finds the request each input names and answers with its result.
//
// Threads: main thread only.
#include "posix_contract.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include <unistd.h>

namespace hp::posix_contract {

void fail_errno() {
    const char* const name = ::strerrorname_np(errno);
    throw Failure{name != nullptr ? name : "unknown"};
}

void check(bool good) {
    if (!good)
        fail_errno();
}

std::string take_word(std::string_view& text, char separator) {
    const std::size_t end = std::min(text.find(separator), text.size());
    std::string word(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    return word;
}

std::size_t number_of(std::string_view text) {
    std::size_t value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc{} || end != text.data() + text.size())
        throw Failure{"argument"};
    return value;
}

std::string read_all(int fd) {
    std::string out;
    std::array<char, 65536> buffer;
    for (;;) {
        const ssize_t got = ::read(fd, buffer.data(), buffer.size());
        if (got == 0)
            return out;
        if (got > 0)
            out.append(buffer.data(), static_cast<std::size_t>(got));
        else if (errno != EINTR)
            fail_errno();
    }
}

void write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd, bytes.data(), bytes.size());
        if (written >= 0)
            bytes.remove_prefix(static_cast<std::size_t>(written));
        else if (errno != EINTR)
            fail_errno();
    }
}

namespace {

std::string answer(std::string_view text) {
    std::string_view argument = text;
    const std::string name = take_word(argument, ':');
    for (const auto table : {file_requests(), process_requests()})
        for (const Request& request : table)
            if (request.name == name) {
                try {
                    return request.run(argument);
                } catch (const Failure& failure) {
                    return "error:" + failure.what;
                }
            }
    return std::string(text);
}

} // namespace
} // namespace hp::posix_contract

int main() {
    return hp::contract::run([](hp::contract::Context& context) {
        for (auto& user : context.users())
            for (const auto& input : user.inputs())
                user.send(hp::posix_contract::answer(input.text()));
    });
}
