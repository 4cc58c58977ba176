// SPDX-License-Identifier: Apache-2.0
#include "cli/output.hpp"

#include "cli/presenter.hpp"

#include <cerrno>
#include <poll.h>
#include <unistd.h>

namespace hp::cli {
namespace {

// 0 or the errno. Waits when the descriptor was left non-blocking by somebody else.
int write_fully(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t wrote = ::write(fd, text.data(), text.size());
        if (wrote >= 0) {
            text.remove_prefix(static_cast<std::size_t>(wrote));
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            pollfd ready{fd, POLLOUT, 0};
            ::poll(&ready, 1, -1);
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

} // namespace

tl::expected<void, Failure> write_answer(std::string_view text) {
    const int error = write_fully(STDOUT_FILENO, text);
    if (error == EPIPE) {
        return tl::unexpected(silent(exit_closed_pipe));
    }
    if (error != 0) {
        return failure(ErrorId::cannot_write, "cannot write the answer: " + errno_text(error));
    }
    return {};
}

tl::expected<void, Failure> write_answer(const Args& args, std::string_view text) {
    return write_answer(args.presenter ? args.presenter->show(text) : text);
}

void write_note(std::string_view text) {
    (void)write_fully(STDERR_FILENO, text);
}

} // namespace hp::cli
