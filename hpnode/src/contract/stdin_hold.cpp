// SPDX-License-Identifier: Apache-2.0
#include "contract/stdin_hold.hpp"

#include <cstddef>
#include <cstring>
#include <initializer_list>

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace hp::contract {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t own_architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t own_architecture = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t own_architecture = 0; // nothing is held: of no use, but no harm either
#endif

constexpr sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
constexpr sock_filter hold = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);

constexpr sock_filter load(std::size_t offset) {
    return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
}

// The lower half of an argument, which comes first on the little-endian machines above. Descriptors
// and flags have no more.
constexpr sock_filter load_argument(std::size_t index) {
    return load(offsetof(seccomp_data, args) + index * sizeof(std::uint64_t));
}

// The comparisons go on with the next instruction when they hold, else jump over `count`.
constexpr sock_filter if_equal(std::uint32_t value, std::uint8_t count) {
    return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, count);
}
constexpr sock_filter if_greater(std::uint32_t value, std::uint8_t count) {
    return BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, value, 0, count);
}
constexpr sock_filter if_not_set(std::uint32_t bits, std::uint8_t count) {
    return BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, count, 0);
}

struct Rule {
    long call;
    std::vector<sock_filter> code; // ends in `hold` or `allow` on every path
};

// Held when the argument with this index is descriptor 0.
Rule descriptor(long call, std::size_t index) {
    return {call, {load_argument(index), if_equal(0, 1), hold, allow}};
}

std::vector<Rule> make_rules() {
    std::vector<Rule> rules;
    for (const long call : {SYS_read, SYS_pread64, SYS_readv, SYS_preadv, SYS_preadv2, SYS_splice,
                            SYS_tee, SYS_copy_file_range, SYS_dup,
#ifdef SYS_dup2
                            SYS_dup2,
#endif
                            SYS_dup3}) {
        rules.push_back(descriptor(call, 0));
    }
    rules.push_back(descriptor(SYS_sendfile, 1));
    rules.push_back({SYS_mmap,
                     {load_argument(3), if_not_set(MAP_ANONYMOUS, 3), load_argument(4),
                      if_equal(0, 1), hold, allow}});
    // Looking for its own position is what runtimes do first of all; the end is what tells a size.
    rules.push_back({SYS_lseek,
                     {load_argument(0), if_equal(0, 3), load_argument(2), if_greater(SEEK_CUR, 1),
                      hold, allow}});
    rules.push_back({SYS_fcntl,
                     {load_argument(0), if_equal(0, 5), load_argument(1), if_equal(F_DUPFD, 1),
                      hold, if_equal(F_DUPFD_CLOEXEC, 1), hold, allow}});
    rules.push_back({SYS_io_uring_setup, {hold}}); // nobody would see what is read through a ring
    return rules;
}

// Both directions of a message with one byte and one descriptor.
struct DescriptorMessage {
    DescriptorMessage() {
        header.msg_iov = &part;
        header.msg_iovlen = 1;
        header.msg_control = control;
        header.msg_controllen = sizeof control;
    }

    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    char byte = 0;
    iovec part{&byte, 1};
    msghdr header{};
};

} // namespace

std::vector<sock_filter> make_stdin_filter() {
    const std::vector<Rule> rules = make_rules();
    std::vector<sock_filter> code = {load(offsetof(seccomp_data, arch)),
                                     if_equal(own_architecture, 0), // else over the table too
                                     load(offsetof(seccomp_data, nr))};
    code[1].jf = static_cast<std::uint8_t>(1 + rules.size());
    std::size_t distance = 1; // from the end of the table to the code of the next rule
    for (std::size_t i = 0; i < rules.size(); ++i) {
        const std::size_t jump = rules.size() - 1 - i + distance;
        code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
                                static_cast<std::uint32_t>(rules[i].call),
                                static_cast<std::uint8_t>(jump), 0));
        distance += rules[i].code.size();
    }
    code.push_back(allow);
    for (const Rule& rule : rules) {
        code.insert(code.end(), rule.code.begin(), rule.code.end());
    }
    return code;
}

bool hold_stdin(std::span<sock_filter> filter, int socket) {
    const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
    const long result =
        ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
    if (result < 0) {
        return false;
    }
    const int listener = static_cast<int>(result);
    DescriptorMessage message;
    cmsghdr* const attached = CMSG_FIRSTHDR(&message.header);
    attached->cmsg_level = SOL_SOCKET;
    attached->cmsg_type = SCM_RIGHTS;
    attached->cmsg_len = CMSG_LEN(sizeof listener);
    std::memcpy(CMSG_DATA(attached), &listener, sizeof listener);
    return ::sendmsg(socket, &message.header, MSG_NOSIGNAL) == 1; // exec closes the listener here
}

int receive_listener(int socket) {
    DescriptorMessage message;
    if (::recvmsg(socket, &message.header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != 1) {
        return -1;
    }
    const cmsghdr* const attached = CMSG_FIRSTHDR(&message.header);
    int listener = -1;
    if (attached != nullptr && attached->cmsg_type == SCM_RIGHTS) {
        std::memcpy(&listener, CMSG_DATA(attached), sizeof listener);
    }
    return listener;
}

void StdinHold::on_event(short events) {
    if ((events & POLLIN) == 0) { // nobody is left who could ask
        ::close(listener_);
        listener_ = -1;
        return;
    }
    alignas(
        seccomp_notif) char buffer[2 * sizeof(seccomp_notif)] = {}; // a newer kernel's is larger
    if (::ioctl(listener_, SECCOMP_IOCTL_NOTIF_RECV, buffer) != 0) {
        return; // killed meanwhile
    }
    seccomp_notif notification;
    std::memcpy(&notification, buffer, sizeof notification);
    if (released_) {
        let_go(notification.id);
    } else {
        held_.push_back(notification.id);
    }
}

void StdinHold::release() {
    released_ = true;
    for (const std::uint64_t id : held_) {
        let_go(id);
    }
    held_.clear();
}

void StdinHold::let_go(std::uint64_t id) const {
    alignas(seccomp_notif_resp) char buffer[2 * sizeof(seccomp_notif_resp)] = {};
    seccomp_notif_resp response{};
    response.id = id;
    response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    std::memcpy(buffer, &response, sizeof response);
    ::ioctl(listener_, SECCOMP_IOCTL_NOTIF_SEND, buffer); // fails for one that was killed
}

} // namespace hp::contract
