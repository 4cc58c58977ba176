// SPDX-License-Identifier: Apache-2.0
// Tells whether somebody has opened an anonymous file by its name below /proc. One inotify instance
// for many files, because closing an instance takes the kernel some ten milliseconds. Thread safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "hp/os/fd.hpp"

namespace hp::contract {

class OpenWatch {
public:
    static Result<std::unique_ptr<OpenWatch>> make();

    class Mark { // one file is watched as long as this exists; must not outlive the OpenWatch
    public:
        Mark(OpenWatch* watch, int number) : watch_(watch), number_(number) {}
        Mark(Mark&& other) noexcept
            : watch_(std::exchange(other.watch_, nullptr)), number_(other.number_) {}
        Mark& operator=(Mark&& other) noexcept {
            std::swap(watch_, other.watch_);
            std::swap(number_, other.number_);
            return *this;
        }
        ~Mark();
        bool opened() const; // since the mark was made

    private:
        OpenWatch* watch_;
        int number_;
    };
    Result<Mark> watch(const os::Fd& file);

private:
    explicit OpenWatch(os::Fd inotify) : inotify_(std::move(inotify)) {}
    void read_events();

    std::mutex mutex_;
    os::Fd inotify_;
    std::map<int, bool> opened_; // by the kernel's number of the watch
};

} // namespace hp::contract
