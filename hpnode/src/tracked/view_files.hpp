// SPDX-License-Identifier: Apache-2.0
// What a run's view does with its files: the same calls on the directory below it, by descriptors
// and never following a symlink, and a record of the blocks that were written to large files.
// Functions return 0 or an errno for the kernel to pass on.
// One owner thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include <dirent.h>
#include <sys/stat.h>

#include "hp/os/fd.hpp"
#include "tracked/written.hpp"

namespace hp::tracked {

// A file, directory or anything else that the kernel knows by number. Exists as long as the kernel
// may ask for it; with a record, to the end.
struct ViewNode {
    os::Fd place; // O_PATH: finds it again whatever its names are by now
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t lookups = 0;
    std::uint64_t opens = 0; // by processes of the run
    os::Fd data;             // of a file that is open here, or was written to
    bool writable = false;   // data
    bool small = false;      // was when it was first changed: not worth a record
    std::optional<WrittenFile> written;
};

class ViewFiles {
public:
    // Files from `file_bytes_min` on are recorded. `lease_signal` (blocked) comes when somebody
    // outside opens a recorded file.
    ViewFiles(os::Fd root, std::uint64_t file_bytes_min, int lease_signal);

    ViewNode& root() { return *root_; }

    // The entry, counted as looked up once more. What is new belongs to `owner`.
    struct Caller {
        uid_t uid;
        gid_t gid;
    };
    int look_up(ViewNode& parent, const char* name, ViewNode*& node, struct stat& st);
    int make_node(ViewNode& parent, const char* name, mode_t mode, dev_t device, Caller caller);
    int make_directory(ViewNode& parent, const char* name, mode_t mode, Caller caller);
    int make_symlink(ViewNode& parent, const char* name, const char* target, Caller caller);
    int make_file(ViewNode& parent, const char* name, mode_t mode, bool exclusive, Caller caller);
    // O_TMPFILE. Counted as looked up once.
    int make_unnamed(ViewNode& parent, mode_t mode, bool exclusive, Caller caller, ViewNode*& node,
                     struct stat& st);
    int link(ViewNode& node, ViewNode& parent, const char* name);
    void forget(ViewNode& node, std::uint64_t lookups);

    int get_stat(const ViewNode& node, struct stat& st);
    int set_mode(const ViewNode& node, mode_t mode);
    int set_size(ViewNode& node, std::uint64_t size);
    int open(ViewNode& node, bool to_write);
    void release(ViewNode& node);
    std::span<std::uint8_t> buffer(std::size_t size); // for the next read()
    ssize_t read(ViewNode& node, std::span<std::uint8_t> out, std::uint64_t offset); // or -errno
    int write(ViewNode& node, ByteView bytes, std::uint64_t offset);
    int allocate(ViewNode& node, int mode, std::uint64_t offset, std::uint64_t length);

    // Somebody outside waits to open this file: it is no longer known what is written to it.
    void give_up_lease(int data);
    // Nothing is open any more by processes of the run.
    bool is_idle() const { return opens_ == 0; }
    // Not 0: the run got an error that another machine would not have given it, or data is lost.
    int failure() const { return failure_; }
    // Empty when it is not known. Closes everything; call it once nobody can write any more.
    std::optional<Written> finish();

private:
    int error(int number);
    int know(os::Fd place, ViewNode*& node, struct stat& st);
    int give(const ViewNode& parent, const char* name, Caller caller);
    int make_writable(ViewNode& node);
    void start_record(ViewNode& node);

    std::uint64_t file_bytes_min_;
    int lease_signal_;
    std::unique_ptr<ViewNode> root_;
    std::map<std::pair<std::uint64_t, std::uint64_t>, std::unique_ptr<ViewNode>> nodes_;
    std::map<int, ViewNode*> recorded_; // by data
    std::vector<std::uint8_t> buffer_;
    std::uint64_t opens_ = 0;
    int failure_ = 0;
    bool overflow_ = false; // more files than are recorded
};

} // namespace hp::tracked
