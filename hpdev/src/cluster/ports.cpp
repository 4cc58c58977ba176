// SPDX-License-Identifier: Apache-2.0
#include "cluster/ports.hpp"

#include "cluster/user_folder.hpp"
#include "hp/os/files.hpp"

#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <thread>

namespace hp::dev {
namespace {

constexpr unsigned tries_max = 1000;
constexpr int lock_tries_max = 600;
constexpr auto lock_retry = std::chrono::milliseconds(50);

} // namespace

bool is_port_busy(std::uint16_t port) {
    const os::Fd probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1; // as nodes do: connections that wait for their end do not count
    ::setsockopt(probe.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    return ::bind(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
           ::listen(probe.get(), 1) != 0;
}

Expected<PortChooser> PortChooser::open() {
    HP_DEV_TRY(const fs::path folder, user_folder());
    HP_DEV_TRY(os::Fd lock, os::open_file(folder / "ports.lock", O_RDWR | O_CREAT, 0600));
    for (int i = 0; i < lock_tries_max; ++i) {
        if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) {
            return PortChooser(std::move(lock));
        }
        if (errno != EWOULDBLOCK && errno != EINTR) {
            break;
        }
        std::this_thread::sleep_for(lock_retry);
    }
    return cli::failure(cli::ErrorId::failed, "cannot choose ports: another start holds " +
                                                  (folder / "ports.lock").string());
}

bool PortChooser::take(std::uint16_t port) {
    return port != 0 && !given_.contains(port) && !is_port_busy(port) && given_.insert(port).second;
}

Expected<std::uint16_t> PortChooser::next(std::uint16_t begin) {
    for (unsigned i = 0; i < tries_max && begin + i <= 65535; ++i) {
        const auto port = static_cast<std::uint16_t>(begin + i);
        if (take(port)) {
            return port;
        }
    }
    return cli::failure(cli::ErrorId::port_taken,
                        "no port from " + std::to_string(begin) + " on is free",
                        "choose others with --user-port and --peer-port");
}

} // namespace hp::dev
