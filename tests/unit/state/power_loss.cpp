// SPDX-License-Identifier: Apache-2.0
#include "power_loss.hpp"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace hp::state::test {
namespace {

constexpr std::size_t block_bytes = 4096;

// The one that is watching, if any: the C library's functions have no owner.
PowerLoss*& watching() {
    static PowerLoss* now = nullptr;
    return now;
}

struct stat stat_of(const fs::path& path) {
    struct stat st {};
    REQUIRE(lstat(path.c_str(), &st) == 0);
    return st;
}

fs::path by_descriptor(int fd) {
    return "/proc/self/fd/" + std::to_string(fd);
}

std::map<std::string, std::uint64_t> names_in(const fs::path& directory) {
    std::map<std::string, std::uint64_t> out;
    for (const auto& entry : fs::directory_iterator(directory)) {
        out[entry.path().filename()] = stat_of(entry.path()).st_ino;
    }
    return out;
}

std::optional<std::uint64_t> inode_of(const std::map<std::string, std::uint64_t>& names,
                                      const std::string& name) {
    const auto found = names.find(name);
    return found == names.end() ? std::nullopt : std::optional(found->second);
}

std::string block_of(const std::string& content, std::size_t at) {
    std::string out = at < content.size() ? content.substr(at, block_bytes) : std::string();
    out.resize(block_bytes);
    return out;
}

} // namespace

PowerLoss::PowerLoss(fs::path root, Disk disk) : root_(std::move(root)), disk_(disk) {
    remember(root_, true);
    watching() = disk_ == Disk::honest ? this : nullptr;
}

PowerLoss::~PowerLoss() {
    watching() = nullptr;
}

void PowerLoss::on_sync(int fd) {
    if (watching() != nullptr) {
        watching()->remember(fs::read_symlink(by_descriptor(fd)), false);
    }
}

void PowerLoss::on_sync_filesystem() {
    if (watching() != nullptr) {
        watching()->remember(watching()->root_, true);
    }
}

void PowerLoss::remember(const fs::path& path, bool deep) {
    const struct stat st = stat_of(path);
    Object& object = durable_[st.st_ino];
    object.mode = st.st_mode;
    if (!object.kept) {
        object.kept = os::Fd(open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    }
    if (S_ISREG(st.st_mode)) {
        object.content = get_file(path);
    } else if (S_ISLNK(st.st_mode)) {
        object.content = fs::read_symlink(path);
    } else {
        object.names = names_in(path);
        for (const auto& [name, inode] : names_in(path)) {
            // A link comes with its target.
            if (deep || fs::is_symlink(fs::symlink_status(path / name))) {
                remember(path / name, deep);
            }
        }
    }
}

void PowerLoss::find_all(const fs::path& directory) {
    for (const auto& [name, inode] : names_in(directory)) {
        found_[inode] = directory / name;
        if (fs::is_directory(fs::symlink_status(directory / name))) {
            find_all(directory / name);
        }
    }
}

bool PowerLoss::has_reached_disk(std::uint64_t inode) {
    const auto [place, made] = decided_.emplace(inode, false);
    if (made) {
        place->second = coin();
    }
    return place->second;
}

// Also of what has no name any more.
fs::path PowerLoss::present(std::uint64_t inode) const {
    const auto found = found_.find(inode);
    return found != found_.end() ? found->second : by_descriptor(durable_.at(inode).kept.get());
}

// A rename is all or nothing, wherever from and whatever it replaces.
std::optional<std::uint64_t> PowerLoss::choose(std::optional<std::uint64_t> old,
                                               std::optional<std::uint64_t> now) {
    if (old == now || (now && has_reached_disk(*now))) {
        return now;
    }
    const bool replaced = now && old && !found_.contains(*old);
    return old && (replaced || !has_reached_disk(*old)) ? old : std::nullopt;
}

std::string PowerLoss::tear(const std::string& old, const std::string& now) {
    std::string out;
    const std::size_t size = coin() ? old.size() : now.size();
    for (std::size_t at = 0; at < size; at += block_bytes) {
        out += block_of(coin() ? old : now, at);
    }
    out.resize(size);
    return out;
}

void PowerLoss::rebuild_directory(std::uint64_t inode, const fs::path& into) {
    fs::create_directory(into);
    const auto known = durable_.find(inode);
    const auto old =
        known == durable_.end() ? std::map<std::string, std::uint64_t>() : known->second.names;
    const auto now = names_in(present(inode));
    std::map<std::string, std::uint64_t> all = old;
    all.insert(now.begin(), now.end());
    for (const auto& [name, any] : all) {
        if (const auto chosen = choose(inode_of(old, name), inode_of(now, name))) {
            rebuild(*chosen, into / name);
        }
    }
}

void PowerLoss::rebuild(std::uint64_t inode, const fs::path& into) {
    const fs::path path = present(inode);
    const bool by_name = found_.contains(inode);
    struct stat st {};
    REQUIRE((by_name ? lstat(path.c_str(), &st) : fstat(durable_.at(inode).kept.get(), &st)) == 0);
    if (S_ISDIR(st.st_mode)) {
        rebuild_directory(inode, into);
        return;
    }
    const auto known = durable_.find(inode);
    if (S_ISLNK(st.st_mode)) {
        fs::create_symlink(by_name ? fs::read_symlink(path).string() : known->second.content, into);
        return;
    }
    const std::string old = known == durable_.end() ? std::string() : known->second.content;
    put_file(into, tear(old, get_file(path)));
    set_mode(into, (coin() && known != durable_.end() ? known->second.mode : st.st_mode) & 07777);
}

void PowerLoss::strike(std::uint64_t seed) {
    watching() = nullptr;
    random_.seed(seed);
    find_all(root_);
    const std::uint64_t inode = stat_of(root_).st_ino;
    found_[inode] = root_;
    const fs::path left = root_.string() + ".left";
    rebuild_directory(inode, left);
    fs::remove_all(root_);
    fs::rename(left, root_);
}

} // namespace hp::state::test

// In place of the C library's. Nothing has to reach the disk of the machine that runs the tests.
extern "C" int fsync(int fd) {
    hp::state::test::PowerLoss::on_sync(fd);
    return 0;
}

extern "C" int syncfs(int /*fd*/) {
    hp::state::test::PowerLoss::on_sync_filesystem();
    return 0;
}
