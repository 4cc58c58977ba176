// SPDX-License-Identifier: Apache-2.0
//
// The only place that catches what contracts throw.
//
// Threads: the handler runs on the caller's thread.
#include "handler_call.hpp"

#include <cstdio>
#include <exception>

namespace hp::contract::detail {
namespace {

HandlerOutcome make_failure(const char* what) noexcept {
    HandlerOutcome out;
    out.exit_code = exit_handler_failed;
    std::snprintf(out.failure.data(), out.failure.size(), "the handler failed: %s", what);
    return out;
}

} // namespace

HandlerOutcome call_handler(const Handler& handler, Context& context) noexcept {
    try {
        handler(context);
        HandlerOutcome out;
        out.exit_code = context.exit_code();
        return out;
    } catch (const std::exception& e) {
        return make_failure(e.what());
    } catch (...) {
        return make_failure("the exception is no std::exception");
    }
}

} // namespace hp::contract::detail
