// SPDX-License-Identifier: Apache-2.0
// Processes that wait for read requests (contract.warm_start), as long as requests are frequent.
// They have seen the read-only view and the private files as these were when they were started, and
// are used only while both are the same: before a consensus run, which may change private files,
// and before the view is brought up to date, all of them are given up. They never hold up either.
//
// Thread safe.
#pragma once

#include <filesystem>
#include <mutex>
#include <optional>
#include <vector>

#include "contract/waiting_contract.hpp"
#include "hp/base/log.hpp"

namespace hp::node {

class WarmReaders {
public:
    // `seed`: the directory with the private files. `count_max` processes at the most.
    WarmReaders(contract::Launcher& launcher, std::filesystem::path seed, std::size_t count_max,
                std::unique_ptr<contract::OpenWatch> watch, Log log);

    // The process for the request of `spec`, with its document; empty when there is none that can
    // be used. The caller is inside the read gate.
    std::optional<contract::StartedContract> take(const contract::RunSpec& spec);

    // Starts another process like that of `spec` if there is room.
    void refill(const contract::RunSpec& spec);

    void pause();  // what readers see is about to change: nothing waits until resume()
    void resume(); // it stays as it is until the next pause()
    void clear();  // requests are rare: nothing waits until the next refill()

private:
    struct Waiting {
        contract::WaitingContract process;
        Hash32 private_files; // when it was started
    };
    std::optional<Waiting> pop();
    void bar(const contract::SpawnRequest& command, std::string_view why);

    contract::Launcher& launcher_;
    std::filesystem::path seed_;
    std::size_t count_max_;
    std::unique_ptr<contract::OpenWatch> watch_;
    Log log_;

    std::mutex mutex_;
    std::vector<Waiting> waiting_; // oldest first
    bool paused_ = false;
    std::uint64_t pauses_ = 0;
    std::optional<contract::RunSpec> frequent_; // what requests look like while they are frequent
    std::optional<contract::SpawnRequest> barred_; // the command that is not started ahead
};

} // namespace hp::node
