// SPDX-License-Identifier: Apache-2.0
//
// What stands behind a Context, and how it comes to be (private).
//
// Threads: one thread at a time.
#pragma once

#include "document.hpp"
#include "input_map.hpp"
#include "io.hpp"

#include <hp/contract/context.hpp>

#include <memory>
#include <string>
#include <vector>

namespace hp::contract {

struct Context::Impl {
    Impl(std::string text, detail::Document decoded)
        : document_text(std::move(text)), document(std::move(decoded)),
          npl(document.npl_fd, document.public_key), control(document.control_fd),
          unl(std::move(document.unl)) {}

    std::string document_text;
    detail::Document document; ///< without users and unl, which moved to their classes
    std::vector<detail::UniqueFd> channels;
    detail::InputMap input_map;
    Npl npl;
    Control control;
    Unl unl;
    Users users{{}};
    int exit_code = 0;
    std::optional<Rng> rng; ///< made when first asked for, most contracts never do
};

namespace detail {

/// Decodes `text`, takes over every descriptor it names and maps the inputs. Nothing on error;
/// `error` then says what is wrong.
[[nodiscard]] std::unique_ptr<Context::Impl> make_context(std::string text, std::string& error);

} // namespace detail
} // namespace hp::contract
