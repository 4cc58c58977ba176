// SPDX-License-Identifier: Apache-2.0
// Not implemented, and so answered by the kernel itself: locks (there is no other client), flush
// (it writes back before it asks), SEEK_DATA (it would not see what is not written back),
// extended attributes (no content of a state).
#include "tracked/view_operations.hpp"

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <fcntl.h>
#include <string_view>
#include <sys/statvfs.h>
#include <unistd.h>
#include <vector>

#include "tracked/view_files.hpp"

namespace hp::tracked {
namespace {

// For the time of a run nobody else changes these files.
constexpr double cache_s = 86'400;

ViewFiles& files(fuse_req_t request) {
    return *static_cast<ViewFiles*>(fuse_req_userdata(request));
}

// The numbers are the nodes' addresses: the kernel only has those that it was given.
ViewNode& node_at(fuse_req_t request, fuse_ino_t number) {
    return number == FUSE_ROOT_ID ? files(request).root()
                                  : *reinterpret_cast<ViewNode*>(number); // NOLINT
}

fuse_ino_t number_of(const ViewNode& node) {
    return reinterpret_cast<fuse_ino_t>(&node); // NOLINT
}

ViewFiles::Caller caller(fuse_req_t request) {
    const fuse_ctx* context = fuse_req_ctx(request);
    return {context->uid, context->gid};
}

bool is_to_write(const fuse_file_info& info) {
    return (info.flags & O_ACCMODE) != O_RDONLY;
}

void initialise(void* /*files*/, fuse_conn_info* connection) {
    const unsigned wanted = FUSE_CAP_WRITEBACK_CACHE | FUSE_CAP_PARALLEL_DIROPS |
                            FUSE_CAP_ASYNC_READ | FUSE_CAP_ASYNC_DIO;
    connection->want = connection->capable & wanted;
    connection->max_background = 64;
    connection->time_gran = 1;
}

void fill_entry(const ViewNode* node, fuse_entry_param& out) {
    out.ino = node != nullptr ? number_of(*node) : 0;
    out.attr_timeout = cache_s;
    out.entry_timeout = cache_s;
}

// Of an entry that is there; without one, or when nobody waits for the answer, nothing is kept.
int find_entry(fuse_req_t request, fuse_ino_t parent, const char* name, fuse_entry_param& out) {
    ViewNode* node = nullptr;
    const int failed = files(request).look_up(node_at(request, parent), name, node, out.attr);
    fill_entry(node, out);
    return failed;
}

void reply_entry(fuse_req_t request, fuse_ino_t parent, const char* name, int failed) {
    fuse_entry_param entry{};
    if (failed == 0) {
        failed = find_entry(request, parent, name, entry);
    }
    if (failed != 0) {
        fuse_reply_err(request, failed);
        return;
    }
    ViewFiles& all = files(request);
    ViewNode& node = node_at(request, entry.ino);
    if (fuse_reply_entry(request, &entry) != 0) {
        all.forget(node, 1);
    }
}

void on_lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
    reply_entry(request, parent, name, 0);
}

void on_forget(fuse_req_t request, fuse_ino_t number, std::uint64_t lookups) {
    files(request).forget(node_at(request, number), lookups);
    fuse_reply_none(request);
}

void on_forget_multi(fuse_req_t request, std::size_t count, fuse_forget_data* forgets) {
    for (std::size_t i = 0; i < count; ++i) {
        files(request).forget(node_at(request, forgets[i].ino), forgets[i].nlookup);
    }
    fuse_reply_none(request);
}

void reply_stat(fuse_req_t request, const ViewNode& node) {
    struct stat st {};
    const int failed = files(request).get_stat(node, st);
    if (failed != 0) {
        fuse_reply_err(request, failed);
    } else {
        fuse_reply_attr(request, &st, cache_s);
    }
}

void on_getattr(fuse_req_t request, fuse_ino_t number, fuse_file_info* /*info*/) {
    reply_stat(request, node_at(request, number));
}

int set_owner(const ViewNode& node, const struct stat& wanted, int which) {
    const uid_t uid = (which & FUSE_SET_ATTR_UID) != 0 ? wanted.st_uid : static_cast<uid_t>(-1);
    const gid_t gid = (which & FUSE_SET_ATTR_GID) != 0 ? wanted.st_gid : static_cast<gid_t>(-1);
    return ::fchownat(node.place.get(), "", uid, gid, AT_EMPTY_PATH) == 0 ? 0 : errno;
}

int set_times(const ViewNode& node, const struct stat& wanted, int which) {
    const auto time = [which](int set, int now, const timespec& value) {
        return (which & now) != 0   ? timespec{0, UTIME_NOW}
               : (which & set) != 0 ? value
                                    : timespec{0, UTIME_OMIT};
    };
    const std::array times = {time(FUSE_SET_ATTR_ATIME, FUSE_SET_ATTR_ATIME_NOW, wanted.st_atim),
                              time(FUSE_SET_ATTR_MTIME, FUSE_SET_ATTR_MTIME_NOW, wanted.st_mtim)};
    return ::utimensat(node.place.get(), "", times.data(), AT_EMPTY_PATH) == 0 ? 0 : errno;
}

void on_setattr(fuse_req_t request, fuse_ino_t number, struct stat* wanted, int which,
                fuse_file_info* /*info*/) {
    ViewNode& node = node_at(request, number);
    int failed = 0;
    if ((which & FUSE_SET_ATTR_MODE) != 0) {
        failed = files(request).set_mode(node, wanted->st_mode);
    }
    if (failed == 0 && (which & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID)) != 0) {
        failed = set_owner(node, *wanted, which);
    }
    if (failed == 0 && (which & FUSE_SET_ATTR_SIZE) != 0) {
        failed = files(request).set_size(node, static_cast<std::uint64_t>(wanted->st_size));
    }
    constexpr int times = FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_ATIME_NOW |
                          FUSE_SET_ATTR_MTIME_NOW;
    if (failed == 0 && (which & times) != 0) {
        failed = set_times(node, *wanted, which);
    }
    if (failed != 0) {
        fuse_reply_err(request, failed);
    } else {
        reply_stat(request, node);
    }
}

