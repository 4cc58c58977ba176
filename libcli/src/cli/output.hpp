// SPDX-License-Identifier: Apache-2.0
// Standard output carries answers, standard error everything else. Unbuffered, so that lines of a
// stream arrive when they happen and errors of writing are seen. One thread.
#pragma once

#include "cli/errors.hpp"

#include <string_view>

namespace hp::cli {

struct Args;

// Fails silently with the closed-pipe code when the reader has gone, loudly otherwise.
tl::expected<void, Failure> write_answer(std::string_view text);

// Part of a stream of answers, in the shape that was asked for.
tl::expected<void, Failure> write_answer(const Args& args, std::string_view text);

void write_note(std::string_view text); // errors are ignored: there is nobody left to tell

} // namespace hp::cli
