// SPDX-License-Identifier: Apache-2.0
// The contract's stdout and stderr on disk, when contract.log.enable is set (contract-protocol.md
// 6.6): rw.stdout.log and rw.stderr.log for consensus runs, ro.stdout.log and ro.stderr.log for
// read requests. A full file becomes rw_1.stdout.log, that one rw_2.stdout.log and so on, also in
// the middle of a run. A line with the run's title stands before what a run wrote, again after each
// rotation and whenever another run has written in between.
//
// Disk errors never reach the contract: what cannot be written is dropped. Thread safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>

#include "hp/base/ids.hpp"
#include "hp/config/config.hpp"
#include "hp/os/fd.hpp"

namespace hp::contract {

// One of the two streams of one mode.
class ContractLogFile {
public:
    // Also removes older files beyond the number that is kept.
    ContractLogFile(std::filesystem::path directory, std::string mode, std::string stream,
                    std::uint64_t bytes_max, std::uint64_t files_max);

    // Appends what a run wrote; nothing but the title, if it is not there yet, when `bytes` is
    // empty. `run` tells runs apart whose titles are the same. False when a part could not be
    // written.
    bool append(std::uint64_t run, const std::string& title, ByteView bytes);

private:
    std::filesystem::path numbered(std::uint64_t number) const; // 0: the live file
    void remove_surplus() const;
    bool open_live();
    void rotate();
    bool begin_block(std::uint64_t run, const std::string& title);
    bool put(ByteView bytes);
    std::size_t piece_size(ByteView bytes) const;

    std::filesystem::path directory_;
    std::string mode_;
    std::string stream_;
    std::uint64_t bytes_max_;
    std::uint64_t files_max_;

    std::mutex mutex_;
    os::Fd file_;
    std::uint64_t size_ = 0;
    std::uint64_t rotate_at_ = 0;
    std::uint64_t block_at_ = 0; // where the newest title ends
    bool at_line_start_ = true;
    std::uint64_t last_run_ = 0; // whose title is the newest in the live file; 0: nobody's
};

class ContractLog {
public:
    // `mode` is "rw" or "ro". Makes no file until something is written.
    ContractLog(const std::filesystem::path& directory, const std::string& mode,
                const config::ContractLog& settings);

    std::uint64_t next_run() { return ++runs_; }
    ContractLogFile& out() { return out_; }
    ContractLogFile& err() { return err_; }

private:
    std::atomic<std::uint64_t> runs_{0};
    ContractLogFile out_;
    ContractLogFile err_;
};

// "Execution lcl 13-d347..." as in HotPocket, and for a read request, which has no name there.
std::string make_run_title(const LedgerId& lcl);
std::string make_read_title(const LedgerId& lcl, const PublicKey& user,
                            std::string_view request_id);

} // namespace hp::contract
