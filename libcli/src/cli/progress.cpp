// SPDX-License-Identifier: Apache-2.0
#include "cli/progress.hpp"

#include "cli/output.hpp"
#include "hp/base/time.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <sys/ioctl.h>
#include <thread>
#include <unistd.h>

namespace hp::cli {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds first_after{300};
constexpr milliseconds redraw_every{100};
constexpr milliseconds line_every{2000};
constexpr std::size_t bar_columns = 20;

bool draws_on_terminal() {
    const char* term = std::getenv("TERM");
    return ::isatty(STDERR_FILENO) == 1 && term != nullptr && std::string_view(term) != "dumb";
}

std::size_t terminal_width() {
    winsize size{};
    const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? size.ws_col : 80;
}

std::string seconds_text(std::uint64_t seconds) {
    return seconds < 120 ? std::to_string(seconds) + " s" : std::to_string(seconds / 60) + " min";
}

} // namespace

std::string progress_text(const ProgressState& state) {
    const auto elapsed_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(state.elapsed_ms, 1));
    const std::uint64_t rate = state.done * 1000 / elapsed_ms;
    std::string out = state.what;
    const std::string unit = state.unit.empty() ? "" : " " + state.unit;
    if (state.total > 0) {
        out += ": " + std::to_string(state.done) + " of " + std::to_string(state.total) + unit +
               " (" + std::to_string(state.done * 100 / state.total) + " %)";
    } else if (state.done > 0) {
        out += ": " + std::to_string(state.done) + unit;
    }
    if (rate > 0) {
        out += ", " + std::to_string(rate) + "/s";
    }
    if (state.total > state.done && state.done > 0) {
        const std::uint64_t left_ms = (state.total - state.done) * elapsed_ms / state.done;
        return out + ", " + seconds_text((left_ms + 999) / 1000) + " left";
    }
    return out + ", " + seconds_text(elapsed_ms / 1000);
}

std::string progress_line(const ProgressState& state, std::size_t width) {
    std::string out;
    if (state.total > 0) {
        const auto full =
            std::min<std::uint64_t>(state.done, state.total) * bar_columns / state.total;
        out = "[" + std::string(full, '#') + std::string(bar_columns - full, '.') + "] ";
    } else {
        constexpr std::string_view spinner = "|/-\\";
        out = {spinner[static_cast<std::size_t>(state.elapsed_ms / redraw_every.count()) %
                       spinner.size()],
               ' '};
    }
    return (out + progress_text(state)).substr(0, width);
}

struct Progress::Impl {
    std::mutex mutex;
    std::condition_variable_any woken;
    ProgressState state; // under the mutex
    std::string head;    // "hpcli: "
    bool on_terminal = false;
    const TimeMs started_ms = SystemClock().now().mono_ms();
    std::jthread drawing; // last: it uses the others

    void run(const std::stop_token& stop) {
        std::unique_lock lock(mutex);
        bool drawn = false;
        const auto sleep = [&](milliseconds time) {
            return !woken.wait_for(lock, stop, time, [&stop] { return stop.stop_requested(); }) &&
                   !stop.stop_requested();
        };
        if (!sleep(on_terminal ? first_after : line_every)) {
            return;
        }
        do {
            state.elapsed_ms = SystemClock().now().mono_ms() - started_ms;
            write_note(on_terminal ? "\r\x1b[K" + progress_line(state, terminal_width() - 1)
                                   : head + progress_text(state) + "\n");
            drawn = true;
        } while (sleep(on_terminal ? redraw_every : line_every));
        if (drawn && on_terminal) {
            write_note("\r\x1b[K");
        }
    }
};

Progress::Progress(const Args& args, std::string what, std::string unit) {
    if (args.quiet || args.no_progress) {
        return;
    }
    impl_ = std::make_unique<Impl>();
    impl_->head = note_head(args);
    impl_->state.what = std::move(what);
    impl_->state.unit = std::move(unit);
    impl_->on_terminal = draws_on_terminal();
    // Signals are the main thread's, which may be waiting in a call that only they interrupt.
    sigset_t all{};
    sigset_t before{};
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    impl_->drawing =
        std::jthread([impl = impl_.get()](const std::stop_token& stop) { impl->run(stop); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Progress::~Progress() = default;

void Progress::step(std::uint64_t done, std::uint64_t total) {
    if (impl_) {
        const std::lock_guard lock(impl_->mutex);
        impl_->state.done = done;
        impl_->state.total = total;
    }
}

void Progress::describe(std::string what) {
    if (impl_) {
        const std::lock_guard lock(impl_->mutex);
        impl_->state.what = std::move(what);
    }
}

} // namespace hp::cli
