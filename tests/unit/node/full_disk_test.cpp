// SPDX-License-Identifier: Apache-2.0
// A disk without space, in a child process: there is no way back.
#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include "node/full_disk.hpp"

namespace hp::node {
namespace {

// 0 when everything is as on a full disk; otherwise which thing is not.
int try_full_disk(int file, int pipe_end) {
    if (::pwrite(file, "a", 1, 0) != 1) {
        return 1;
    }
    if (!fill_disk()) {
        return 2;
    }
    if (::pwrite(file, "b", 1, 0) != -1 || errno != ENOSPC) {
        return 3;
    }
    if (::ftruncate(file, 100) != -1 || errno != ENOSPC) {
        return 4;
    }
    char read_back = 0;
    if (::pread(file, &read_back, 1, 0) != 1 || read_back != 'a') {
        return 5;
    }
    return ::write(pipe_end, "c", 1) == 1 ? 0 : 6; // what others are told still goes out
}

TEST_CASE("a process whose disk is full reads and talks, but stores nothing", "[node]") {
    std::string name = "/tmp/hp_full_disk_XXXXXX";
    const int file = ::mkstemp(name.data());
    REQUIRE(file >= 0);
    ::unlink(name.c_str());
    int ends[2] = {};
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
        ::_exit(try_full_disk(file, ends[1]));
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(::pwrite(file, "d", 1, 0) == 1); // nobody else's business
    for (const int fd : {file, ends[0], ends[1]}) {
        ::close(fd);
    }
}

} // namespace
} // namespace hp::node
