// SPDX-License-Identifier: Apache-2.0
// Old versions of the state: the same bytes as when they were committed, whatever runs, readers and
// restarts come after, until they are given up.
#include <atomic>
#include <thread>

#include <catch2/catch.hpp>
#include <csignal>
#include <sys/resource.h>

#include "state/version_reader.hpp"
#include "state_support.hpp"

using namespace hp;
using namespace hp::state;
using namespace hp::state::test;

namespace {

void read_tree(VersionReader& reader, const std::string& path, const Entry& entry, Snapshot& out) {
    for (const Child& child : entry.children) {
        const std::string below = path + '/' + child.name;
        Item& item = out[below.substr(std::string(state_name).size() + 1)];
        item.executable = child.entry->executable;
        if (child.entry->type == EntryType::directory) {
            item.type = 'd';
            read_tree(reader, below, *child.entry, out);
        } else if (child.entry->type == EntryType::symlink) {
            item.type = 'l';
            item.content = child.entry->target;
        } else {
            item.type = 'f';
            for (std::uint32_t i = 0; i < child.entry->chunks.size(); ++i) {
                const auto bytes = reader.chunk(below, *child.entry, i);
                INFO((bytes ? std::string() : bytes.err().context));
                REQUIRE(bytes);
                item.content += as_text(*bytes);
            }
        }
    }
}

Snapshot content_of(const Store& store, const Roots& roots) {
    VersionReader reader(store.versions());
    REQUIRE(reader.select(roots));
    Snapshot out;
    read_tree(reader, state_name, *reader.version().state, out);
    return out;
}

struct Remembered {
    Roots roots;
    Snapshot content;
};

void expect_kept(const Store& store, const std::vector<Remembered>& versions, std::size_t last) {
    for (std::size_t i = versions.size() - last; i < versions.size(); ++i) {
        INFO("version " << i);
        REQUIRE(difference(content_of(store, versions[i].roots), versions[i].content).empty());
    }
}

} // namespace

TEST_CASE("old versions keep their bytes through runs, discards, readers and restarts") {
    const auto seed = GENERATE(range(1U, 6U));
    INFO("seed " << seed);
    ReadyStore node;
    RandomChanges changes(node.live(), seed);
    std::vector<Remembered> versions{{node.store->roots(), snapshot(node.live())}};
    for (int i = 0; i < 14; ++i) {
        std::optional<ReadGate::Pass> reader;
        if (changes.below(3) == 0) {
            reader.emplace(node.store->gate().enter()); // the run stays out of base/ for a while
        }
        fs::remove_all(node.live() / "counter");              // whatever it has become
        put_file(node.live() / "counter", std::to_string(i)); // versions differ, mostly
        changes.change(1 + changes.below(10));
        capture_now(*node.store);
        REQUIRE(node.store->commit(++node.seq, {}));
        REQUIRE(node.store->apply_pending());
        versions.push_back({node.store->roots(), snapshot(node.live())});
        expect_kept(*node.store, versions, std::min<std::size_t>(versions.size(), 8));
        reader.reset();
        REQUIRE(*node.store->apply_pending());
        if (changes.below(3) == 0) {
            changes.change(5);
            REQUIRE(node.store->discard());
        }
        if (changes.below(4) == 0) {
            REQUIRE(node.store->checkpoint(node.seq));
        }
        if (changes.below(4) == 0) {
            node.restart();
        }
        expect_kept(*node.store, versions, std::min<std::size_t>(versions.size(), 8));
    }
}

