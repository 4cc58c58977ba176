// SPDX-License-Identifier: Apache-2.0
// The bytes of state sync: one form for each message, every rule enforced, limits held.
#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hp/base/codec.hpp"
#include "state/sync/beneath.hpp"
#include "state/sync/description.hpp"
#include "state/sync/message.hpp"
#include "state_support.hpp"

using namespace hp;
using namespace hp::state;
using namespace hp::state::sync;
using namespace hp::state::test;

namespace {

Request sample_request() {
    Request request;
    request.id = 7;
    request.version.state.data.fill(1);
    request.version.config.data.fill(2);
    request.items.push_back({RequestItem::Kind::description, "state", Hash32{}, 0, 1});
    request.items.push_back({RequestItem::Kind::chunks, "state/a/b", Hash32{}, 3, 16});
    request.items.push_back({RequestItem::Kind::description, "patch.cfg", Hash32{}, 4, 4});
    return request;
}

bool is_refused(const Request& request) {
    return !decode_request(encode_request(request));
}

} // namespace

TEST_CASE("requests have one form and strict limits") {
    const Request request = sample_request();
    const Bytes bytes = encode_request(request);
    const auto decoded = decode_request(bytes);
    REQUIRE(decoded);
    CHECK(decoded->items == request.items);
    CHECK(decoded->version == request.version);
    CHECK(encode_request(*decoded) == bytes);
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        CHECK_FALSE(decode_request(ByteView(bytes).first(length)));
    }
    Bytes longer = bytes;
    longer.push_back(0);
    CHECK_FALSE(decode_request(longer));

    for (const std::string path : {"", "/", "state/", "state/..", "state/../x", "/etc/passwd",
                                   "state//a", "other", "patch.cfg/a", "../state", "state/./a"}) {
        Request bad = request;
        bad.items[1].path = path;
        INFO(path);
        CHECK(is_refused(bad));
    }
    Request bad = request;
    bad.items.clear();
    CHECK(is_refused(bad));
    bad.items.assign(limits::sync_items_max + 1, request.items[0]);
    CHECK(is_refused(bad));
    for (const std::uint32_t count : {0U, 17U, UINT32_MAX}) {
        bad = request;
        bad.items[1].count = count;
        CHECK(is_refused(bad));
    }
    bad = request;
    bad.items[1].first = UINT32_MAX - 3;
    CHECK(is_refused(bad));
    bad = request;
    bad.items[0].count = parts_per_item_max + 1;
    CHECK(is_refused(bad));
}

