// SPDX-License-Identifier: Apache-2.0
// The terminal for commands that take keys one by one, also for one that fills the whole screen.
// Whatever happens it is as before afterwards. One thread.
#pragma once

#include "cli/output.hpp"

#include <optional>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

namespace hp::dev {

// Keys one by one and not shown, on a screen that scrolls as ever. Only for the process whose turn
// it is on that terminal: others would be stopped for asking.
class RawKeys {
public:
    static bool are_possible() {
        return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1 &&
               ::tcgetpgrp(STDIN_FILENO) == ::getpgrp();
    }
    RawKeys() {
        ::tcgetattr(STDIN_FILENO, &before_);
        termios raw = before_;
        raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
        ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    ~RawKeys() { ::tcsetattr(STDIN_FILENO, TCSANOW, &before_); }
    RawKeys(const RawKeys&) = delete;
    RawKeys& operator=(const RawKeys&) = delete;

private:
    termios before_{};
};

class FullScreen {
public:
    FullScreen() { (void)cli::write_answer("\x1b[?1049h\x1b[?25l"); }
    ~FullScreen() { (void)cli::write_answer("\x1b[?25h\x1b[?1049l"); }
    FullScreen(const FullScreen&) = delete;
    FullScreen& operator=(const FullScreen&) = delete;

    static std::optional<char> key(int timeout_ms) {
        pollfd wanted{STDIN_FILENO, POLLIN, 0};
        char out = 0;
        const bool there = ::poll(&wanted, 1, timeout_ms) > 0 && ::read(STDIN_FILENO, &out, 1) == 1;
        return there ? std::optional(out) : std::nullopt;
    }

private:
    const RawKeys keys_;
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
