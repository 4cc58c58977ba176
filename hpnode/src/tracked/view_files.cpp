// SPDX-License-Identifier: Apache-2.0
#include "tracked/view_files.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <string>
#include <sys/syscall.h>
#include <unistd.h>

namespace hp::tracked {
namespace {

// How the kernel is told to open what a descriptor without access stands for.
std::string by_descriptor(const os::Fd& fd) {
    return "/proc/self/fd/" + std::to_string(fd.get());
}

// Shortages of this machine. A contract must not live to see them: others would not.
bool is_shortage(int number) {
    constexpr std::array shortages = {EMFILE, ENFILE, ENOMEM, ENOSPC, EDQUOT, EIO};
    return std::find(shortages.begin(), shortages.end(), number) != shortages.end();
}

} // namespace

ViewFiles::ViewFiles(os::Fd root, std::uint64_t file_bytes_min, int lease_signal)
    : file_bytes_min_(file_bytes_min), lease_signal_(lease_signal),
      root_(std::make_unique<ViewNode>()) {
    root_->place = std::move(root);
    root_->lookups = 1;
}

int ViewFiles::error(int number) {
    if (failure_ == 0 && is_shortage(number)) {
        failure_ = number;
    }
    return number;
}

// --- names -----------------------------------------------------------------------------------

int ViewFiles::look_up(ViewNode& parent, const char* name, ViewNode*& node, struct stat& st) {
    return know(os::Fd(::openat(parent.place.get(), name, O_PATH | O_NOFOLLOW | O_CLOEXEC)), node,
                st);
}

int ViewFiles::know(os::Fd place, ViewNode*& node, struct stat& st) {
    if (!place || ::fstatat(place.get(), "", &st, AT_EMPTY_PATH) != 0) {
        return error(errno);
    }
    std::unique_ptr<ViewNode>& known = nodes_[{st.st_dev, st.st_ino}];
    if (!known) {
        known = std::make_unique<ViewNode>();
        known->place = std::move(place);
        known->device = st.st_dev;
        known->inode = st.st_ino;
    }
    ++known->lookups;
    node = known.get();
    return 0;
}

// A contract under another user owns what it makes, as it would without this process in between.
int ViewFiles::give(const ViewNode& parent, const char* name, Caller caller) {
    if (caller.uid == ::geteuid() && caller.gid == ::getegid()) {
        return 0;
    }
    return ::fchownat(parent.place.get(), name, caller.uid, caller.gid, AT_SYMLINK_NOFOLLOW) == 0
               ? 0
               : error(errno);
}

int ViewFiles::make_node(ViewNode& parent, const char* name, mode_t mode, dev_t device,
                         Caller caller) {
    return ::mknodat(parent.place.get(), name, mode, device) == 0 ? give(parent, name, caller)
                                                                  : error(errno);
}

int ViewFiles::make_directory(ViewNode& parent, const char* name, mode_t mode, Caller caller) {
    return ::mkdirat(parent.place.get(), name, mode) == 0 ? give(parent, name, caller)
                                                          : error(errno);
}

int ViewFiles::make_symlink(ViewNode& parent, const char* name, const char* target, Caller caller) {
    return ::symlinkat(target, parent.place.get(), name) == 0 ? give(parent, name, caller)
                                                              : error(errno);
}

int ViewFiles::make_file(ViewNode& parent, const char* name, mode_t mode, bool exclusive,
                         Caller caller) {
    const int flags = O_CREAT | O_WRONLY | O_NOFOLLOW | O_CLOEXEC | (exclusive ? O_EXCL : 0);
    const os::Fd made(::openat(parent.place.get(), name, flags, mode));
    return made ? give(parent, name, caller) : error(errno);
}

int ViewFiles::make_unnamed(ViewNode& parent, mode_t mode, bool exclusive, Caller caller,
                            ViewNode*& node, struct stat& st) {
    const int flags = O_TMPFILE | O_WRONLY | O_CLOEXEC | (exclusive ? O_EXCL : 0);
    const os::Fd made(::openat(parent.place.get(), ".", flags, mode));
    const bool own = caller.uid == ::geteuid() && caller.gid == ::getegid();
    if (!made || (!own && ::fchown(made.get(), caller.uid, caller.gid) != 0)) {
        return error(errno);
    }
    return know(os::Fd(::open(by_descriptor(made).c_str(), O_PATH | O_CLOEXEC)), node, st);
}

int ViewFiles::link(ViewNode& node, ViewNode& parent, const char* name) {
    return ::linkat(AT_FDCWD, by_descriptor(node.place).c_str(), parent.place.get(), name,
                    AT_SYMLINK_FOLLOW) == 0
               ? 0
               : error(errno);
}

void ViewFiles::forget(ViewNode& node, std::uint64_t lookups) {
    node.lookups -= std::min(lookups, node.lookups);
    if (node.lookups == 0 && node.opens == 0 && !node.written && &node != root_.get()) {
        nodes_.erase({node.device, node.inode});
    }
}

// --- files -----------------------------------------------------------------------------------

int ViewFiles::get_stat(const ViewNode& node, struct stat& st) {
    return ::fstatat(node.place.get(), "", &st, AT_EMPTY_PATH) == 0 ? 0 : error(errno);
}

int ViewFiles::set_mode(const ViewNode& node, mode_t mode) {
    return ::chmod(by_descriptor(node.place).c_str(), mode) == 0 ? 0 : error(errno);
}

// One descriptor for all who have the file open. It can write as soon as one of them can.
int ViewFiles::open(ViewNode& node, bool to_write) {
    if (to_write) {
        if (const int failed = make_writable(node); failed != 0) {
            return failed;
        }
    } else if (!node.data) {
        node.data = os::Fd(::open(by_descriptor(node.place).c_str(), O_RDONLY | O_CLOEXEC));
        if (!node.data) {
            return error(errno);
        }
    }
    ++node.opens;
    ++opens_;
    return 0;
}

// The kernel also reads what is only open for writing, to fill up its pages.
int ViewFiles::make_writable(ViewNode& node) {
    if (node.data && node.writable) {
        return 0;
    }
    os::Fd data(::open(by_descriptor(node.place).c_str(), O_RDWR | O_CLOEXEC));
    if (!data) {
        return error(errno);
    }
    node.data = std::move(data);
    node.writable = true;
    start_record(node);
    return 0;
}

// Everything that changes a file's content comes by here first. The lease makes sure that nobody
// does so behind our back: others can open the file only after we have been told.
void ViewFiles::start_record(ViewNode& node) {
    struct stat st {};
    if (node.small || node.written || ::fstat(node.data.get(), &st) != 0) {
        return;
    }
    if (static_cast<std::uint64_t>(st.st_size) < file_bytes_min_) {
        node.small = true;
        return;
    }
    if (recorded_.size() >= limits::tracked_files_max) {
        overflow_ = true;
        return;
    }
    const bool alone = ::fcntl(node.data.get(), F_SETSIG, lease_signal_) == 0 &&
                       ::fcntl(node.data.get(), F_SETLEASE, F_WRLCK) == 0 &&
                       ::fstat(node.data.get(), &st) == 0;
    node.written = WrittenFile::start(mark_of(st));
    node.written->everything = !alone;
    recorded_[node.data.get()] = &node;
}

void ViewFiles::give_up_lease(int data) {
    if (const auto found = recorded_.find(data); found != recorded_.end()) {
        found->second->written->everything = true;
        ::fcntl(data, F_SETLEASE, F_UNLCK);
    }
}

void ViewFiles::release(ViewNode& node) {
    --node.opens;
    --opens_;
    if (node.opens == 0 && !node.written) {
        node.data.reset();
        node.writable = false;
    }
}

int ViewFiles::set_size(ViewNode& node, std::uint64_t size) {
    if (const int failed = make_writable(node); failed != 0) {
        return failed;
    }
    if (node.written) {
        node.written->add_from(size);
    }
    const int failed =
        ::ftruncate(node.data.get(), static_cast<off_t>(size)) == 0 ? 0 : error(errno);
    if (node.opens == 0 && !node.written) {
        node.data.reset();
        node.writable = false;
    }
    return failed;
}

std::span<std::uint8_t> ViewFiles::buffer(std::size_t size) {
    if (buffer_.size() < size) {
        buffer_.resize(size);
    }
    return std::span(buffer_).first(size);
}

ssize_t ViewFiles::read(ViewNode& node, std::span<std::uint8_t> out, std::uint64_t offset) {
    const ssize_t got =
        ::pread(node.data.get(), out.data(), out.size(), static_cast<off_t>(offset));
    return got >= 0 ? got : -error(errno);
}

// What fails here the contract has mostly written long ago: whatever it is, the run must not count.
int ViewFiles::write(ViewNode& node, ByteView bytes, std::uint64_t offset) {
    if (node.written) {
        node.written->add(offset, bytes.size());
    }
    const Status done = os::write_all_at(node.data.get(), bytes, offset);
    if (!done && failure_ == 0) {
        failure_ = done.err().code == Errc::no_space ? ENOSPC : EIO;
    }
    return done ? 0 : failure_;
}

int ViewFiles::allocate(ViewNode& node, int mode, std::uint64_t offset, std::uint64_t length) {
    if ((mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) != 0) {
        return EOPNOTSUPP;
    }
    if (node.written) {
        node.written->add(offset, length);
    }
    return ::fallocate(node.data.get(), mode, static_cast<off_t>(offset),
                       static_cast<off_t>(length)) == 0
               ? 0
               : error(errno);
}

std::optional<Written> ViewFiles::finish() {
    Written out;
    for (const auto& [key, node] : nodes_) {
        if (node->written) {
            // Still open somewhere: it may be written to after this.
            node->written->everything = node->written->everything || node->opens > 0;
            out.files.push_back(std::move(*node->written));
        }
    }
    recorded_.clear();
    nodes_.clear();
    return overflow_ ? std::nullopt : std::optional(std::move(out));
}

} // namespace hp::tracked