TEST_CASE("answers are compressed where it pays, and cannot blow up") {
    Answer answer;
    answer.id = 9;
    answer.items.push_back({true, 0, Bytes(500'000, 'a')});
    answer.items.push_back({false, 0, {}});
    answer.items.push_back({true, 77, to_bytes("text")});
    const Bytes packed = encode_answer(answer);
    CHECK(packed.size() < 1000);
    const auto decoded = decode_answer(packed);
    REQUIRE(decoded);
    CHECK(decoded->id == 9);
    REQUIRE(decoded->items.size() == 3);
    CHECK(decoded->items[0].content == answer.items[0].content);
    CHECK_FALSE(decoded->items[1].here);
    CHECK(decoded->items[2].total == 77);
    for (std::size_t length = 0; length < packed.size(); ++length) {
        CHECK_FALSE(decode_answer(ByteView(packed).first(length)));
    }

    std::mt19937_64 random(3);
    Bytes noise(500'000);
    std::ranges::generate(noise, [&random] { return static_cast<std::uint8_t>(random()); });
    answer.items[0].content = noise;
    const Bytes plain = encode_answer(answer);
    CHECK(plain.size() > noise.size());
    CHECK(plain.size() < noise.size() + 100);
    CHECK(plain[1] == 0);
    REQUIRE(decode_answer(plain));

    // A length in front of compressed bytes is believed up to the limit only, and must be right.
    for (const std::uint32_t size : {UINT32_MAX, 2U << 20, 100U}) {
        Writer forged;
        forged.u8(2);
        forged.u8(1);
        forged.u32(size);
        forged.raw(ByteView(packed).subspan(6));
        CHECK_FALSE(decode_answer(forged.view()));
    }
}

TEST_CASE("descriptions are decoded to what was described") {
    Entry file;
    file.executable = true;
    file.size = 100'000;
    file.chunks.resize(2);
    file.chunks[1].data.fill(3);
    const auto decoded = decode_file(describe(file));
    REQUIRE(decoded);
    CHECK(decoded->executable);
    CHECK(decoded->size == 100'000);
    CHECK(decoded->chunks == file.chunks);
    Entry link;
    link.type = EntryType::symlink;
    link.target = "../there";
    CHECK(*decode_symlink(describe(link)) == "../there");
    Entry directory;
    directory.type = EntryType::directory;
    directory.children.push_back({"a", std::make_shared<const Entry>(file)});
    directory.children.push_back({"b", std::make_shared<const Entry>(link)});
    const Bytes bytes = describe(directory);
    const auto children = decode_directory(bytes);
    REQUIRE(children);
    REQUIRE(children->size() == 2);
    CHECK((*children)[0].executable);
    CHECK((*children)[1].name == "b");
    CHECK((*children)[1].type == EntryType::symlink);
    for (std::size_t length = 9; length < bytes.size(); ++length) {
        const auto cut = decode_directory(ByteView(bytes).first(length));
        CHECK((!cut || cut->size() == 1)); // each entry ends by itself; the hash says how many
    }
    CHECK_FALSE(decode_file(bytes));
    CHECK_FALSE(decode_symlink(bytes));
    CHECK_FALSE(decode_directory(describe(file)));

    DirectoryHasher unsorted;
    unsorted.add("b", EntryType::file, false, {});
    unsorted.add("a", EntryType::file, false, {});
    CHECK_FALSE(decode_directory(unsorted.description()));
    DirectoryHasher twice;
    twice.add("a", EntryType::file, false, {});
    twice.add("a", EntryType::file, false, {});
    CHECK_FALSE(decode_directory(twice.description()));
    Bytes size = describe(file);
    size[8 + 4] = 0xFF; // the size's first byte
    CHECK_FALSE(decode_file(size));
    CHECK_FALSE(decode_symlink(symlink_description("")));
    CHECK_FALSE(decode_symlink(symlink_description(std::string(4096, 'x'))));
    CHECK_FALSE(decode_symlink(symlink_description(std::string("a\0b", 3))));
}

TEST_CASE("paths cannot lead out of staging, with and without the kernel's help") {
    const TempDir temp;
    fs::create_directories(temp.path() / "top" / "a" / "b");
    fs::create_directory(temp.path() / "outside");
    fs::create_symlink("../outside", temp.path() / "top" / "link");
    fs::create_symlink("a", temp.path() / "top" / "inner");
    put_file(temp.path() / "top" / "file", "");
    const os::Fd top(open((temp.path() / "top").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    using Open = Result<os::Fd> (*)(int, const std::string&);
    for (const Open open_beneath : {&open_directory_beneath, &walk_directory_beneath}) {
        CHECK(open_beneath(top.get(), ""));
        CHECK(open_beneath(top.get(), "a"));
        CHECK(open_beneath(top.get(), "a/b"));
        for (const char* path : {"..", "../outside", "a/../..", "a/../../outside", "link", "inner",
                                 "inner/b", "file", "nowhere", "/", "/tmp", "/etc"}) {
            INFO(path);
            CHECK_FALSE(open_beneath(top.get(), path));
        }
    }
    // Longer than the kernel takes in one piece.
    std::string deep;
    fs::path at = temp.path() / "top";
    os::Fd dir(dup(top.get()));
    for (int i = 0; i < 30; ++i) {
        const std::string name(200, 'd');
        REQUIRE(mkdirat(dir.get(), name.c_str(), 0755) == 0);
        dir = os::Fd(openat(dir.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        deep += (deep.empty() ? "" : "/") + name;
    }
    CHECK(open_directory_beneath(top.get(), deep));
}
