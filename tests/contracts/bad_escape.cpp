// SPDX-License-Identifier: Apache-2.0
//
// Ways out of a run: into the node's memory and files, into a read-only view, into the node's own
// user port. Each answers one line per attempt, "<attempt> <ok or errno name>".
//
// Threads: main thread only.
#include "bad.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <fstream>
#include <new>
#include <utility>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace hp::bad {
namespace {

constexpr int reply_timeout_s = 1;

class Report {
public:
    void add(std::string_view attempt, bool done) {
        lines_ += std::string(attempt) + " " + outcome(done) + "\n";
    }
    [[nodiscard]] std::string take() { return std::move(lines_); }

private:
    std::string lines_;
};

/// Attaches to every ancestor, reads its memory, opens it for writing. Nothing is changed.
std::string trace_ancestors(Call&) {
    Report report;
    for (const pid_t pid : ancestors()) {
        const std::string name = "ancestor " + std::to_string(pid);
        report.add(name + " seize", ::ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) == 0);
        std::array<char, 16> bytes{};
        const iovec here{bytes.data(), bytes.size()};
        const iovec there{reinterpret_cast<void*>(std::uintptr_t{0x400000}), bytes.size()};
        const bool read = ::process_vm_readv(pid, &here, 1, &there, 1, 0) >= 0;
        report.add(name + " read", read || errno == EFAULT); // allowed, but nothing is there
        const std::string memory = "/proc/" + std::to_string(pid) + "/mem";
        report.add(name + " mem", ::open(memory.c_str(), O_RDWR | O_CLOEXEC) >= 0);
    }
    report.add("none", ancestors().empty());
    return report.take();
}

/// Names by which the directory `inside` might be reached around the view of this run.
std::vector<std::string> ways_to(const std::string& inside) {
    std::vector<std::string> ways{inside};
    for (const pid_t pid : ancestors()) {
        ways.push_back("/proc/" + std::to_string(pid) + "/root" + inside);
        ways.push_back("/proc/" + std::to_string(pid) + "/cwd/" + inside);
    }
    ways.push_back("/proc/1/root" + inside);
    return ways;
}

