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

    DiskRoom::FreeBytes look() {
        return [this](const std::filesystem::path& directory) -> Result<std::uint64_t> {
            const auto found = free.find(directory.string());
            return found == free.end() ? Result<std::uint64_t>(fail(Errc::io, "gone"))
                                       : Result<std::uint64_t>(found->second);
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
    CHECK(room.shortage()->free_bytes == 399);
    CHECK(room.shortage()->wanted_bytes == 500);
    for (const std::uint64_t still_short : {0U, 400U, 499U}) {
        disks.free["/b"] = still_short;
        CHECK_FALSE(room.look());
        REQUIRE(room.shortage());
        CHECK(room.shortage()->free_bytes == still_short);
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

TEST_CASE("without a reserve, or where nothing is known, there is room", "[node]") {
    Disks disks{{{"/a", 0}}};
    DiskRoom none({"/a"}, 0, disks.look());
    CHECK_FALSE(none.look());
    DiskRoom gone({"/elsewhere"}, 400, disks.look());
    CHECK_FALSE(gone.look());
}

TEST_CASE("real file systems are asked, and a shortage is explained", "[node]") {
    const std::string here = std::filesystem::temp_directory_path().string();
    const auto free = free_bytes(here);
    REQUIRE(free);
    CHECK(*free > 0);
    CHECK_FALSE(free_bytes(here + "/is/not/there"));
    DiskRoom room({here}, std::uint64_t{1} << 60);
    REQUIRE(room.look());
    const std::string text = describe(*room.shortage());
    CHECK_THAT(text, Catch::Contains("KiB are left in " + here) &&
                         Catch::Contains("node.disk_reserve_mbytes"));
}

} // namespace hp::node