void on_readlink(fuse_req_t request, fuse_ino_t number) {
    std::array<char, PATH_MAX + 1> target{};
    const ssize_t length =
        ::readlinkat(node_at(request, number).place.get(), "", target.data(), target.size() - 1);
    if (length < 0) {
        fuse_reply_err(request, errno);
    } else {
        fuse_reply_readlink(request, target.data());
    }
}

void on_mknod(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode, dev_t device) {
    reply_entry(
        request, parent, name,
        files(request).make_node(node_at(request, parent), name, mode, device, caller(request)));
}

void on_mkdir(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode) {
    reply_entry(
        request, parent, name,
        files(request).make_directory(node_at(request, parent), name, mode, caller(request)));
}

void on_symlink(fuse_req_t request, const char* target, fuse_ino_t parent, const char* name) {
    reply_entry(
        request, parent, name,
        files(request).make_symlink(node_at(request, parent), name, target, caller(request)));
}

void on_link(fuse_req_t request, fuse_ino_t number, fuse_ino_t parent, const char* name) {
    reply_entry(request, parent, name,
                files(request).link(node_at(request, number), node_at(request, parent), name));
}

void reply_done(fuse_req_t request, int result) {
    fuse_reply_err(request, result == 0 ? 0 : errno);
}

void on_unlink(fuse_req_t request, fuse_ino_t parent, const char* name) {
    reply_done(request, ::unlinkat(node_at(request, parent).place.get(), name, 0));
}

void on_rmdir(fuse_req_t request, fuse_ino_t parent, const char* name) {
    reply_done(request, ::unlinkat(node_at(request, parent).place.get(), name, AT_REMOVEDIR));
}

void on_rename(fuse_req_t request, fuse_ino_t parent, const char* name, fuse_ino_t to,
               const char* new_name, unsigned flags) {
    reply_done(request, ::renameat2(node_at(request, parent).place.get(), name,
                                    node_at(request, to).place.get(), new_name, flags));
}

