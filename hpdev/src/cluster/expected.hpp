// SPDX-License-Identifier: Apache-2.0
// Errors of the development kit are what the user will read (cli::Failure), so its functions give
// them back as they are; errors of the libraries below become one. Values; any thread.
#pragma once

#include "cli/errors.hpp"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

namespace hp::dev {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

template <class T>
using Expected = tl::expected<T, cli::Failure>;
using Done = Expected<void>;

inline cli::Failure to_failure(cli::Failure failure) {
    return failure;
}
inline cli::Failure to_failure(const Error& error) {
    return {error.code == Errc::not_found ? cli::ErrorId::file_not_found : cli::ErrorId::failed,
            error.context};
}

inline std::string dump_json(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// An object, or nothing.
inline std::optional<Json> parse_object(std::string_view text) {
    Json out = Json::parse(text, nullptr, false);
    return out.is_object() ? std::optional(std::move(out)) : std::nullopt;
}

} // namespace hp::dev

// As HP_TRY, for functions that give back Expected.
#define HP_DEV_TRY_STATUS(expr)                                                                    \
    do {                                                                                           \
        if (auto hp_try_status_ = (expr); !hp_try_status_) {                                       \
            return tl::unexpected(::hp::dev::to_failure(std::move(hp_try_status_.error())));       \
        }                                                                                          \
    } while (false)
#define HP_DEV_TRY(decl, expr)                                                                     \
    auto HP_TRY_NAME_(__LINE__) = (expr);                                                          \
    if (!HP_TRY_NAME_(__LINE__)) {                                                                 \
        return tl::unexpected(::hp::dev::to_failure(std::move(HP_TRY_NAME_(__LINE__).error())));   \
    }                                                                                              \
    decl = std::move(*HP_TRY_NAME_(__LINE__))