bool try_create(const std::string& name) {
    const int fd = ::open(name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return false;
    const bool done = ::write(fd, "escaped", 7) == 7;
    const int kept = errno;
    ::close(fd);
    errno = kept;
    return done;
}

bool try_mapping(const char* name) {
    const int fd = ::open(name, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return false;
    void* const map = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ::close(fd);
    return map != MAP_FAILED;
}

bool try_reopen(const char* name) {
    const int fd = ::open(name, O_RDONLY | O_CLOEXEC);
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    const int again = ::open(link.c_str(), O_WRONLY | O_CLOEXEC);
    const int kept = errno;
    ::close(fd);
    errno = kept;
    return again >= 0 && ::write(again, "escaped", 7) == 7;
}

/// By number instead of by name, which passes by every directory on the way.
bool try_handle(const char* name) {
    alignas(file_handle) std::array<unsigned char, sizeof(file_handle) + MAX_HANDLE_SZ> room{};
    auto* const handle = new (room.data()) file_handle{};
    handle->handle_bytes = MAX_HANDLE_SZ;
    int mount = 0;
    if (::name_to_handle_at(AT_FDCWD, name, handle, &mount, 0) != 0)
        return false;
    const int directory = ::open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return ::open_by_handle_at(directory, handle, O_WRONLY | O_CLOEXEC) >= 0;
}

/// Files that the node needs are opened and left as they are.
bool try_open(const std::string& name) {
    return ::open(name.c_str(), O_WRONLY | O_CLOEXEC) >= 0;
}

/// Every call that changes something, on "kept.txt" and beside it. `argument` is the node's
/// directory, through which the live state and the committed one have names of their own.
std::string write_view(Call& call) {
    const char* const file = "kept.txt";
    const std::string node(call.argument);
    Report report;
    report.add("create", try_create("escaped.txt"));
    report.add("overwrite", try_create(file));
    report.add("truncate", ::truncate(file, 0) == 0);
    report.add("unlink", ::unlink(file) == 0);
    report.add("rename", ::rename(file, "renamed.txt") == 0);
    report.add("link", ::link(file, "linked.txt") == 0);
    report.add("symlink", ::symlink(file, "linked.txt") == 0);
    report.add("mkdir", ::mkdir("escaped", 0755) == 0);
    report.add("chmod", ::chmod(file, 0600) == 0);
    report.add("chown", ::chown(file, ::getuid(), ::getgid()) == 0);
    report.add("times", ::utimensat(AT_FDCWD, file, nullptr, 0) == 0);
    report.add("xattr", ::setxattr(file, "user.escaped", "x", 1, 0) == 0);
    report.add("mapping", try_mapping(file));
    report.add("reopen", try_reopen(file));
    report.add("handle", try_handle(file));
    report.add("beside", try_create("../escaped.txt"));
    report.add("patch", try_open("../patch.cfg"));
    for (const char* view : {"/contract_fs/seed/", "/contract_fs/base/"})
        for (const std::string& way : ways_to(node + view)) {
            report.add("way " + way + "state", try_create(way + "state/escaped.txt"));
            report.add("way " + way + "patch.cfg", try_open(way + "patch.cfg"));
        }
    report.add("deltas", try_create(node + "/contract_fs/deltas/escaped"));
    report.add("ledgers", try_open(node + "/ledger_fs/ledger.db"));
    report.add("log", try_open(node + "/log/hp.log"));
    report.add("config", try_open(node + "/cfg/hp.cfg"));
    return report.take();
}

/// Nothing here may reach the machine's own mounts, whoever runs this: `argument` names their
/// namespace, which must not be this one, and none may be passed on.
bool mounts_are_own(std::string_view machine) {
    std::array<char, 64> name{};
    const ssize_t size = ::readlink("/proc/self/ns/mnt", name.data(), name.size());
    if (size <= 0 || std::string_view(name.data(), static_cast<std::size_t>(size)) == machine)
        return false;
    std::ifstream mounts("/proc/self/mountinfo");
    for (std::string line; std::getline(mounts, line);)
        if (line.find(" shared:") != std::string::npos)
            return false;
    return true;
}

/// Makes the view writable again, in this mount namespace and in new ones, and writes.
std::string remount(Call& call) {
    constexpr unsigned long writable = MS_REMOUNT | MS_BIND;
    Report report;
    const auto attempt = [&report, &call](const std::string& where) {
        if (!mounts_are_own(call.argument)) {
            report.add(where + " not tried", true);
            return;
        }
        for (const char* place : {".", "..", "../..", "/"})
            report.add(where + " remount " + place,
                       ::mount(nullptr, place, nullptr, writable, nullptr) == 0);
        for (const char* place : {".", "..", "../.."})
            report.add(where + " umount " + place, ::umount2(place, MNT_DETACH) == 0);
        report.add(where + " create", try_create("escaped.txt"));
    };
    attempt("here");
    for (const int space : {CLONE_NEWNS, CLONE_NEWUSER | CLONE_NEWNS}) {
        const std::string name = space == CLONE_NEWNS ? "new mounts" : "new user";
        const bool made = ::unshare(space) == 0;
        report.add(name + " unshare", made);
        if (made)
            report.add(name + " private",
                       ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
        attempt(name);
    }
    return report.take();
}

/// `argument` is the node's directory.
std::string read_config(Call& call) {
    Report report;
    const std::string name = std::string(call.argument) + "/cfg/hp.cfg";
    for (const std::string& way : ways_to(name))
        report.add("way " + way, ::open(way.c_str(), O_RDONLY | O_CLOEXEC) >= 0);
    report.add("relative", ::open("../../../cfg/hp.cfg", O_RDONLY | O_CLOEXEC) >= 0);
    return report.take();
}

/// `argument` is a port of this machine: becomes a client that talks nonsense and waits.
std::string connect_to(Call& call) {
    Report report;
    std::string received;
    for (int client = 0; client < 20; ++client) {
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(number(call.argument)));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const auto* const any = reinterpret_cast<const sockaddr*>(&address);
        const bool connected = fd >= 0 && ::connect(fd, any, sizeof address) == 0;
        report.add("connect", connected);
        if (!connected)
            return report.take();
        ::send(fd, "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL);
        const timeval timeout{client == 0 ? reply_timeout_s : 0, 1000};
        ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
        std::array<char, 64> buffer{};
        ::recv(fd, buffer.data(), buffer.size(), 0);
    }
    return report.take();
}

constexpr std::array behaviours{
    Behaviour{"trace_ancestors", trace_ancestors},
    Behaviour{"write_view", write_view},
    Behaviour{"remount", remount},
    Behaviour{"read_config", read_config},
    Behaviour{"connect", connect_to},
};

} // namespace

std::span<const Behaviour> escape_behaviours() {
    return behaviours;
}

} // namespace hp::bad
