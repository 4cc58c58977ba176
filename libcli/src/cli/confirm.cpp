// SPDX-License-Identifier: Apache-2.0
#include "cli/confirm.hpp"

#include "cli/output.hpp"

#include <array>
#include <unistd.h>

namespace hp::cli {

tl::expected<void, Failure> confirm(const Args& args, const std::string& what) {
    if (args.yes) {
        return {};
    }
    if (args.no_input || ::isatty(STDIN_FILENO) != 1) {
        return failure(ErrorId::usage, "to " + what + ", say --yes");
    }
    write_note(what + "? [y/N] ");
    std::array<char, 16> answer{};
    const ssize_t got = ::read(STDIN_FILENO, answer.data(), answer.size());
    if (got > 0 && (answer[0] == 'y' || answer[0] == 'Y')) {
        return {};
    }
    return failure(ErrorId::failed, "not done");
}

} // namespace hp::cli