TEST_CASE("a version can be read by another thread while runs are committed") {
    ReadyStore node;
    put_file(node.live() / "wide", std::string(2'000'000, 'w'));
    node.commit();
    const Roots roots = node.store->roots();
    const Snapshot expected = snapshot(node.live());
    std::atomic<bool> stop = false;
    std::atomic<int> reads = 0;
    std::atomic<int> wrong = 0;
    std::thread other([&] {
        VersionReader reader(node.store->versions());
        while (!stop) {
            if (!reader.select(roots)) {
                ++wrong;
                continue;
            }
            const EntryPtr file = reader.find("state/wide");
            for (std::uint32_t i = 0; file && i < file->chunks.size(); ++i) {
                if (!reader.chunk("state/wide", *file, i)) {
                    ++wrong;
                }
            }
            ++reads;
        }
    });
    for (std::size_t i = 0; i < limits::state_versions_min - 1 || reads < 20; ++i) {
        if (i < limits::state_versions_min - 1) {
            put_at(node.live() / "wide", i * 250'000, std::string(100'000, 'n'));
            capture_now(*node.store);
            REQUIRE(node.store->commit(++node.seq, {}));
            REQUIRE(*node.store->apply_pending());
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    stop = true;
    other.join();
    CHECK(wrong == 0);
    CHECK(difference(content_of(*node.store, roots), expected).empty());
}

TEST_CASE("as many versions are kept as limits say, on disk too") {
    ReadyStore node;
    const Roots first = node.store->roots();
    for (std::size_t i = 0; i < limits::state_versions_max + 20; ++i) {
        put_file(node.live() / "n", std::to_string(i));
        node.commit();
    }
    CHECK(node.store->versions().list()->size() == limits::state_versions_max);
    VersionReader reader(node.store->versions());
    CHECK_FALSE(reader.select(first));
    const auto files = fs::directory_iterator(node.root / "versions");
    CHECK(std::distance(begin(files), end(files)) ==
          static_cast<std::ptrdiff_t>(limits::state_versions_max) - 1);
    REQUIRE(reader.select_seq(node.seq - 5));
    CHECK(reader.version().seq == node.seq - 5);
    CHECK_FALSE(reader.select_seq(3));
    node.restart();
    CHECK(node.store->versions().list()->size() == limits::state_versions_max);
}

TEST_CASE("damaged undo files cost the versions behind them, nothing else") {
    ReadyStore node;
    std::vector<Remembered> versions;
    for (int i = 0; i < 6; ++i) {
        put_file(node.live() / "n", std::string(1000, static_cast<char>('a' + i)));
        node.commit();
        versions.push_back({node.store->roots(), snapshot(node.live())});
    }
    const fs::path undo = node.root / "versions" / delta_name(4);
    SECTION("torn") {
        fs::resize_file(undo, fs::file_size(undo) / 2);
    }
    SECTION("one bit") {
        put_at(undo, 120, "~");
    }
    SECTION("gone") {
        fs::remove(undo);
    }
    SECTION("another's") {
        fs::copy_file(node.root / "versions" / delta_name(3), undo,
                      fs::copy_options::overwrite_existing);
    }
    node.restart();
    CHECK(node.store->versions().list()->size() == 3);
    expect_kept(*node.store, versions, 3); // after runs 4, 5 and 6
    CHECK_FALSE(fs::exists(node.root / "versions" / delta_name(2)));
    put_file(node.live() / "n", "and on");
    node.commit();
}

TEST_CASE("without room for old content the runs go on and the old versions go") {
    ReadyStore node;
    put_file(node.live() / "large", std::string(3'000'000, 'l'));
    node.commit();
    fs::remove(node.live() / "large");
    capture_now(*node.store);
    REQUIRE(node.store->commit(++node.seq, {}));
    struct rlimit before {};
    REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
    struct rlimit tight = before;
    tight.rlim_cur = 100'000; // the way back would need the 3 MB
    const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
    REQUIRE(setrlimit(RLIMIT_FSIZE, &tight) == 0);
    const auto applied = node.store->apply_pending();
    REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
    std::signal(SIGXFSZ, old_handler);
    REQUIRE(applied);
    CHECK(*applied);
    CHECK(node.store->versions().list()->size() == 1);
    CHECK(difference(snapshot(node.live()), snapshot(node.base())).empty());
    node.restart();
    put_file(node.live() / "n", "and on");
    node.commit();
    CHECK(node.store->versions().list()->size() == 2);
}
