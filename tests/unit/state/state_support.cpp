// SPDX-License-Identifier: Apache-2.0
#include "state_support.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace hp::state::test {
namespace {

// Names that break careless code: bytes that are no text, options, patterns, the longest allowed.
const std::vector<std::string> odd_names = {
    "plain",      "a",         "a-b",      "a.d",      "with space",
    "-rf",        "*",         "\n",       "\xff\xfe", ".dot",
    "...",        "z\\z",      "\xc3\xa9", "%s%n",     std::string(255, 'L'),
    ".removed-0", "patch.cfg", "state"};

} // namespace

TempDir::TempDir() {
    const char* base = std::getenv("TMPDIR");
    std::string name = std::string(base != nullptr ? base : "/tmp") + "/hp-state-XXXXXX";
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
}

TempDir::~TempDir() {
    // Not remove_all(): some tests nest directories deeper than it can go.
    const auto removed = FileOps().remove_tree(AT_FDCWD, path_.string());
    CHECK(removed);
}

void put_file(const fs::path& file, std::string_view content) {
    std::ofstream out(file, std::ios::binary | std::ios::trunc);
    out << content;
    out.close();
    REQUIRE(out.good());
}

void put_at(const fs::path& file, std::uint64_t offset, std::string_view content) {
    const os::Fd fd(open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    REQUIRE(fd);
    REQUIRE(pwrite(fd.get(), content.data(), content.size(), static_cast<off_t>(offset)) ==
            static_cast<ssize_t>(content.size()));
}

std::string get_file(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

void set_mode(const fs::path& file, unsigned mode) {
    REQUIRE(chmod(file.c_str(), mode) == 0);
}

void copy_tree(const fs::path& from, const fs::path& to) {
    fs::copy(from, to, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
}

Snapshot snapshot(const fs::path& directory) {
    Snapshot out;
    for (const auto& entry : fs::recursive_directory_iterator(directory)) {
        Item item;
        const fs::file_status status = entry.symlink_status();
        if (fs::is_symlink(status)) {
            item.type = 'l';
            item.content = fs::read_symlink(entry.path()).string();
        } else if (fs::is_directory(status)) {
            item.type = 'd';
        } else if (fs::is_regular_file(status)) {
            item.type = 'f';
            item.executable = (status.permissions() & fs::perms::owner_exec) != fs::perms::none;
            item.content = get_file(entry.path());
        }
        out[entry.path().lexically_relative(directory).string()] = item;
    }
    return out;
}

std::string difference(const Snapshot& a, const Snapshot& b) {
    std::string out;
    for (const auto& [name, item] : a) {
        const auto other = b.find(name);
        if (other == b.end()) {
            out += "only left: " + name + "\n";
        } else if (!(other->second == item)) {
            out += "differs: " + name + "\n";
        }
    }
    for (const auto& [name, item] : b) {
        if (!a.contains(name)) {
            out += "only right: " + name + "\n";
        }
    }
    return out;
}

void make_contract_fs(const fs::path& contract_fs) {
    const fs::path state = contract_fs / "seed" / "state";
    fs::create_directories(state / "data" / "deep");
    put_file(contract_fs / "seed" / "patch.cfg", "{\"version\":\"1.0\"}\n");
    put_file(contract_fs / "seed" / "private.txt", "mine");
    put_file(state / "contract", "#!/bin/sh\n");
    set_mode(state / "contract", 0755);
    put_file(state / "empty", "");
    put_file(state / "data" / "big", std::string(300'000, 'b'));
    put_file(state / "data" / "deep" / "leaf", "leaf");
    fs::create_symlink("data/deep/leaf", state / "link");
}

std::unique_ptr<Store> open_ready(const fs::path& contract_fs, LedgerSeq last_decided,
                                  std::optional<Owner> contract_owner) {
    auto store = open_store(contract_fs, Log(), contract_owner);
    REQUIRE(store);
    const auto recovered = (*store)->recover(last_decided);
    INFO((recovered ? std::string() : recovered.err().context));
    REQUIRE(recovered);
    return std::move(*store);
}

Roots capture_now(Store& store) {
    CaptureStats stats;
    const auto roots = store.capture(stats);
    INFO((roots ? std::string() : roots.err().context));
    REQUIRE(roots);
    return *roots;
}

void run_and_commit(Store& store, LedgerSeq seq) {
    capture_now(store);
    REQUIRE(store.commit(seq, as_bytes("record " + std::to_string(seq))));
    const auto applied = store.apply_pending();
    REQUIRE(applied);
    REQUIRE(*applied);
}

ReadyStore::ReadyStore(std::optional<Owner> contract_owner)
    : contract_owner_(contract_owner), root(temp_.path() / "contract_fs") {
    set_mode(temp_.path(), 0755); // others have to get to their files
    fs::create_directory(root);
    make_contract_fs(root);
    store = open_ready(root, 0, contract_owner_);
}

CaptureStats ReadyStore::commit() {
    CaptureStats stats;
    const auto roots = store->capture(stats);
    INFO((roots ? std::string() : roots.err().context));
    REQUIRE(roots);
    REQUIRE(store->commit(++seq, as_bytes("r")));
    REQUIRE(*store->apply_pending());
    REQUIRE(difference(snapshot(live()), snapshot(base())).empty());
    REQUIRE(hash_tree(base())->hex() == roots->state.hex());
    return stats;
}

void ReadyStore::restart() {
    store.reset();
    store = open_ready(root, seq, contract_owner_);
}

unsigned mode_of(const fs::path& path) {
    struct stat st {};
    REQUIRE(lstat(path.c_str(), &st) == 0);
    return st.st_mode & 07777;
}

void make_socket(const fs::path& path) {
    const os::Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    struct sockaddr_un address {};
    address.sun_family = AF_UNIX;
    REQUIRE(path.string().size() < sizeof address.sun_path);
    path.string().copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(bind(fd.get(), reinterpret_cast<const struct sockaddr*>(&address), sizeof address) ==
            0);
}

// --- random changes --------------------------------------------------------------------------

void RandomChanges::change(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        change_once();
    }
}

void RandomChanges::change_once() {
    using Operation = void (RandomChanges::*)();
    static constexpr std::array<Operation, 15> operations = {
        &RandomChanges::create,      &RandomChanges::create,        &RandomChanges::write_range,
        &RandomChanges::write_range, &RandomChanges::append,        &RandomChanges::resize,
        &RandomChanges::move,        &RandomChanges::move,          &RandomChanges::remove,
        &RandomChanges::change_mode, &RandomChanges::link,          &RandomChanges::change_type,
        &RandomChanges::make_sparse, &RandomChanges::disturb_times, &RandomChanges::write_mapped};
    list_entries();
    (this->*operations[below(operations.size())])();
}

void RandomChanges::list_entries() {
    files_.clear();
    directories_ = {directory_};
    entries_.clear();
    for (const auto& entry : fs::recursive_directory_iterator(directory_)) {
        entries_.push_back(entry.path());
        if (entry.symlink_status().type() == fs::file_type::regular) {
            files_.push_back(entry.path());
        } else if (entry.symlink_status().type() == fs::file_type::directory) {
            directories_.push_back(entry.path());
        }
    }
    // The order of a listing depends on the filesystem; the seed alone shall decide.
    std::sort(files_.begin(), files_.end());
    std::sort(directories_.begin(), directories_.end());
    std::sort(entries_.begin(), entries_.end());
}

fs::path RandomChanges::any(const std::vector<fs::path>& entries) {
    return entries.empty() ? fs::path() : entries[below(entries.size())];
}

fs::path RandomChanges::any_directory() {
    return any(directories_);
}

fs::path RandomChanges::new_path() {
    return any_directory() / odd_names[below(odd_names.size())];
}

std::string RandomChanges::content(std::size_t size) {
    std::string out(size, '\0');
    if (below(4) != 0) { // now and then zeros, which are stored differently
        for (char& c : out) {
            c = static_cast<char>(random_());
        }
    }
    return out;
}

std::size_t RandomChanges::any_size() {
    static constexpr std::array<std::size_t, 9> sizes = {0,      1,       100,     65'535, 65'536,
                                                         65'537, 131'072, 140'000, 200'000};
    return sizes[below(sizes.size())];
}

void RandomChanges::create() {
    const fs::path path = new_path();
    std::error_code error;
    if (below(3) == 0) {
        fs::create_directory(path, error);
        return;
    }
    const os::Fd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
                         below(2) == 0 ? 0644 : 0755));
    if (fd) {
        const std::string bytes = content(any_size());
        REQUIRE(write(fd.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
    }
}

void RandomChanges::write_range() {
    const fs::path file = any(files_);
    if (!file.empty() && access(file.c_str(), W_OK) == 0) {
        put_at(file, below(fs::file_size(file) + 100'000), content(1 + below(5000)));
    }
}

void RandomChanges::append() {
    const fs::path file = any(files_);
    if (!file.empty() && access(file.c_str(), W_OK) == 0) {
        put_at(file, fs::file_size(file), content(1 + below(70'000)));
    }
}

void RandomChanges::resize() {
    const fs::path file = any(files_);
    std::error_code error;
    if (!file.empty()) {
        fs::resize_file(file, below(2) == 0 ? any_size() : below(fs::file_size(file) + 1), error);
    }
}

void RandomChanges::move() {
    const fs::path from = any(entries_);
    if (!from.empty()) {
        std::error_code error;
        fs::rename(from, below(4) == 0 ? any(entries_) : new_path(), error);
    }
}

void RandomChanges::remove() {
    const fs::path path = any(entries_);
    if (!path.empty()) {
        std::error_code error;
        fs::remove_all(path, error);
    }
}

void RandomChanges::change_mode() {
    static constexpr std::array<unsigned, 7> modes = {0600, 0644, 0755, 0444, 0700, 04755, 0666};
    const fs::path file = any(files_);
    if (!file.empty()) {
        set_mode(file, modes[below(modes.size())]);
    }
    if (below(3) == 0) {
        set_mode(any_directory(), below(2) == 0 ? 0700 : 01777);
    }
}

void RandomChanges::link() {
    static const std::vector<std::string> targets = {"a", "../..", "/etc/passwd", "nowhere", "."};
    std::error_code error;
    const fs::path file = any(files_);
    if (below(2) == 0 && !file.empty()) {
        fs::create_hard_link(file, new_path(), error);
    } else {
        fs::create_symlink(targets[below(targets.size())], new_path(), error);
    }
}

void RandomChanges::change_type() {
    const fs::path path = any(entries_);
    if (path.empty()) {
        return;
    }
    std::error_code error;
    fs::remove_all(path, error);
    switch (below(3)) {
    case 0:
        fs::create_directory(path, error);
        put_file(path / "inner", content(any_size()));
        break;
    case 1:
        put_file(path, content(any_size()));
        break;
    default:
        fs::create_symlink("plain", path, error);
        break;
    }
}

void RandomChanges::make_sparse() {
    const fs::path path = new_path();
    std::error_code error;
    if (fs::is_directory(fs::symlink_status(path)) || fs::is_symlink(fs::symlink_status(path))) {
        return;
    }
    fs::remove(path, error);
    put_at(path, below(900'000), "island");
    fs::resize_file(path, 500'000 + below(700'000), error);
}

void RandomChanges::disturb_times() {
    const fs::path file = any(files_);
    if (!file.empty()) {
        const std::array<struct timespec, 2> times = {
            {{static_cast<time_t>(below(2'000'000'000)), 0},
             {static_cast<time_t>(below(4'000'000'000)), 5}}};
        REQUIRE(utimensat(AT_FDCWD, file.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) == 0);
    }
}

void RandomChanges::write_mapped() {
    const fs::path file = any(files_);
    if (file.empty() || fs::file_size(file) == 0) {
        return;
    }
    const os::Fd fd(open(file.c_str(), O_RDWR | O_CLOEXEC));
    if (!fd) {
        return;
    }
    const std::size_t size = fs::file_size(file);
    void* const map = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    REQUIRE(map != MAP_FAILED);
    static_cast<char*>(map)[below(size)] ^= 1;
    munmap(map, size);
}

} // namespace hp::state::test