// --- files -----------------------------------------------------------------------------------

void on_open(fuse_req_t request, fuse_ino_t number, fuse_file_info* info) {
    ViewFiles& all = files(request);
    ViewNode& node = node_at(request, number);
    if (const int failed = all.open(node, is_to_write(*info)); failed != 0) {
        fuse_reply_err(request, failed);
        return;
    }
    info->keep_cache = 1;
    if (fuse_reply_open(request, info) != 0) {
        all.release(node);
    }
}

void on_create(fuse_req_t request, fuse_ino_t parent, const char* name, mode_t mode,
               fuse_file_info* info) {
    ViewFiles& all = files(request);
    ViewNode& directory = node_at(request, parent);
    const bool exclusive = (info->flags & O_EXCL) != 0;
    fuse_entry_param entry{};
    int failed = 0;
    if (std::string_view(name) == unnamed) {
        ViewNode* made = nullptr;
        failed = all.make_unnamed(directory, mode, exclusive, caller(request), made, entry.attr);
        fill_entry(made, entry);
    } else {
        failed = all.make_file(directory, name, mode, exclusive, caller(request));
        failed = failed == 0 ? find_entry(request, parent, name, entry) : failed;
    }
    if (failed != 0) {
        fuse_reply_err(request, failed);
        return;
    }
    ViewNode& node = node_at(request, entry.ino);
    failed = all.open(node, is_to_write(*info));
    if (failed != 0) {
        all.forget(node, 1);
        fuse_reply_err(request, failed);
        return;
    }
    info->keep_cache = 1;
    if (fuse_reply_create(request, &entry, info) != 0) {
        all.release(node);
        all.forget(node, 1);
    }
}

void on_release(fuse_req_t request, fuse_ino_t number, fuse_file_info* /*info*/) {
    files(request).release(node_at(request, number));
    fuse_reply_err(request, 0);
}

void on_read(fuse_req_t request, fuse_ino_t number, std::size_t size, off_t offset,
             fuse_file_info* /*info*/) {
    const std::span<std::uint8_t> buffer = files(request).buffer(size);
    const ssize_t got =
        files(request).read(node_at(request, number), buffer, static_cast<std::uint64_t>(offset));
    if (got < 0) {
        fuse_reply_err(request, static_cast<int>(-got));
    } else {
        fuse_reply_buf(request, reinterpret_cast<const char*>(buffer.data()),
                       static_cast<std::size_t>(got));
    }
}

void on_write(fuse_req_t request, fuse_ino_t number, const char* data, std::size_t size,
              off_t offset, fuse_file_info* /*info*/) {
    const ByteView bytes(reinterpret_cast<const std::uint8_t*>(data), size);
    const int failed =
        files(request).write(node_at(request, number), bytes, static_cast<std::uint64_t>(offset));
    if (failed != 0) {
        fuse_reply_err(request, failed);
    } else {
        fuse_reply_write(request, size);
    }
}

void on_fallocate(fuse_req_t request, fuse_ino_t number, int mode, off_t offset, off_t length,
                  fuse_file_info* /*info*/) {
    fuse_reply_err(request, files(request).allocate(node_at(request, number), mode,
                                                    static_cast<std::uint64_t>(offset),
                                                    static_cast<std::uint64_t>(length)));
}

int sync_data(int fd, bool data_only) {
    return data_only ? ::fdatasync(fd) : ::fsync(fd);
}

void on_fsync(fuse_req_t request, fuse_ino_t number, int data_only, fuse_file_info* /*info*/) {
    reply_done(request, sync_data(node_at(request, number).data.get(), data_only != 0));
}

// --- directories -----------------------------------------------------------------------------

// An open directory, and where its reader is.
struct Listing {
    std::unique_ptr<DIR, int (*)(DIR*)> stream;
    off_t at = 0;
    const dirent* next = nullptr; // did not fit into the last answer
};

