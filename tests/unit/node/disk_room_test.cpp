// SPDX-License-Identifier: Apache-2.0
// When a node finds that there is too little room on its disks, and when it goes on.
#include <catch2/catch.hpp>

#include <filesystem>
#include <map>
#include <string>

#include "node/disk_room.hpp"

namespace hp::node {
namespace {

// File systems as full as a test wants them.
struct Disks {
    std::map<std::string, std::uint64_t> free;
    std::uint64_t files = 1'000'000;

    DiskRoom::FreeRoom look() {
        return [this](const std::filesystem::path& directory) -> Result<Room> {
            const auto found = free.find(directory.string());
            return found == free.end() ? Result<Room>(fail(Errc::io, "gone"))
                                       : Result<Room>(Room{found->second, files});
        };
    }
};

} // namespace

TEST_CASE("a shortage begins below the reserve and is over a quarter above it", "[node]") {
    Disks disks{{{"/a", 1000}, {"/b", 1000}}};
    DiskRoom room({"/a", "/b"}, 400, disks.look());
    CHECK_FALSE(room.look());
    disks.free["/b"] = 400;
    CHECK_FALSE(room.look());
    disks.free["/b"] = 399;
    CHECK(room.look());
    REQUIRE(room.shortage());
    CHECK(room.shortage()->directory == "/b");
    CHECK(room.shortage()->free == 399);
    CHECK(room.shortage()->wanted == 500);
    for (const std::uint64_t still_short : {0U, 400U, 499U}) {
        disks.free["/b"] = still_short;
        CHECK_FALSE(room.look());
        REQUIRE(room.shortage());
        CHECK(room.shortage()->free == still_short);
    }
    disks.free["/b"] = 500;
    CHECK(room.look());
    CHECK_FALSE(room.shortage());
    disks.free["/b"] = 400; // not again until it is below
    CHECK_FALSE(room.look());
}

TEST_CASE("one full file system of two is enough", "[node]") {
    Disks disks{{{"/a", 100}, {"/b", 100}}};
    DiskRoom room({"/a", "/b"}, 400, disks.look());
    CHECK(room.look());
    disks.free["/a"] = 5000;
    CHECK_FALSE(room.look());
    REQUIRE(room.shortage());
    CHECK(room.shortage()->directory == "/b");
    disks.free["/b"] = 5000;
    CHECK(room.look());
    CHECK_FALSE(room.shortage());
}

TEST_CASE("inodes can be short as well", "[node]") {
    Disks disks{{{"/a", 1000}}};
    DiskRoom room({"/a"}, 400, disks.look());
    disks.files = DiskRoom::files_reserve;
    CHECK_FALSE(room.look());
    disks.files = DiskRoom::files_reserve - 1;
    REQUIRE(room.look());
    CHECK(room.shortage()->of_files);
    CHECK(describe(*room.shortage()) ==
          "there is hardly room for more files: 1023 inodes are left in /a; the node goes on by "
          "itself at 1280");
    disks.files = 1280;
    CHECK(room.look());
    CHECK_FALSE(room.shortage());
}

TEST_CASE("without a reserve, or where nothing is known, there is room", "[node]") {
    Disks disks{{{"/a", 0}}};
    disks.files = 0;
    DiskRoom none({"/a"}, 0, disks.look());
    CHECK_FALSE(none.look());
    DiskRoom gone({"/elsewhere"}, 400, disks.look());
    CHECK_FALSE(gone.look());
}

TEST_CASE("real file systems are asked, and a shortage is explained", "[node]") {
    const std::string here = std::filesystem::temp_directory_path().string();
    const auto free = free_room(here);
    REQUIRE(free);
    CHECK(free->bytes > 0);
    CHECK(free->files > 0);
    CHECK_FALSE(free_room(here + "/is/not/there"));
    DiskRoom room({here}, std::uint64_t{1} << 60);
    REQUIRE(room.look());
    const std::string text = describe(*room.shortage());
    CHECK_THAT(text, Catch::Contains("KiB are left in " + here) &&
                         Catch::Contains("node.disk_reserve_mbytes"));
}

} // namespace hp::node
