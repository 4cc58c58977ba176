// SPDX-License-Identifier: Apache-2.0
//
// A state that is one small file: read at the start, replaced at the end, before anybody is told.
//
// Threads: main thread only.
#include "counter.hpp"

#include <hp/contract/files.hpp>
#include <hp/contract/json.hpp>

#include <charconv>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace counter {
namespace {

using namespace hp::contract;

constexpr const char* count_file = "count.txt";

/// 0 before the first input. A file that cannot be read ends the run (with exit code 1): going on
/// from 0 would destroy the count.
std::uint64_t load() {
    const auto text = read_file(count_file);
    if (!text && text.error().code == std::errc::no_such_file_or_directory)
        return 0;
    if (!text)
        throw std::runtime_error(text.error().message);
    std::uint64_t count = 0;
    const char* const end = text->data() + text->size();
    const auto parsed = std::from_chars(text->data(), end, count);
    if (parsed.ec != std::errc{} || parsed.ptr != end)
        throw std::runtime_error("count.txt does not hold a number");
    return count;
}

void save(std::uint64_t count) {
    if (const Status done = replace_file(count_file, std::to_string(count)); !done)
        throw std::runtime_error(done.error().message);
}

} // namespace

void on_run(Context& c) {
    const std::uint64_t before = load();
    std::uint64_t count = before;
    if (!c.readonly()) {
        for (const User& user : c.users())
            count += user.inputs().size();
        if (count != before)
            save(count);
    }
    std::uint64_t number = before;
    for (User& user : c.users())
        for (std::size_t i = 0; i < user.inputs().size(); ++i)
            send_json(user, Value::Object{{"count", c.readonly() ? number : ++number}});
}

} // namespace counter
