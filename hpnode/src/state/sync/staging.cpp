// SPDX-License-Identifier: Apache-2.0
#include "state/sync/staging.hpp"

#include <algorithm>

#include <fcntl.h>

#include "state/sync/beneath.hpp"
#include "state/walk.hpp"

namespace hp::state::sync {
namespace {

// The whole state is synced before it is taken over. The disk has most of a large one by then, and
// what validators sync meanwhile does not wait behind all of it.
constexpr std::size_t begin_sync_bytes = std::size_t{8} << 20;

Status need_directory(const FileOps& ops, int dir, const std::string& name) {
    HP_TRY(const auto st, stat_at(dir, name));
    if (st && S_ISDIR(st->st_mode)) {
        if ((st->st_mode & permission_bits) != directory_mode) {
            HP_TRY_STATUS(ops.set_mode(dir, name, directory_mode));
        }
        return {};
    }
    HP_TRY_STATUS(ops.remove_tree(dir, name));
    return ops.make_directory(dir, name);
}

bool is_listed(const std::vector<ListedChild>& children, const std::string& name) {
    return std::binary_search(
        children.begin(), children.end(), ListedChild{name, {}, false, {}},
        [](const ListedChild& a, const ListedChild& b) { return a.name < b.name; });
}

} // namespace

Result<Staging> Staging::open(const FileOps& ops, int root_dir) {
    HP_TRY(os::Fd root, open_directory(root_dir, "."));
    HP_TRY_STATUS(need_directory(ops, root.get(), staging_name));
    HP_TRY(os::Fd top, open_directory(root.get(), staging_name));
    HP_TRY_STATUS(need_directory(ops, top.get(), state_name));
    return Staging(ops, std::move(root), std::move(top));
}

Result<Trees> Staging::scan(const Trees& before) const {
    Walker walker(ops_, WalkRules{WalkRules::Special::remove, true});
    Trees out;
    HP_TRY(const os::Fd state, open_directory(ops_, top_.get(), state_name));
    HP_TRY(out.state, walker.tree(state.get(), before.state));
    HP_TRY(const auto st, stat_at(top_.get(), patch_name));
    if (st && S_ISREG(st->st_mode) &&
        static_cast<std::uint64_t>(st->st_size) <= limits::patch_bytes_max) {
        HP_TRY(out.patch, walker.file(top_.get(), patch_name, *st, before.patch));
    }
    return out;
}

Result<int> Staging::parent_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    const std::string parent = slash == std::string::npos ? std::string() : path.substr(0, slash);
    if (!parent_ || parent_path_ != parent) {
        HP_TRY(parent_, open_directory_beneath(top_.get(), parent));
        parent_path_ = parent;
    }
    return parent_.get();
}

Status Staging::remove(const std::string& path) {
    HP_TRY(const int dir, parent_of(path));
    file_.reset();
    return ops_.remove_tree(dir, last_component(path));
}

Status Staging::make_directory(const std::string& path, const std::vector<ListedChild>& children) {
    HP_TRY(const int parent, parent_of(path));
    const std::string name = last_component(path);
    HP_TRY_STATUS(need_directory(ops_, parent, name));
    HP_TRY(const os::Fd dir, open_directory(parent, name));
    HP_TRY(const std::vector<std::string> present, list_names(dir.get(), SIZE_MAX));
    for (const std::string& other : present) {
        if (!is_listed(children, other)) {
            HP_TRY_STATUS(ops_.remove_tree(dir.get(), other));
        }
    }
    return {};
}

Status Staging::make_symlink(const std::string& path, const std::string& target) {
    HP_TRY(const int dir, parent_of(path));
    HP_TRY_STATUS(ops_.remove_tree(dir, last_component(path)));
    return ops_.make_symlink(dir, last_component(path), target);
}

Status Staging::prepare_file(const std::string& path, bool executable, std::uint64_t size,
                             bool keep) {
    HP_TRY(const int dir, parent_of(path));
    const std::string name = last_component(path);
    file_.reset();
    HP_TRY(const auto st, stat_at(dir, name));
    if (keep && st && S_ISREG(st->st_mode) && st->st_nlink == 1) {
        if ((st->st_mode & permission_bits) != file_mode(executable)) {
            HP_TRY_STATUS(ops_.set_mode(dir, name, file_mode(executable)));
        }
        HP_TRY(file_, ops_.open_to_change(dir, name));
    } else {
        HP_TRY_STATUS(ops_.remove_tree(dir, name));
        HP_TRY(file_, ops_.create_file(dir, name, executable));
    }
    file_path_ = path;
    return ops_.truncate(file_.get(), size);
}

