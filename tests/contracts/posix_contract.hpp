// SPDX-License-Identifier: Apache-2.0
//
// What contracts do with the operating system: shared mappings, large and sparse files, links,
// locks, threads, child processes and pipelines. Each input is one request, "name" or
// "name:argument"; README.md lists them. Everything here is ordinary and must work in any sandbox.
//
// Threads: main thread only, except for the threads that the request of that name starts.
#pragma once

#include <hp/contract/contract.hpp>

#include <span>
#include <string>
#include <string_view>

namespace hp::posix_contract {

/// A failed request; its text goes to the user as "error:<text>".
struct Failure {
    std::string what;
};

struct Request {
    std::string_view name;
    std::string (*run)(std::string_view argument);
};

[[nodiscard]] std::span<const Request> file_requests();
[[nodiscard]] std::span<const Request> process_requests();

/// Throws a Failure with the name of the current errno.
[[noreturn]] void fail_errno();
/// Throws it when `good` is false.
void check(bool good);
/// The part before the first `separator`; the rest stays in `text`.
std::string take_word(std::string_view& text, char separator);
/// The whole text as a number.
[[nodiscard]] std::size_t number_of(std::string_view text);
/// Reads a descriptor to its end.
[[nodiscard]] std::string read_all(int fd);
void write_all(int fd, std::string_view bytes);

} // namespace hp::posix_contract
