// SPDX-License-Identifier: Apache-2.0
// Helpers of the state store tests: scratch directories, an independent picture of a tree to
// compare with, and seeded random changes of the kind contracts make.
// Test thread only.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "state/plain_store.hpp"

namespace hp::state::test {

namespace fs = std::filesystem;

class TempDir {
public:
    TempDir();
    ~TempDir();
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    const fs::path& path() const { return path_; }

private:
    fs::path path_;
};

void put_file(const fs::path& file, std::string_view content);
void put_at(const fs::path& file, std::uint64_t offset, std::string_view content);
std::string get_file(const fs::path& file);
void set_mode(const fs::path& file, unsigned mode);
void copy_tree(const fs::path& from, const fs::path& to); // `to` must not exist

// What a tree holds, read without any code under test.
struct Item {
    char type = '?'; // f, d, l
    bool executable = false;
    std::string content; // of the file, or the target
    bool operator==(const Item&) const = default;
};
using Snapshot = std::map<std::string, Item>;
Snapshot snapshot(const fs::path& directory);
// The names that differ, for readable failures; empty when equal.
std::string difference(const Snapshot& a, const Snapshot& b);

// seed/state and patch.cfg as `hpnode new` and an operator would leave them.
void make_contract_fs(const fs::path& contract_fs);

std::unique_ptr<Store> open_ready(const fs::path& contract_fs, LedgerSeq last_decided,
                                  std::optional<Owner> contract_owner = {});
Roots capture_now(Store& store);
void run_and_commit(Store& store, LedgerSeq seq); // captures, commits, applies

// A store after its first start, over a directory of its own.
class ReadyStore {
public:
    explicit ReadyStore(std::optional<Owner> contract_owner = {});

    fs::path live() const { return root / "seed" / "state"; }
    fs::path base() const { return root / "base" / "state"; }
    fs::path patch() const { return root / "seed" / "patch.cfg"; }
    fs::path outside() const { return temp_.path(); } // where a run has no business

    CaptureStats commit(); // captures, commits, applies, and compares both views
    void restart();

private:
    TempDir temp_;
    std::optional<Owner> contract_owner_;

public:
    fs::path root;
    std::unique_ptr<Store> store;
    LedgerSeq seq = 0;
};

unsigned mode_of(const fs::path& path);
void make_socket(const fs::path& path);

class RandomChanges {
public:
    RandomChanges(fs::path directory, std::uint64_t seed)
        : directory_(std::move(directory)), random_(seed) {}

    void change(std::size_t count);
    std::size_t below(std::size_t limit) { return limit == 0 ? 0 : random_() % limit; }

private:
    void change_once();
    void list_entries();
    fs::path any_directory();
    fs::path any(const std::vector<fs::path>& entries);
    fs::path new_path();
    std::string content(std::size_t size);
    std::size_t any_size();

    void create();
    void write_range();
    void append();
    void resize();
    void move();
    void remove();
    void change_mode();
    void link();
    void change_type();
    void make_sparse();
    void disturb_times();
    void write_mapped();

    fs::path directory_;
    std::mt19937_64 random_;
    std::vector<fs::path> files_;
    std::vector<fs::path> directories_;
    std::vector<fs::path> entries_;
};

} // namespace hp::state::test
