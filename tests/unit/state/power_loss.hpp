// SPDX-License-Identifier: Apache-2.0
// What a loss of power leaves of a directory tree: the test program's own fsync() and syncfs()
// remember what was made durable, and everything else is then dropped, kept or torn at random, each
// block and each name by itself. Harsher than any file system, which keeps some order.
// One tree at a time; test thread of a child process only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>

#include <random>

#include "state_support.hpp"

namespace hp::state::test {

class PowerLoss {
public:
    // What is there now is durable. A disk may also lie: then nothing becomes so later.
    enum class Disk { honest, lying };
    explicit PowerLoss(fs::path root, Disk disk = Disk::honest);
    ~PowerLoss();
    PowerLoss(const PowerLoss&) = delete;
    PowerLoss& operator=(const PowerLoss&) = delete;

    // Puts into the place of the tree what the disk has of it.
    void strike(std::uint64_t seed);

    // For the functions that replace those of the C library.
    static void on_sync(int fd);
    static void on_sync_filesystem();

private:
    struct Object {  // an inode
        os::Fd kept; // so that no other one gets its number
        mode_t mode = 0;
        std::string content;                        // files and symlinks
        std::map<std::string, std::uint64_t> names; // directories
    };

    void remember(const fs::path& path, bool deep);
    void find_all(const fs::path& directory);
    bool has_reached_disk(std::uint64_t inode); // its last change of name
    fs::path present(std::uint64_t inode) const;
    std::optional<std::uint64_t> choose(std::optional<std::uint64_t> old,
                                        std::optional<std::uint64_t> now);
    void rebuild(std::uint64_t inode, const fs::path& into);
    void rebuild_directory(std::uint64_t inode, const fs::path& into);
    std::string tear(const std::string& old, const std::string& now);
    bool coin() { return random_() % 2 == 0; }

    fs::path root_;
    Disk disk_;
    std::map<std::uint64_t, Object> durable_;
    // While it strikes: where each inode is now, and what was decided about it.
    std::map<std::uint64_t, fs::path> found_;
    std::map<std::uint64_t, bool> decided_;
    std::mt19937_64 random_;
};

} // namespace hp::state::test
