// SPDX-License-Identifier: Apache-2.0
// A cluster for one purpose, "temporary-PID" among those of the project: it is removed with this
// object, and its processes end with this program, however that ends. Blocking; the process must
// have one thread (launch.hpp).
#pragma once

#include "cli/args.hpp"
#include "cluster/places.hpp"

#include <memory>

namespace hp::dev {

struct TemporaryWanted {
    unsigned nodes = 3, observers = 0;
    std::uint32_t roundtime_ms = 0, threshold = 0; // 0: as the contract has it
    fs::path bundle;
};

class TemporaryCluster {
public:
    static Expected<std::unique_ptr<TemporaryCluster>>
    start(const cli::Args& args, const Place& place, const TemporaryWanted& wanted);
    ~TemporaryCluster();
    TemporaryCluster(const TemporaryCluster&) = delete;
    TemporaryCluster& operator=(const TemporaryCluster&) = delete;

    const fs::path& dir() const { return dir_; } // of cluster.json

private:
    explicit TemporaryCluster(fs::path dir) : dir_(std::move(dir)) {}
    fs::path dir_;
};

} // namespace hp::dev
