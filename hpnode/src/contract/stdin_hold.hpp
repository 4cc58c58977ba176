// SPDX-License-Identifier: Apache-2.0
// Holds a process, and everything it starts, where it first wants something of its stdin, until its
// document is there: a seccomp filter hands such system calls to the supervisor, which lets them go
// on when it is told to. Stdin itself is an ordinary file, as for every other run: some runtimes
// make a pipe non-blocking, and then take it for empty.
//
// What the filter cannot see is the document opened again by its name; the node notices that.
//
// Thread rule: a supervisor's single thread, and its vfork child.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <linux/filter.h>

namespace hp::contract {

// Made before the fork: the child must not allocate.
std::vector<sock_filter> make_stdin_filter();

// In the child, before exec: installs the filter and sends its listener over `socket`. False with
// errno set; a process without privileges needs no_new_privs before.
bool hold_stdin(std::span<sock_filter> filter, int socket);

// In the parent: the listener, -1 when there is none.
int receive_listener(int socket);

class StdinHold {
public:
    StdinHold() = default;
    explicit StdinHold(int listener) : listener_(listener) {}

    int fd() const { return listener_; } // for poll(); -1 when there is nothing to hold
    void on_event(short events);
    void release(); // what waits goes on, and everything after it at once

private:
    void let_go(std::uint64_t id) const;

    int listener_ = -1;
    bool released_ = false;
    std::vector<std::uint64_t> held_;
};

} // namespace hp::contract
