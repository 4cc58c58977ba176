// SPDX-License-Identifier: Apache-2.0
// Free ports for nodes, reserved for a cluster: no other hpdev of this user chooses them, also
// while the node that they belong to is stopped. A reservation is a lock on one byte of a file (the
// port's number is the byte's) that a forked child shares; the kernel lets go of it with the last
// process that has it, however that one ends. Blocking; one thread.
#pragma once

#include "cluster/expected.hpp"
#include "hp/os/fd.hpp"

#include <cstdint>
#include <set>

namespace hp::dev {

class PortReservations {
public:
    static Expected<PortReservations> open();

    // When nobody uses it, nobody else has reserved it and we have not, either.
    bool take(std::uint16_t port);
    // The first such port from `begin` on that is not to be avoided. ErrorId::port_taken when none
    // of the next 1000 is.
    Expected<std::uint16_t> next(std::uint16_t begin);

    // Left to others by next(): ports of clusters that are not running.
    void avoid(std::uint16_t port) { avoided_.insert(port); }
    void release(std::uint16_t port);

private:
    explicit PortReservations(os::Fd locks) : locks_(std::move(locks)) {}
    bool lock_byte(std::uint16_t port, short type);

    os::Fd locks_;
    std::set<std::uint16_t> taken_;
    std::set<std::uint16_t> avoided_;
};

// Whether somebody listens there, on any address.
bool is_port_busy(std::uint16_t port);

} // namespace hp::dev
