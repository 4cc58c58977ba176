// SPDX-License-Identifier: Apache-2.0
// `hpnode state` as its users see it: what is printed, and the exit codes.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "node/commands.hpp"
#include "state/store.hpp"

using namespace hp;
using namespace hp::node;
namespace fs = std::filesystem;

namespace {

void put(const fs::path& file, const std::string& content) {
    std::ofstream(file, std::ios::binary) << content;
}

// A node's directory with three committed runs.
class Node {
public:
    Node() {
        std::string name = (fs::temp_directory_path() / "hp-state-cmd-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        root = name;
        const fs::path state = root / "contract_fs" / "seed" / "state";
        fs::create_directories(state / "dir");
        put(state / "dir" / "file", "first");
        fs::create_symlink("file", state / "dir" / "link");
        put(root / "contract_fs" / "seed" / "patch.cfg", "{}");
        auto store = state::open_store(root / "contract_fs", Log());
        REQUIRE(store);
        REQUIRE((*store)->recover(0));
        commit(**store, 2, [&] { put(state / "dir" / "file", "second"); });
        commit(**store, 5, [&] { put(state / "new\x1b[31m", std::string(70'000, 'n')); });
        commit(**store, 6, [&] { fs::remove(state / "dir" / "file"); });
    }
    ~Node() { fs::remove_all(root); }
    Node(const Node&) = delete;

    // Exit code, with `out` and `err` filled.
    int run(const std::string& what, const std::string& path = {},
            std::optional<std::uint64_t> seq = {}, std::optional<std::uint64_t> since = {},
            bool json = false) {
        std::ostringstream text;
        std::ostringstream complaint;
        std::streambuf* cout = std::cout.rdbuf(text.rdbuf());
        std::streambuf* cerr = std::cerr.rdbuf(complaint.rdbuf());
        const int code = command_state(StateOptions{what, root.string(), path, seq, since, json});
        std::cout.rdbuf(cout);
        std::cerr.rdbuf(cerr);
        out = text.str();
        err = complaint.str();
        return code;
    }

    fs::path root;
    std::string out;
    std::string err;

private:
    template <class Change>
    static void commit(state::Store& store, LedgerSeq seq, Change change) {
        change();
        state::CaptureStats stats;
        REQUIRE(store.capture(stats));
        REQUIRE(store.commit(seq, {}));
        REQUIRE(*store.apply_pending());
    }
};

} // namespace

TEST_CASE("hpnode state shows the newest and older versions") {
    Node node;
    REQUIRE(node.run("ls") == exit_ok);
    CHECK(node.out == "dir            0  dir\nfile       70000  new\\x1b[31m\n");
    REQUIRE(node.run("ls", "dir", 2) == exit_ok);
    CHECK(node.out == "file           6  file\nlink           0  link -> file\n");
    REQUIRE(node.run("cat", "dir/file", 4) == exit_ok);
    CHECK(node.out == "second");
    REQUIRE(node.run("cat", "dir/file", 1) == exit_ok);
    CHECK(node.out == "first");
    REQUIRE(node.run("cat", "../patch.cfg") == exit_ok);
    CHECK(node.out == "{}");
    REQUIRE(node.run("tree", "dir/", 5) == exit_ok);
    CHECK(node.out.find("  state/dir/file\n") != std::string::npos);
    REQUIRE(node.run("hash") == exit_ok);
    const auto root = state::hash_tree(node.root / "contract_fs" / "base" / "state");
    CHECK(node.out == root->hex() + "\n");
    REQUIRE(node.run("hash", "dir", 6, {}, true) == exit_ok);
    CHECK(nlohmann::json::parse(node.out).at("state_root") == root->hex());
    REQUIRE(node.run("verify") == exit_ok);
    CHECK(node.out.find("4 versions kept, from ledger 1") != std::string::npos);
}

TEST_CASE("hpnode state diff says what changed between two versions") {
    Node node;
    REQUIRE(node.run("diff") == exit_ok);
    CHECK(node.out == "removed  state/dir/file\n");
    REQUIRE(node.run("diff", {}, 5) == exit_ok);
    CHECK(node.out == "new      state/new\\x1b[31m  (70000 of 70000 bytes)\n");
    REQUIRE(node.run("diff", {}, 5, 1) == exit_ok);
    CHECK(node.out.find("changed  state/dir/file  (6 of 6 bytes)\n") == 0);
    REQUIRE(node.run("diff", {}, 6, 2, true) == exit_ok);
    const auto answer = nlohmann::json::parse(node.out);
    CHECK(answer.at("schema") == "hp.node.state/1");
    CHECK(answer.at("since") == 2);
    CHECK(answer.at("changes").size() == 2);
}

TEST_CASE("hpnode state says what it cannot show") {
    Node node;
    CHECK(node.run("ls", {}, 0) == exit_not_found);
    CHECK(node.err.find("the oldest is after 1") != std::string::npos);
    CHECK(node.run("diff", {}, 1) == exit_not_found);
    CHECK(node.run("diff", {}, 5, 0) == exit_not_found);
    CHECK(node.run("cat", "nowhere") == exit_not_found);
    CHECK(node.run("cat", "dir") == exit_failed);
    CHECK(node.run("cat", "../seed") == exit_not_found);
    CHECK(node.run("ls", "../..") == exit_not_found);
    put(node.root / "contract_fs" / "base" / "state" / "stray", "?");
    CHECK(node.run("verify") == exit_mismatch);
    CHECK(node.run("verify", {}, {}, {}, true) == exit_mismatch);
    CHECK(nlohmann::json::parse(node.out).at("ok") == false);
    fs::remove_all(node.root / "contract_fs");
    CHECK(node.run("hash") == exit_not_found);
}
