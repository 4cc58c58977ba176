// SPDX-License-Identifier: Apache-2.0
// HP_CHECK: an invariant that stays checked in every build. A broken one is a bug, never bad
// input: it prints where and why to stderr and aborts, because going on could corrupt data.
#pragma once

namespace hp::detail {

[[noreturn]] void check_failed(const char* expression, const char* why, const char* file, int line);

} // namespace hp::detail

#define HP_CHECK(condition, why)                                                                   \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            ::hp::detail::check_failed(#condition, why, __FILE__, __LINE__);                       \
        }                                                                                          \
    } while (false)