Result<int> Staging::file_at(const std::string& path) {
    if (!file_ || file_path_ != path) {
        HP_TRY(const int dir, parent_of(path));
        HP_TRY(file_, ops_.open_to_change(dir, last_component(path)));
        file_path_ = path;
    }
    return file_.get();
}

Status Staging::write_chunks(const std::string& path, std::uint32_t first, ByteView content) {
    HP_TRY(const int file, file_at(path));
    HP_TRY_STATUS(ops_.write_at(file, content, std::uint64_t{first} * chunk_bytes));
    unsynced_bytes_ += content.size();
    if (unsynced_bytes_ >= begin_sync_bytes) {
        ops_.begin_sync(file);
        unsynced_bytes_ = 0;
    }
    return {};
}

Status Staging::zero_chunk(const std::string& path, std::uint32_t index) {
    HP_TRY(const int file, file_at(path));
    return ops_.zero_range(file, std::uint64_t{index} * chunk_bytes, chunk_bytes);
}

// --- from base/ ------------------------------------------------------------------------------

Result<bool> Staging::copy_chunk(const std::string& path, std::uint32_t index, std::size_t length,
                                 const Hash32& hash) {
    HP_TRY(const os::Fd base, open_directory(root_.get(), "base"));
    const std::size_t slash = path.rfind('/');
    const auto dir = open_directory_beneath(
        base.get(), slash == std::string::npos ? std::string() : path.substr(0, slash));
    const auto file = dir ? open_at(dir->get(), last_component(path), O_RDONLY | O_NONBLOCK)
                          : Result<os::Fd>(fail(dir.err()));
    if (!file) {
        return false;
    }
    const auto bytes = buffer_.data().first(length);
    const auto got = read_at(file->get(), bytes, std::uint64_t{index} * chunk_bytes);
    if (!got || *got != length || buffer_.hash(length) != hash) {
        return false;
    }
    HP_TRY_STATUS(write_chunks(path, index, bytes));
    return true;
}

Result<bool> Staging::copy_tree(const std::string& path, const Entry& entry) {
    if (entry.type == EntryType::file) {
        return copy_file(path, entry);
    }
    if (entry.type == EntryType::symlink) {
        HP_TRY_STATUS(make_symlink(path, entry.target));
        return true;
    }
    std::vector<ListedChild> children;
    for (const Child& child : entry.children) {
        children.push_back({child.name, child.entry->type, child.entry->executable, {}});
    }
    HP_TRY_STATUS(make_directory(path, children));
    for (const Child& child : entry.children) {
        HP_TRY(const bool copied, copy_tree(path + '/' + child.name, *child.entry));
        if (!copied) {
            return false;
        }
    }
    return true;
}

Result<bool> Staging::copy_file(const std::string& path, const Entry& entry) {
    HP_TRY(const os::Fd base, open_directory(root_.get(), "base"));
    const std::size_t slash = path.rfind('/');
    const auto dir = open_directory_beneath(
        base.get(), slash == std::string::npos ? std::string() : path.substr(0, slash));
    const auto from = dir ? open_at(dir->get(), last_component(path), O_RDONLY | O_NONBLOCK)
                          : Result<os::Fd>(fail(dir.err()));
    if (!from) {
        return false;
    }
    HP_TRY(const struct stat source, stat_fd(from->get()));
    if (!S_ISREG(source.st_mode) || static_cast<std::uint64_t>(source.st_size) != entry.size) {
        return false;
    }
    HP_TRY_STATUS(prepare_file(path, entry.executable, 0, false));
    HP_TRY_STATUS(ops_.copy_data(from->get(), file_.get(), entry.size));
    HP_TRY(const struct stat st, stat_fd(file_.get()));
    reader_.open(file_.get(), entry.size, static_cast<std::uint64_t>(st.st_blocks) * 512);
    HP_TRY(const std::vector<Hash32> chunks, reader_.hash_all());
    return chunks == entry.chunks;
}

} // namespace hp::state::sync
