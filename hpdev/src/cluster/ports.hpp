// SPDX-License-Identifier: Apache-2.0
// Free ports for nodes. Whoever looks for some holds a lock of the machine's user until the nodes
// listen, so that two clusters that start at once do not choose the same. Blocking; one thread.
#pragma once

#include "cluster/expected.hpp"
#include "hp/os/fd.hpp"

#include <cstdint>
#include <set>

namespace hp::dev {

class PortChooser {
public:
    // Waits for other starts of this user, up to 30 s.
    static Expected<PortChooser> open();

    // Not in use now and not given before.
    bool take(std::uint16_t port);
    // The first such port from `begin` on. ErrorId::port_taken when the next 1000 are in use.
    Expected<std::uint16_t> next(std::uint16_t begin);

private:
    explicit PortChooser(os::Fd lock) : lock_(std::move(lock)) {}
    os::Fd lock_;
    std::set<std::uint16_t> given_;
};

// Whether somebody listens there, on any address.
bool is_port_busy(std::uint16_t port);

} // namespace hp::dev
