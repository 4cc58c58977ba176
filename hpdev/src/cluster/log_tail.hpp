// SPDX-License-Identifier: Apache-2.0
// The ends of log files, and following them through rotation. Blocking file work; one thread.
#pragma once

#include "cluster/expected.hpp"
#include "hp/os/fd.hpp"

#include <string>
#include <vector>

namespace hp::dev {

// At most `lines_max` of the last MiB; none when there is no such file.
std::vector<std::string> tail_of(const fs::path& path, std::size_t lines_max);

// What is added to a file, line by line; a file of that name that is another one is begun at its
// start.
class LogFollower {
public:
    // Begins at the end of what is there now.
    explicit LogFollower(fs::path path);

    std::vector<std::string> read_new();

private:
    void open_at(std::uint64_t offset);
    bool was_replaced() const;
    void read_rest(std::vector<std::string>& lines);

    fs::path path_;
    os::Fd file_;
    std::uint64_t offset_ = 0;
    std::string partial_;
};

} // namespace hp::dev
