// SPDX-License-Identifier: Apache-2.0
#include "hp/os/local_socket.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "hp/os/files.hpp"

namespace hp::os {
namespace {

constexpr int backlog = 16;
constexpr std::size_t answer_step_bytes = 64 * 1024;

// An address for a path of any length; `directory` has to live as long as it is used.
struct Address {
    Fd directory;
    sockaddr_un name{};
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&name); }
};

Result<Address> make_address(const std::filesystem::path& path) {
    Address out;
    std::string text = path.string();
    if (text.size() >= sizeof out.name.sun_path) {
        HP_TRY(out.directory, open_file(path.parent_path(), O_PATH | O_DIRECTORY));
        text =
            "/proc/self/fd/" + std::to_string(out.directory.get()) + "/" + path.filename().string();
    }
    if (text.size() >= sizeof out.name.sun_path) {
        return fail(Errc::invalid, "the name of the socket " + path.string() + " is too long");
    }
    out.name.sun_family = AF_UNIX;
    text.copy(out.name.sun_path, sizeof out.name.sun_path - 1);
    return out;
}

Result<Fd> make_socket() {
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) {
        return fail(errno_error("cannot make a socket", errno));
    }
    return fd;
}

std::int64_t now_ms() {
    using namespace std::chrono;
    return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

// Waits until there is something to read or the end.
Status wait_readable(const Fd& socket, std::int64_t deadline_ms) {
    for (;;) {
        const auto left_ms = std::clamp<std::int64_t>(deadline_ms - now_ms(), 0, INT32_MAX);
        pollfd wanted{socket.get(), POLLIN, 0};
        const int ready = ::poll(&wanted, 1, static_cast<int>(left_ms));
        if (ready > 0) {
            return {};
        }
        if (ready == 0) {
            return fail(Errc::timeout, "no answer in time");
        }
        if (errno != EINTR) {
            return fail(errno_error("cannot wait for an answer", errno));
        }
    }
}

} // namespace

// Under another name first: whoever sees the socket's can connect.
Result<Fd> listen_local(const std::filesystem::path& path) {
    const std::filesystem::path unready = path.string() + ".new";
    HP_TRY(const Address address, make_address(unready));
    HP_TRY(Fd fd, make_socket());
    const std::string doing = "cannot listen on " + path.string();
    if (::unlink(unready.c_str()) != 0 && errno != ENOENT) {
        return fail(errno_error(doing, errno));
    }
    // The name gets the mode of the socket.
    if (::fchmod(fd.get(), 0600) != 0 ||
        ::bind(fd.get(), address.get(), sizeof address.name) != 0 ||
        ::chmod(unready.c_str(), 0600) != 0 || ::listen(fd.get(), backlog) != 0 ||
        ::rename(unready.c_str(), path.c_str()) != 0) {
        const Error error = errno_error(doing, errno);
        ::unlink(unready.c_str());
        return fail(error);
    }
    return fd;
}

Result<Fd> connect_local(const std::filesystem::path& path) {
    HP_TRY(const Address address, make_address(path));
    HP_TRY(Fd fd, make_socket());
    while (::connect(fd.get(), address.get(), sizeof address.name) != 0) {
        if (errno == ECONNREFUSED) {
            return fail(Errc::closed, "nobody listens on " + path.string());
        }
        if (errno == EAGAIN) {
            return fail(Errc::timeout, "too many wait for an answer of " + path.string());
        }
        if (errno != EINTR) {
            return fail(errno_error("cannot connect to " + path.string(), errno));
        }
    }
    return fd;
}

Result<Bytes> read_to_end(const Fd& socket, std::size_t bytes_max, std::int64_t timeout_ms) {
    const std::int64_t deadline_ms = now_ms() + timeout_ms;
    Bytes out;
    std::size_t used = 0;
    for (;;) {
        HP_TRY_STATUS(wait_readable(socket, deadline_ms));
        out.resize(std::min(used + answer_step_bytes, bytes_max + 1));
        HP_TRY(const std::size_t count, read_some(socket.get(), std::span(out).subspan(used)));
        used += count;
        if (used > bytes_max) {
            return fail(Errc::too_large,
                        "an answer of more than " + std::to_string(bytes_max) + " bytes");
        }
        if (count == 0) {
            out.resize(used);
            return out;
        }
    }
}

} // namespace hp::os
