// SPDX-License-Identifier: Apache-2.0
#include "state/live_mark.hpp"

#include <fcntl.h>

#include "hp/base/codec.hpp"
#include "hp/base/limits.hpp"
#include "hp/crypto/blake3.hpp"
#include "state/file_ops.hpp"
#include "state/tree.hpp"

namespace hp::state {
namespace {

class Looker {
public:
    Looker(std::size_t entries_max, bool reads) : entries_max_(entries_max), reads_(reads) {}

    // False when nothing can be told.
    Result<bool> entry(int dir, const std::string& name, std::size_t depth);
    Result<bool> directory(int fd, std::size_t depth);
    Hash32 mark() const { return hasher_.finish(); }

private:
    Result<bool> file(int dir, const std::string& name, const struct stat& st);

    std::size_t entries_max_;
    bool reads_; // files too: the file system hides some writes from stat
    crypto::Blake3 hasher_;
    std::size_t entries_ = 0;
    std::size_t bytes_read_ = 0;
};

Result<bool> Looker::entry(int dir, const std::string& name, std::size_t depth) {
    const std::int64_t looked_ns = timestamp_now_ns();
    HP_TRY(const auto st, stat_at(dir, name));
    if (!st || ++entries_ > entries_max_) {
        return false; // gone just now, or too much
    }
    const Fingerprint seen = fingerprint(*st);
    if (is_racy(seen, looked_ns)) {
        return false;
    }
    Writer out;
    out.bytes(as_bytes(name));
    for (const std::uint64_t value :
         {std::uint64_t{st->st_mode}, std::uint64_t{st->st_uid}, std::uint64_t{st->st_gid},
          std::uint64_t{st->st_nlink}, seen.size, static_cast<std::uint64_t>(seen.mtime_ns),
          static_cast<std::uint64_t>(seen.ctime_ns), seen.inode, seen.device}) {
        out.u64(value);
    }
    hasher_.update(out.view());
    if (S_ISDIR(st->st_mode)) {
        HP_TRY(const os::Fd child, open_directory(dir, name));
        return directory(child.get(), depth + 1);
    }
    return S_ISREG(st->st_mode) && reads_ ? file(dir, name, *st) : Result<bool>(true);
}

Result<bool> Looker::directory(int fd, std::size_t depth) {
    if (depth > limits::state_depth_max) {
        return false;
    }
    reads_ = reads_ || hides_mapped_writes(fd);
    HP_TRY(const std::vector<std::string> names, list_names(fd, entries_max_));
    for (const std::string& name : names) {
        HP_TRY(const bool known, entry(fd, name, depth));
        if (!known) {
            return false;
        }
    }
    hasher_.update(as_bytes("/")); // the end of this directory: no name has it
    return true;
}

Result<bool> Looker::file(int dir, const std::string& name, const struct stat& st) {
    const auto size = static_cast<std::size_t>(st.st_size);
    bytes_read_ += size;
    if (bytes_read_ > limits::warm_bytes_read_max) {
        return false;
    }
    HP_TRY(const os::Fd fd, open_at(dir, name, O_RDONLY));
    Bytes content(size);
    HP_TRY(const std::size_t got, read_at(fd.get(), content, 0));
    hasher_.update(content);
    return got == size;
}

std::optional<Hash32> mark(const std::filesystem::path& seed, std::size_t entries_max,
                           bool agreed) {
    const auto directory = open_directory(AT_FDCWD, seed.string());
    if (!directory) {
        return std::nullopt;
    }
    // Of both kinds together.
    const auto names = list_names(directory->get(), limits::warm_private_entries_max + 2);
    if (!names) {
        return std::nullopt;
    }
    Looker looker(entries_max, hides_mapped_writes(directory->get()));
    for (const std::string& name : *names) {
        if ((name == state_name || name == patch_name) != agreed) {
            continue;
        }
        const auto known = looker.entry(directory->get(), name, 0);
        if (!known || !*known) {
            return std::nullopt;
        }
    }
    return looker.mark();
}

} // namespace

std::optional<Hash32> mark_state(const std::filesystem::path& seed, std::size_t entries_max) {
    return mark(seed, entries_max, true);
}

std::optional<Hash32> mark_private_files(const std::filesystem::path& seed) {
    return mark(seed, limits::warm_private_entries_max, false);
}

} // namespace hp::state
