// SPDX-License-Identifier: Apache-2.0
// The terminal for a command that fills the whole screen: keys come one by one, and whatever
// happens it is as before afterwards. One thread.
#pragma once

#include "cli/output.hpp"

#include <optional>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

namespace hp::dev {

class FullScreen {
public:
    FullScreen() {
        ::tcgetattr(STDIN_FILENO, &before_);
        termios raw = before_;
        raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
        ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
        (void)cli::write_answer("\x1b[?1049h\x1b[?25l");
    }
    ~FullScreen() {
        (void)cli::write_answer("\x1b[?25h\x1b[?1049l");
        ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
    }
    FullScreen(const FullScreen&) = delete;
    FullScreen& operator=(const FullScreen&) = delete;

    static std::optional<char> key(int timeout_ms) {
        pollfd wanted{STDIN_FILENO, POLLIN, 0};
        char out = 0;
        const bool there = ::poll(&wanted, 1, timeout_ms) > 0 && ::read(STDIN_FILENO, &out, 1) == 1;
        return there ? std::optional(out) : std::nullopt;
    }

private:
    termios before_{};
};

struct ScreenSize {
    std::size_t rows = 24;
    std::size_t columns = 80;
};
inline ScreenSize screen_size() {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) {
        return {};
    }
    return {size.ws_row, size.ws_col};
}

} // namespace hp::dev