Listing& listing_of(const fuse_file_info& info) {
    return *reinterpret_cast<Listing*>(info.fh); // NOLINT
}

void on_opendir(fuse_req_t request, fuse_ino_t number, fuse_file_info* info) {
    os::Fd directory(
        ::openat(node_at(request, number).place.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    DIR* stream = directory ? ::fdopendir(directory.get()) : nullptr;
    if (stream == nullptr) {
        fuse_reply_err(request, errno);
        return;
    }
    directory.release();
    auto listing = std::make_unique<Listing>(Listing{{stream, &::closedir}, 0, nullptr});
    info->fh = reinterpret_cast<std::uint64_t>(listing.get()); // NOLINT
    if (fuse_reply_open(request, info) == 0) {
        listing.release(); // on_releasedir() has it
    }
}

void on_readdir(fuse_req_t request, fuse_ino_t /*number*/, std::size_t size, off_t offset,
                fuse_file_info* info) {
    Listing& listing = listing_of(*info);
    DIR* stream = listing.stream.get();
    if (offset != listing.at) {
        ::seekdir(stream, offset);
        listing.next = nullptr;
        listing.at = offset;
    }
    std::vector<char> out(size);
    std::size_t filled = 0;
    for (;;) {
        errno = 0;
        const dirent* entry = listing.next != nullptr ? listing.next : ::readdir(stream);
        listing.next = nullptr;
        if (entry == nullptr) {
            break;
        }
        struct stat st {};
        st.st_ino = entry->d_ino;
        st.st_mode = static_cast<mode_t>(DTTOIF(entry->d_type));
        const std::size_t needed = fuse_add_direntry(request, out.data() + filled, size - filled,
                                                     entry->d_name, &st, entry->d_off);
        if (needed > size - filled) {
            listing.next = entry; // stays as it is until the stream is read on
            break;
        }
        filled += needed;
        listing.at = entry->d_off;
    }
    if (errno != 0 && filled == 0 && listing.next == nullptr) {
        fuse_reply_err(request, errno);
    } else {
        fuse_reply_buf(request, out.data(), filled);
    }
}

void on_releasedir(fuse_req_t request, fuse_ino_t /*number*/, fuse_file_info* info) {
    const std::unique_ptr<Listing> listing(&listing_of(*info));
    fuse_reply_err(request, 0);
}

void on_fsyncdir(fuse_req_t request, fuse_ino_t /*number*/, int data_only, fuse_file_info* info) {
    reply_done(request, sync_data(::dirfd(listing_of(*info).stream.get()), data_only != 0));
}

void on_statfs(fuse_req_t request, fuse_ino_t number) {
    struct statvfs info {};
    if (::fstatvfs(node_at(request, number).place.get(), &info) != 0) {
        fuse_reply_err(request, errno);
    } else {
        fuse_reply_statfs(request, &info);
    }
}

fuse_lowlevel_ops make_operations() {
    fuse_lowlevel_ops out{};
    out.init = &initialise;
    out.lookup = &on_lookup;
    out.forget = &on_forget;
    out.forget_multi = &on_forget_multi;
    out.getattr = &on_getattr;
    out.setattr = &on_setattr;
    out.readlink = &on_readlink;
    out.mknod = &on_mknod;
    out.mkdir = &on_mkdir;
    out.symlink = &on_symlink;
    out.link = &on_link;
    out.unlink = &on_unlink;
    out.rmdir = &on_rmdir;
    out.rename = &on_rename;
    out.open = &on_open;
    out.create = &on_create;
    out.release = &on_release;
    out.read = &on_read;
    out.write = &on_write;
    out.fallocate = &on_fallocate;
    out.fsync = &on_fsync;
    out.opendir = &on_opendir;
    out.readdir = &on_readdir;
    out.releasedir = &on_releasedir;
    out.fsyncdir = &on_fsyncdir;
    out.statfs = &on_statfs;
    return out;
}

} // namespace

const fuse_lowlevel_ops& view_operations() {
    static const fuse_lowlevel_ops operations = make_operations();
    return operations;
}

} // namespace hp::tracked
