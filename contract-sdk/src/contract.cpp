// SPDX-License-Identifier: Apache-2.0
//
// run(): from standard input to exit code. Nothing that goes wrong here leaves as an exception.
//
// Threads: main thread only.
#include "context_impl.hpp"
#include "handler_call.hpp"

#include <cstdio>
#include <exception>

#include <unistd.h>

namespace hp::contract {
namespace {

void report(const char* what) noexcept {
    std::fprintf(stderr, "contract: %s\n", what);
}

std::unique_ptr<Context::Impl> start(std::string& error) {
    if (::isatty(STDIN_FILENO) == 1) {
        error =
            "this program is a HotPocket contract: a node starts it and describes the run on its "
            "standard input; it cannot run from a terminal";
        return nullptr;
    }
    std::string text;
    if (const auto failed = detail::read_to_end(STDIN_FILENO, text)) {
        error = "standard input cannot be read: " + failed.message();
        return nullptr;
    }
    if (text.empty()) {
        error = "standard input is empty: the document was read before, or no node started this";
        return nullptr;
    }
    auto impl = detail::make_context(std::move(text), error);
    if (!impl)
        error.insert(0, "the document on standard input is not usable: ");
    return impl;
}

std::optional<Context> try_start() noexcept {
    try {
        std::string error;
        if (auto impl = start(error))
            return std::optional<Context>(std::in_place, std::move(impl));
        report(error.c_str());
    } catch (const std::exception& e) {
        report(e.what());
    }
    return std::nullopt;
}

} // namespace

int run(const Handler& handler) {
    std::optional<Context> context = try_start();
    if (!context)
        return exit_bad_start;
    const detail::HandlerOutcome outcome = detail::call_handler(handler, *context);
    if (outcome.failure[0] != '\0')
        report(outcome.failure.data());
    // The node may be gone or old; either way there is nobody left to tell.
    static_cast<void>(context->control().contract_end());
    return outcome.exit_code;
}

} // namespace hp::contract
