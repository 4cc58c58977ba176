// SPDX-License-Identifier: Apache-2.0
#include "cli/passphrase.hpp"

#include "hp/os/fd.hpp"
#include "hp/os/files.hpp"

#include <array>
#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

namespace hp::cli {
namespace {

constexpr std::size_t passphrase_bytes_max = 1024;

// Byte by byte, so that nothing behind the line is taken from whoever reads next.
tl::expected<std::string, Failure> read_line(int fd) {
    std::string out;
    std::array<std::uint8_t, 1> byte{};
    while (out.size() <= passphrase_bytes_max) {
        const auto got = os::read_some(fd, byte);
        if (!got) {
            return failure(ErrorId::passphrase, got.err().context);
        }
        if (*got == 0 || byte[0] == '\n') {
            break;
        }
        out.push_back(static_cast<char>(byte[0]));
    }
    if (out.empty() || out.size() > passphrase_bytes_max) {
        return failure(ErrorId::passphrase, "the passphrase is empty or too long");
    }
    return out;
}

} // namespace

tl::expected<std::string, Failure> read_passphrase_file(const std::string& path) {
    if (path == "-") {
        return read_line(STDIN_FILENO);
    }
    const auto file = os::open_file(path, O_RDONLY | O_CLOEXEC);
    if (!file) {
        return failure(ErrorId::passphrase, file.err().context);
    }
    return read_line(file->get());
}

tl::expected<std::string, Failure> type_passphrase(const std::string& what) {
    auto typed = type_secret("passphrase of " + what);
    if (!typed && !typed.error().hint.empty()) {
        return failure(ErrorId::passphrase, what + " needs its passphrase",
                       "without a terminal, give it with --passphrase-file");
    }
    return typed;
}

tl::expected<std::string, Failure> type_secret(const std::string& prompt) {
    const auto terminal = os::open_file("/dev/tty", O_RDWR | O_CLOEXEC);
    termios shown{};
    if (!terminal || ::tcgetattr(terminal->get(), &shown) != 0) {
        return failure(ErrorId::passphrase, "there is no terminal to type it: " + prompt,
                       "use a file or a pipe");
    }
    termios hidden = shown;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    (void)os::write_all(terminal->get(), as_bytes(prompt + ": "));
    ::tcsetattr(terminal->get(), TCSAFLUSH, &hidden);
    auto out = read_line(terminal->get());
    ::tcsetattr(terminal->get(), TCSAFLUSH, &shown);
    (void)os::write_all(terminal->get(), as_bytes("\n"));
    return out;
}

} // namespace hp::cli
