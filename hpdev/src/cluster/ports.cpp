// SPDX-License-Identifier: Apache-2.0
#include "cluster/ports.hpp"

#include "cluster/user_folder.hpp"
#include "hp/os/files.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace hp::dev {
namespace {

constexpr unsigned tries_max = 1000;

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

Expected<PortReservations> PortReservations::open() {
    HP_DEV_TRY(const fs::path folder, user_folder());
    HP_DEV_TRY(os::Fd locks, os::open_file(folder / "ports.lock", O_RDWR | O_CREAT, 0600));
    return PortReservations(std::move(locks));
}

bool PortReservations::lock_byte(std::uint16_t port, short type) {
    struct flock byte {};
    byte.l_type = type;
    byte.l_whence = SEEK_SET;
    byte.l_start = port;
    byte.l_len = 1;
    return ::fcntl(locks_.get(), F_OFD_SETLK, &byte) == 0;
}

bool PortReservations::take(std::uint16_t port) {
    // Reserved before it is tried: trying uses it for a moment, which could be another's start.
    if (port == 0 || taken_.contains(port) || !lock_byte(port, F_WRLCK)) {
        return false;
    }
    if (is_port_busy(port)) {
        lock_byte(port, F_UNLCK);
        return false;
    }
    taken_.insert(port);
    return true;
}

Expected<std::uint16_t> PortReservations::next(std::uint16_t begin) {
    for (unsigned i = 0; i < tries_max && begin + i <= 65535; ++i) {
        const auto port = static_cast<std::uint16_t>(begin + i);
        if (!avoided_.contains(port) && take(port)) {
            return port;
        }
    }
    return cli::failure(cli::ErrorId::port_taken,
                        "no port from " + std::to_string(begin) + " on is free",
                        "choose others with --user-port and --peer-port");
}

void PortReservations::release(std::uint16_t port) {
    if (taken_.erase(port) > 0) {
        lock_byte(port, F_UNLCK);
    }
}

} // namespace hp::dev
