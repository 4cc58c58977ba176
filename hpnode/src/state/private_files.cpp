// SPDX-License-Identifier: Apache-2.0
#include "state/private_files.hpp"

#include <fcntl.h>

#include "hp/base/codec.hpp"
#include "hp/base/limits.hpp"
#include "hp/crypto/blake3.hpp"
#include "state/file_ops.hpp"
#include "state/tree.hpp"

namespace hp::state {
namespace {

// Files up to this size are read, so that it does not matter when they were changed.
constexpr std::uint64_t read_bytes_max = 64 * limits::kib;

class Looker {
public:
    // False when nothing can be told.
    Result<bool> directory(int fd, bool top, std::size_t depth);
    Hash32 mark() const { return hasher_.finish(); }

private:
    Result<bool> entry(int dir, const std::string& name, std::size_t depth);
    Result<bool> file(int dir, const std::string& name, const struct stat& st);

    crypto::Blake3 hasher_;
    std::size_t entries_ = 0;
    std::size_t bytes_read_ = 0;
};

Result<bool> Looker::directory(int fd, bool top, std::size_t depth) {
    if (depth > limits::warm_private_depth_max) {
        return false;
    }
    HP_TRY(const std::vector<std::string> names,
           list_names(fd, limits::warm_private_entries_max + 2));
    for (const std::string& name : names) {
        if (top && (name == state_name || name == patch_name)) {
            continue;
        }
        if (++entries_ > limits::warm_private_entries_max) {
            return false;
        }
        HP_TRY(const bool known, entry(fd, name, depth));
        if (!known) {
            return false;
        }
    }
    hasher_.update(as_bytes("/")); // the end of this directory: no name has it
    return true;
}

Result<bool> Looker::entry(int dir, const std::string& name, std::size_t depth) {
    HP_TRY(const auto st, stat_at(dir, name));
    if (!st) {
        return false; // it is being changed right now
    }
    const Fingerprint seen = fingerprint(*st);
    Writer out;
    out.bytes(as_bytes(name));
    for (const std::uint64_t value :
         {std::uint64_t{st->st_mode}, std::uint64_t{st->st_uid}, std::uint64_t{st->st_gid},
          seen.size, static_cast<std::uint64_t>(seen.mtime_ns),
          static_cast<std::uint64_t>(seen.ctime_ns), seen.inode, seen.device}) {
        out.u64(value);
    }
    hasher_.update(out.view());
    if (S_ISDIR(st->st_mode)) {
        HP_TRY(const os::Fd child, open_directory(dir, name));
        return directory(child.get(), false, depth + 1);
    }
    return S_ISREG(st->st_mode) ? file(dir, name, *st) : Result<bool>(true);
}

Result<bool> Looker::file(int dir, const std::string& name, const struct stat& st) {
    const std::int64_t looked_ns = timestamp_now_ns();
    HP_TRY(const os::Fd fd, open_at(dir, name, O_RDONLY));
    const auto size = static_cast<std::uint64_t>(st.st_size);
    if (size > read_bytes_max || bytes_read_ + size > limits::warm_private_bytes_max) {
        return !is_racy(fingerprint(st), looked_ns) && !hides_mapped_writes(fd.get());
    }
    Bytes content(static_cast<std::size_t>(size));
    HP_TRY(const std::size_t got, read_at(fd.get(), content, 0));
    bytes_read_ += got;
    hasher_.update(ByteView(content).first(got));
    return got == content.size();
}

} // namespace

std::optional<Hash32> private_files_mark(const std::filesystem::path& seed) {
    const auto directory = open_directory(AT_FDCWD, seed.string());
    Looker looker;
    if (!directory) {
        return std::nullopt;
    }
    const auto known = looker.directory(directory->get(), true, 0);
    return known && *known ? std::optional(looker.mark()) : std::nullopt;
}

} // namespace hp::state
