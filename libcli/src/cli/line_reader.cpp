// SPDX-License-Identifier: Apache-2.0
#include "cli/line_reader.hpp"

#include "hp/base/limits.hpp"
#include "hp/os/fd.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <fcntl.h>
#include <mutex>
#include <poll.h>
#include <thread>
#include <unistd.h>

namespace hp::cli {

struct LineReader::Impl {
    // The reading side runs until the end of the input or a byte in the stop pipe.
    void read_all();
    bool wait_for_turn();
    bool deliver(std::optional<Bytes> record);
    std::optional<Bytes> take_record();

    net::Reactor* reactor = nullptr;
    int fd = -1;
    char separator = '\n';
    os::Fd stop_read, stop_write;
    std::thread thread;
    Bytes pending; // reading thread only

    std::mutex mutex;
    std::condition_variable changed;
    bool wanted = false;
    bool stopped = false;
    std::function<void(std::optional<Bytes>)> on_record; // reactor thread only
};

LineReader::LineReader(net::Reactor& reactor, int fd, char separator)
    : impl_(std::make_unique<Impl>()) {
    impl_->reactor = &reactor;
    impl_->fd = fd;
    impl_->separator = separator;
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) == 0) {
        impl_->stop_read = os::Fd(ends[0]);
        impl_->stop_write = os::Fd(ends[1]);
    }
    impl_->thread = std::thread([impl = impl_.get()] { impl->read_all(); });
}

LineReader::~LineReader() {
    {
        const std::lock_guard lock(impl_->mutex);
        impl_->stopped = true;
    }
    impl_->changed.notify_all();
    impl_->stop_write = os::Fd();
    impl_->thread.join();
}

void LineReader::next(std::function<void(std::optional<Bytes>)> on_record) {
    impl_->on_record = std::move(on_record);
    {
        const std::lock_guard lock(impl_->mutex);
        impl_->wanted = true;
    }
    impl_->changed.notify_all();
}

bool LineReader::Impl::wait_for_turn() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return wanted || stopped; });
    wanted = false;
    return !stopped;
}

// False when nobody wants more.
bool LineReader::Impl::deliver(std::optional<Bytes> record) {
    if (!wait_for_turn()) {
        return false;
    }
    reactor->post([this, record = std::move(record)]() mutable {
        const auto done = std::exchange(on_record, nullptr);
        done(std::move(record));
    });
    return true;
}

std::optional<Bytes> LineReader::Impl::take_record() {
    const auto end = std::ranges::find(pending, static_cast<std::uint8_t>(separator));
    if (end == pending.end()) {
        return std::nullopt;
    }
    Bytes out(pending.begin(), end);
    pending.erase(pending.begin(), end + 1);
    return out;
}

void LineReader::Impl::read_all() {
    std::array<std::uint8_t, 64 * limits::kib> buffer{};
    while (true) {
        while (auto record = take_record()) {
            if (!deliver(std::move(record))) {
                return;
            }
        }
        std::array<pollfd, 2> ready{pollfd{fd, POLLIN, 0}, pollfd{stop_read.get(), POLLIN, 0}};
        ::poll(ready.data(), ready.size(), -1);
        if (ready[1].revents != 0) {
            return;
        }
        const ssize_t got = ::read(fd, buffer.data(), buffer.size());
        if (got <= 0 || pending.size() > limits::reply_bytes_max) {
            break;
        }
        append(pending, ByteView(buffer).first(static_cast<std::size_t>(got)));
    }
    if (!pending.empty() && !deliver(std::exchange(pending, {}))) {
        return;
    }
    deliver(std::nullopt);
}

} // namespace hp::cli
