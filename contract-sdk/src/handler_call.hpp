// SPDX-License-Identifier: Apache-2.0
//
// Calls a contract's handler so that whatever it throws ends here (private).
//
// Threads: the handler runs on the caller's thread.
#pragma once

#include <hp/contract/contract.hpp>

#include <array>

namespace hp::contract::detail {

struct HandlerOutcome {
    int exit_code = exit_ok;
    /// What the handler threw, cut to fit; empty if it returned. Not a std::string: the exception
    /// may well say that there is no memory left.
    std::array<char, 512> failure{};
};

[[nodiscard]] HandlerOutcome call_handler(const Handler& handler, Context& context) noexcept;

} // namespace hp::contract::detail
