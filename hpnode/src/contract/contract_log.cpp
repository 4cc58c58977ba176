// SPDX-License-Identifier: Apache-2.0
#include "contract/contract_log.hpp"

#include <algorithm>
#include <charconv>
#include <fcntl.h>
#include <optional>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "hp/base/limits.hpp"
#include "hp/os/files.hpp"

namespace hp::contract {
namespace {

constexpr unsigned log_file_mode = 0664; // contract-protocol.md section 2

// Users choose the ids of their requests: they must neither look like titles nor fill the log.
constexpr std::size_t shown_id_bytes_max = 64;

std::optional<std::uint64_t> parse_number(std::string_view text) {
    std::uint64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    return error == std::errc() && stop == end ? std::optional(number) : std::nullopt;
}

} // namespace

ContractLogFile::ContractLogFile(std::filesystem::path directory, std::string mode,
                                 std::string stream, std::uint64_t bytes_max,
                                 std::uint64_t files_max)
    : directory_(std::move(directory)), mode_(std::move(mode)), stream_(std::move(stream)),
      bytes_max_(bytes_max), files_max_(files_max) {
    remove_surplus();
}

std::filesystem::path ContractLogFile::numbered(std::uint64_t number) const {
    const std::string middle = number == 0 ? std::string() : "_" + std::to_string(number);
    return directory_ / (mode_ + middle + "." + stream_ + ".log");
}

// What a larger max_file_count has left behind.
void ContractLogFile::remove_surplus() const {
    const std::string front = mode_ + "_";
    const std::string back = "." + stream_ + ".log";
    std::error_code error;
    for (std::filesystem::directory_iterator at(directory_, error), end; !error && at != end;
         at.increment(error)) {
        const std::string name = at->path().filename().string();
        if (name.size() <= front.size() + back.size() || !name.starts_with(front) ||
            !name.ends_with(back)) {
            continue;
        }
        const auto number = parse_number(
            std::string_view(name).substr(front.size(), name.size() - front.size() - back.size()));
        if (number && *number >= files_max_) {
            std::error_code ignored; // a leftover that stays does no harm
            std::filesystem::remove(at->path(), ignored);
        }
    }
}

bool ContractLogFile::append(std::uint64_t run, const std::string& title, ByteView bytes) {
    const std::lock_guard lock(mutex_);
    if (last_run_ != run && !begin_block(run, title)) {
        return false;
    }
    while (!bytes.empty()) {
        const std::size_t size = piece_size(bytes);
        if (!put(bytes.first(size))) {
            return false;
        }
        bytes = bytes.subspan(size);
        if (!bytes.empty()) {
            rotate();
            if (last_run_ != run && !begin_block(run, title)) {
                return false;
            }
        }
    }
    return true;
}

bool ContractLogFile::begin_block(std::uint64_t run, const std::string& title) {
    struct stat info {};
    if (file_ && ::fstat(file_.get(), &info) == 0 && info.st_nlink == 0) {
        file_.reset(); // somebody has tidied up
    }
    if (!file_ && !open_live()) {
        return false;
    }
    if (size_ >= rotate_at_) {
        rotate();
    }
    const std::string line = (at_line_start_ ? "" : "\n") + title + "\n";
    if (!file_ || !put(as_bytes(line))) {
        return false;
    }
    last_run_ = run;
    block_at_ = size_;
    return true;
}

// How much of `bytes` still belongs into the live file: whole lines if there are any. A line longer
// than a file is cut.
std::size_t ContractLogFile::piece_size(ByteView bytes) const {
    const std::uint64_t room = rotate_at_ > size_ ? rotate_at_ - size_ : 0;
    if (bytes.size() <= room) {
        return bytes.size();
    }
    const std::string_view fitting = as_text(bytes).substr(0, static_cast<std::size_t>(room));
    const std::size_t line_end = fitting.rfind('\n');
    if (line_end != std::string_view::npos) {
        return line_end + 1;
    }
    return at_line_start_ && size_ > block_at_ ? 0 : fitting.size();
}

// All of it or nothing.
bool ContractLogFile::put(ByteView bytes) {
    if (bytes.empty()) {
        return true;
    }
    if (!os::write_all(file_.get(), bytes)) {
        // Part of it may have reached a disk that is now full.
        [[maybe_unused]] const int ignored = ::ftruncate(file_.get(), static_cast<off_t>(size_));
        return false;
    }
    size_ += bytes.size();
    at_line_start_ = bytes.back() == '\n';
    return true;
}

bool ContractLogFile::open_live() {
    auto file = os::open_file(numbered(0), O_RDWR | O_APPEND | O_CREAT, log_file_mode);
    struct stat info {};
    if (!file || ::fstat(file->get(), &info) != 0) {
        return false;
    }
    file_ = std::move(*file);
    size_ = static_cast<std::uint64_t>(info.st_size);
    rotate_at_ = bytes_max_;
    block_at_ = 0;
    last_run_ = 0;
    char last = '\n';
    at_line_start_ =
        info.st_size == 0 || ::pread(file_.get(), &last, 1, info.st_size - 1) != 1 || last == '\n';
    return true;
}

// Makes the live file number 1, or empties it when there is to be no other.
void ContractLogFile::rotate() {
    bool done = false;
    if (files_max_ <= 1) {
        done = ::ftruncate(file_.get(), 0) == 0;
    } else {
        std::uint64_t last = 0; // of those that stay
        while (last + 2 < files_max_ && ::access(numbered(last + 1).c_str(), F_OK) == 0) {
            ++last;
        }
        for (std::uint64_t number = last + 1; number > 0; --number) {
            // Replaces the oldest when there are as many as may be.
            done = ::rename(numbered(number - 1).c_str(), numbered(number).c_str()) == 0;
        }
    }
    if (!done || !open_live()) {
        // Go on in the file that is open, and try again only after another file's worth.
        rotate_at_ = size_ + bytes_max_;
    }
}

ContractLog::ContractLog(const std::filesystem::path& directory, const std::string& mode,
                         const config::ContractLog& settings)
    : out_(directory, mode, "stdout", settings.max_mbytes_per_file * limits::mib,
           settings.max_file_count),
      err_(directory, mode, "stderr", settings.max_mbytes_per_file * limits::mib,
           settings.max_file_count) {}

std::string make_run_title(const LedgerId& lcl) {
    return "Execution lcl " + std::to_string(lcl.seq) + "-" + lcl.hash.hex();
}

std::string make_read_title(const LedgerId& lcl, const PublicKey& user,
                            std::string_view request_id) {
    std::string shown(request_id.substr(0, shown_id_bytes_max));
    std::replace_if(
        shown.begin(), shown.end(), [](char c) { return c <= ' ' || c >= 0x7f; }, '?');
    return make_run_title(lcl) + " readonly user " + user.hex() + " request " + shown;
}

} // namespace hp::contract
