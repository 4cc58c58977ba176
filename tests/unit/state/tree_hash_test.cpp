// SPDX-License-Identifier: Apache-2.0
// The hash format against values computed by another implementation from docs/protocol/state.md,
// and its independence from everything local.
#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/stat.h>

#include "state_support.hpp"

using namespace hp;
using namespace hp::state;
using namespace hp::state::test;

namespace {

std::string hash_of(const fs::path& directory) {
    const auto hash = hash_tree(directory);
    INFO((hash ? std::string() : hash.err().context));
    REQUIRE(hash);
    return hash->hex();
}

std::string file_hash(bool executable, std::string_view content) {
    return hash_file_content(executable, as_bytes(content)).hex();
}

std::string counted_bytes(std::size_t size) {
    std::string out(size, '\0');
    for (std::size_t i = 0; i < size; ++i) {
        out[i] = static_cast<char>(i % 251);
    }
    return out;
}

void make_vector_tree(const fs::path& dir) {
    fs::create_directory(dir / "a");
    put_file(dir / "a-b", "");
    fs::create_directory(dir / "a.d");
    put_file(dir / "a.d" / "big", counted_bytes(65'537));
    set_mode(dir / "a.d" / "big", 0755);
    fs::create_symlink("a", dir / "l");
    put_file(dir / "\xff\n", "abc");
}

} // namespace

TEST_CASE("file and symlink hashes have their documented values") {
    CHECK(file_hash(false, "") ==
          "25396910f6d632b87722e6cad5f3008ed3666a14fa8838f423b575373c26d26e");
    CHECK(file_hash(false, "abc") ==
          "33eacc2456eea62b1cc4beed914073a7f31671d7452ededc22705b321a063417");
    CHECK(file_hash(true, "abc") ==
          "9e6f3b269355d41d53c7e9f7424ceb1fa04f4aaf85627c9aab3f2f796868c749");
    CHECK(file_hash(false, std::string(65'536, '\0')) ==
          "a400e8d57881a83edc18ec05e771e3fc8541dd31cc46ecf2238e69cace1d875e");
    CHECK(file_hash(false, counted_bytes(65'537)) ==
          "839eb9d236145742f24aa52754d84aad4752a3f4430411b355abc8ab314bf7e8");
    CHECK(hash_symlink("../abc").hex() ==
          "5be1132d877483eec9964d854796588d9424d941bab3ceadc9521be27dfad233");
}

TEST_CASE("directory hashes have their documented values") {
    const TempDir temp;
    const fs::path dir = temp.path() / "state";
    fs::create_directory(dir);
    CHECK(hash_of(dir) == "1a91f3f1bf070331c71989e5ba998037c8280d327c6cc89d80014e2780ddf3cc");
    put_file(dir / "e.txt", "abc");
    CHECK(hash_of(dir) == "51c4764adb03cdac75080ce936c2ecbbc5478ff3be695a51baef059b5dcb8e77");
    fs::remove(dir / "e.txt");
    make_vector_tree(dir);
    CHECK(hash_of(dir) == "e8586746c27a36009c7f8d99c1ac491dd20f21758642761d53faa60f91f074c6");
}

TEST_CASE("umask, times, owners, order and the mode of the root do not reach the hash") {
    const TempDir temp;
    const fs::path dir = temp.path() / "other";
    const mode_t before = umask(077);
    fs::create_directory(dir);
    put_file(dir / "gone", "x"); // other inodes, another listing
    for (int i = 0; i < 50; ++i) {
        put_file(dir / ("t" + std::to_string(i)), "");
    }
    make_vector_tree(dir);
    umask(before);
    set_mode(dir / "a.d" / "big", 0700);
    set_mode(dir, 0700);
    fs::remove(dir / "gone");
    for (int i = 49; i >= 0; --i) {
        fs::remove(dir / ("t" + std::to_string(i)));
    }
    fs::last_write_time(dir / "a-b", fs::file_time_type{});
    CHECK(hash_of(dir) == "e8586746c27a36009c7f8d99c1ac491dd20f21758642761d53faa60f91f074c6");
}

TEST_CASE("holes hash like zeros") {
    const TempDir temp;
    fs::create_directory(temp.path() / "holes");
    fs::create_directory(temp.path() / "zeros");
    std::string content(700'001, '\0');
    content.replace(300'000, 6, "island");
    put_file(temp.path() / "zeros" / "f", content);
    put_at(temp.path() / "holes" / "f", 300'000, "island");
    fs::resize_file(temp.path() / "holes" / "f", content.size());
    CHECK(hash_of(temp.path() / "holes") == hash_of(temp.path() / "zeros"));
}

TEST_CASE("every part of an entry counts") {
    const TempDir temp;
    const fs::path dir = temp.path() / "state";
    fs::create_directory(dir);
    make_vector_tree(dir);
    std::vector<std::string> seen = {hash_of(dir)};
    const auto is_new = [&seen, &dir] {
        const std::string now = hash_of(dir);
        const bool fresh = std::find(seen.begin(), seen.end(), now) == seen.end();
        seen.push_back(now);
        return fresh;
    };
    put_at(dir / "a.d" / "big", 65'536, "X");
    CHECK(is_new());
    set_mode(dir / "a.d" / "big", 0644);
    CHECK(is_new());
    fs::rename(dir / "a-b", dir / "a-c");
    CHECK(is_new());
    fs::rename(dir / "a-c", dir / "a" / "a-c");
    CHECK(is_new());
    put_file(dir / "a" / "a-c", std::string(1, '\0'));
    CHECK(is_new());
    fs::remove(dir / "l");
    put_file(dir / "l", "a");
    CHECK(is_new());
    fs::remove(dir / "l");
    fs::create_symlink("b", dir / "l");
    CHECK(is_new());
    fs::create_directory(dir / "empty");
    CHECK(is_new());
}
