// SPDX-License-Identifier: Apache-2.0
#include "contract/open_watch.hpp"

#include <cerrno>
#include <cstring>
#include <string>

#include <sys/inotify.h>
#include <unistd.h>

namespace hp::contract {

Result<std::unique_ptr<OpenWatch>> OpenWatch::make() {
    os::Fd inotify(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!inotify) {
        return fail(errno_error("cannot make an inotify instance", errno));
    }
    return std::unique_ptr<OpenWatch>(new OpenWatch(std::move(inotify)));
}

Result<OpenWatch::Mark> OpenWatch::watch(const os::Fd& file) {
    const std::string name = "/proc/self/fd/" + std::to_string(file.get());
    const std::lock_guard lock(mutex_);
    const int number = ::inotify_add_watch(inotify_.get(), name.c_str(), IN_OPEN | IN_ACCESS);
    if (number < 0) {
        return fail(errno_error("cannot watch an anonymous file", errno));
    }
    opened_[number] = false;
    return Mark(this, number);
}

OpenWatch::Mark::~Mark() {
    if (watch_ != nullptr) {
        const std::lock_guard lock(watch_->mutex_);
        ::inotify_rm_watch(watch_->inotify_.get(), number_);
        watch_->opened_.erase(number_);
    }
}

bool OpenWatch::Mark::opened() const {
    const std::lock_guard lock(watch_->mutex_);
    watch_->read_events();
    return watch_->opened_.at(number_);
}

void OpenWatch::read_events() {
    alignas(inotify_event) char buffer[4096];
    for (;;) {
        const ssize_t count = ::read(inotify_.get(), buffer, sizeof buffer);
        if (count <= 0) {
            return;
        }
        for (ssize_t at = 0; at < count;) {
            inotify_event event;
            std::memcpy(&event, buffer + at, sizeof event);
            at += static_cast<ssize_t>(sizeof event + event.len);
            for (auto& [number, opened] : opened_) {
                // When events were lost it may have been any of them.
                const bool lost = (event.mask & IN_Q_OVERFLOW) != 0;
                opened |= lost || (number == event.wd && (event.mask & (IN_OPEN | IN_ACCESS)) != 0);
            }
        }
    }
}

} // namespace hp::contract
