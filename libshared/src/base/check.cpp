// SPDX-License-Identifier: Apache-2.0
#include "hp/base/check.hpp"

#include <cstdio>
#include <cstdlib>
#include <execinfo.h>

namespace hp::detail {

void check_failed(const char* expression, const char* why, const char* file, int line) {
    std::fprintf(stderr, "BUG: %s (%s) at %s:%d\n", why, expression, file, line);
    void* frames[32];
    const int count = backtrace(frames, 32);
    backtrace_symbols_fd(frames, count, 2);
    std::abort();
}

} // namespace hp::detail
