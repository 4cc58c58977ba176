// SPDX-License-Identifier: Apache-2.0
//
// Descriptors of a scripted run: what the contract gets and the node's ends of it (private).
//
// Threads: one thread at a time.
#pragma once

#include <hp/contract/testing.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hp::contract::testing::detail {

/// Throws std::system_error for the current errno.
[[noreturn]] void fail(const char* what);

class Fd {
public:
    Fd() = default;
    /// Takes over `fd`; a negative one is the failure of the call that made it.
    Fd(int fd, const char* what) : fd_(fd) {
        if (fd < 0)
            fail(what);
    }
    Fd(Fd&& other) noexcept : fd_(other.release()) {}
    Fd& operator=(Fd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd() { close(); }

    void close() noexcept;
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }

private:
    int fd_ = -1;
};

struct Pair {
    Fd host;
    Fd contract;
};

[[nodiscard]] Pair make_pipe();
/// An unnamed file with this content, at its beginning.
[[nodiscard]] Fd make_file(const char* name, std::string_view content);

/// All channels of one run, opened as the specification says.
struct Channels {
    explicit Channels(const RunSpec& spec);

    /// The document that tells the contract about them.
    [[nodiscard]] std::string describe(const RunSpec& spec) const;

    struct InputPlace {
        std::uint64_t offset;
        std::size_t length;
    };
    Fd inputs;
    std::vector<std::vector<InputPlace>> places; ///< by user
    std::vector<Pair> users;
    Pair control;
    Pair npl; ///< closed in read-only mode
};

} // namespace hp::contract::testing::detail
