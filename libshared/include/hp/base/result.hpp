// SPDX-License-Identifier: Apache-2.0
// Result<T>: a value, or an Error that says what failed, where and what to do. Used for every
// expected failure (bad input, a misbehaving peer, I/O); broken invariants use HP_CHECK instead.
// Values, safe on any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace hp {

// Stable names: they appear in logs, JSON errors and documentation.
enum class Errc : unsigned char {
    invalid,     // malformed or out-of-range data
    too_large,   // over a named limit
    not_found,   // a file, ledger, key... that is not there
    exists,      // already there, or held by somebody else
    denied,      // permissions, signatures, trust
    io,          // the operating system refused an operation
    no_space,    // disk or quota full
    corrupt,     // stored data fails its checksum or its rules
    timeout,     // waited as long as allowed
    closed,      // the other side or this object is closed
    unavailable, // works, but not now (not synced, queue full)
    unsupported, // this build, kernel or machine cannot
};

std::string_view to_string(Errc code);

struct Error {
    Errc code = Errc::invalid;
    std::string context; // a sentence fragment: "cannot open x.db: No such file"

    // Adds the caller's point of view in front: what was being attempted.
    Error in(std::string_view doing) && {
        context.insert(0, std::string(doing) + ": ");
        return std::move(*this);
    }
};

template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
public:
    using tl::expected<T, Error>::expected;
    const Error& err() const { return this->error(); }
};

using Status = Result<void>;

inline tl::unexpected<Error> fail(Errc code, std::string context) {
    return tl::unexpected<Error>(Error{code, std::move(context)});
}

inline tl::unexpected<Error> fail(Error error) {
    return tl::unexpected<Error>(std::move(error));
}

// The text of errno value `number`, for example "No such file or directory".
std::string errno_text(int number);

// An Error from errno: ENOSPC/EDQUOT become no_space, ENOENT not_found, EACCES/EPERM denied.
Error errno_error(std::string_view doing, int number);

} // namespace hp

// Returns early with the error of `expr`; the value form declares `decl` from the success value.
#define HP_TRY_STATUS(expr)                                                                        \
    do {                                                                                           \
        if (auto hp_try_status_ = (expr); !hp_try_status_) {                                       \
            return ::hp::fail(std::move(hp_try_status_.error()));                                  \
        }                                                                                          \
    } while (false)

#define HP_TRY_CONCAT_(a, b) a##b
#define HP_TRY_NAME_(line) HP_TRY_CONCAT_(hp_try_, line)
#define HP_TRY(decl, expr)                                                                         \
    auto HP_TRY_NAME_(__LINE__) = (expr);                                                          \
    if (!HP_TRY_NAME_(__LINE__)) {                                                                 \
        return ::hp::fail(std::move(HP_TRY_NAME_(__LINE__).error()));                              \
    }                                                                                              \
    decl = std::move(*HP_TRY_NAME_(__LINE__))
