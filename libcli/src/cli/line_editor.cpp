// SPDX-License-Identifier: Apache-2.0
#include "cli/line_editor.hpp"

#include "cli/output.hpp"
#include "hp/os/fd.hpp"

#include <array>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <mutex>
#include <poll.h>
#include <set>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include <editline/readline.h>

namespace hp::cli {

struct LineEditor::Impl {
    void watch_input();
    void on_readable();
    static void on_line_typed(char* line);
    static char* next_match(const char* start, int state);

    net::Reactor* reactor = nullptr;
    std::filesystem::path history_file;
    std::function<void(std::optional<std::string>)> on_line;
    bool installed = false; // a line is being typed
    std::set<std::string> words;

    // A thread only waits for input; everything else happens on the reactor.
    os::Fd stop_read, stop_write;
    std::thread thread;
    std::mutex mutex;
    std::condition_variable changed;
    bool may_wait = false;
    bool stopped = false;

    // The library's callbacks have no argument of ours: it edits one line on one terminal.
    static Impl* active;
};

LineEditor::Impl* LineEditor::Impl::active = nullptr;

LineEditor::LineEditor(net::Reactor& reactor, std::filesystem::path history,
                       std::function<void(std::optional<std::string>)> on_line)
    : impl_(std::make_unique<Impl>()) {
    impl_->reactor = &reactor;
    impl_->history_file = std::move(history);
    impl_->on_line = std::move(on_line);
    Impl::active = impl_.get();
    rl_readline_name = "hpcli";
    rl_completion_entry_function = &Impl::next_match;
    using_history();
    stifle_history(1000);
    read_history(impl_->history_file.c_str());
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) == 0) {
        impl_->stop_read = os::Fd(ends[0]);
        impl_->stop_write = os::Fd(ends[1]);
    }
    impl_->thread = std::thread([impl = impl_.get()] { impl->watch_input(); });
}

LineEditor::~LineEditor() {
    {
        const std::lock_guard lock(impl_->mutex);
        impl_->stopped = true;
    }
    impl_->changed.notify_all();
    impl_->stop_write = os::Fd();
    impl_->thread.join();
    if (impl_->installed) {
        rl_callback_handler_remove(); // gives the terminal back
        write_note("\n");
    }
    const mode_t mask = ::umask(077);
    write_history(impl_->history_file.c_str());
    ::umask(mask);
    Impl::active = nullptr;
}

void LineEditor::Impl::watch_input() {
    while (true) {
        {
            std::unique_lock lock(mutex);
            changed.wait(lock, [this] { return may_wait || stopped; });
            may_wait = false;
            if (stopped) {
                return;
            }
        }
        std::array<pollfd, 2> ready{pollfd{STDIN_FILENO, POLLIN, 0},
                                    pollfd{stop_read.get(), POLLIN, 0}};
        ::poll(ready.data(), ready.size(), -1);
        if (ready[1].revents != 0) {
            return;
        }
        reactor->post([this] { on_readable(); });
    }
}

void LineEditor::Impl::on_readable() {
    if (installed) {
        rl_callback_read_char();
    }
    if (installed) { // the line goes on
        const std::lock_guard lock(mutex);
        may_wait = true;
        changed.notify_all();
    }
}

void LineEditor::Impl::on_line_typed(char* line) {
    const std::unique_ptr<char, decltype(&std::free)> owned(line, &std::free);
    rl_callback_handler_remove();
    active->installed = false;
    if (line != nullptr && *line != '\0') {
        add_history(line);
    }
    active->on_line(line == nullptr ? std::nullopt : std::optional(std::string(line)));
}

// The library asks again and again until there is none; it frees what it gets.
char* LineEditor::Impl::next_match(const char* start, int state) {
    int number = 0;
    for (const std::string& word : active->words) {
        if (word.starts_with(start) && number++ == state) {
            return ::strdup(word.c_str());
        }
    }
    return nullptr;
}

void LineEditor::prompt(const std::string& text) {
    impl_->installed = true;
    rl_callback_handler_install(text.c_str(), &Impl::on_line_typed);
    const std::lock_guard lock(impl_->mutex);
    impl_->may_wait = true;
    impl_->changed.notify_all();
}

void LineEditor::print_above(const std::string& text) {
    (void)write_answer(impl_->installed ? "\r\x1b[K" + text : text);
    if (impl_->installed) {
        rl_forced_update_display();
    }
}

void LineEditor::learn(const std::string& word) {
    impl_->words.insert(word);
}

} // namespace hp::cli
