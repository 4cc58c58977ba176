// SPDX-License-Identifier: Apache-2.0
//
// Everything a process can do to a file and its directory, tried in turn: whoever must not write
// there has to fail in all of it.
//
// Threads: main thread only.
#include "probe.hpp"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace hp::probe {
namespace {

struct Target {
    const char* file;   ///< exists
    const char* beside; ///< does not exist, same directory
};

bool write_opened(const char* name, int flags) {
    const int fd = ::open(name, flags | O_CLOEXEC, 0666);
    if (fd < 0)
        return false;
    const bool done = ::write(fd, "tampered", 8) == 8;
    const int number = errno;
    ::close(fd);
    errno = number;
    return done;
}

struct Attempt {
    std::string_view name;
    bool (*run)(Target);
};

// What succeeds spoils the later ones as little as possible; the destructive ones come last.
constexpr std::array attempts{
    Attempt{"write", [](Target to) { return write_opened(to.file, O_WRONLY); }},
    Attempt{"readwrite", [](Target to) { return write_opened(to.file, O_RDWR); }},
    Attempt{"append", [](Target to) { return write_opened(to.file, O_WRONLY | O_APPEND); }},
    Attempt{"opentruncate", [](Target to) { return write_opened(to.file, O_WRONLY | O_TRUNC); }},
    Attempt{"truncate", [](Target to) { return ::truncate(to.file, 0) == 0; }},
    Attempt{"chmod", [](Target to) { return ::chmod(to.file, 0777) == 0; }},
    Attempt{"utimes", [](Target to) { return ::utimensat(AT_FDCWD, to.file, nullptr, 0) == 0; }},
    Attempt{"chown", [](Target to) { return ::chown(to.file, ::getuid(), ::getgid()) == 0; }},
    Attempt{"setxattr",
            [](Target to) { return ::setxattr(to.file, "user.probe", "x", 1, 0) == 0; }},
    Attempt{"create", [](Target to) { return write_opened(to.beside, O_WRONLY | O_CREAT); }},
    Attempt{"tmpfile",
            [](Target to) {
                const std::string name(to.file);
                const std::string directory = name.substr(0, name.rfind('/') + 1) + ".";
                return write_opened(directory.c_str(), O_WRONLY | O_TMPFILE);
            }},
    Attempt{"mkdir",
            [](Target to) { return ::mkdir((std::string(to.beside) + ".d").c_str(), 0777) == 0; }},
    Attempt{"mkfifo",
            [](Target to) { return ::mkfifo((std::string(to.beside) + ".p").c_str(), 0666) == 0; }},
    Attempt{"symlink",
            [](Target to) { return ::symlink("x", (std::string(to.beside) + ".s").c_str()) == 0; }},
    Attempt{
        "link",
        [](Target to) { return ::link(to.file, (std::string(to.beside) + ".l").c_str()) == 0; }},
    Attempt{
        "rename",
        [](Target to) { return ::rename(to.file, (std::string(to.beside) + ".r").c_str()) == 0; }},
    Attempt{"unlink", [](Target to) { return ::unlink(to.file) == 0; }},
};

/// A line "<attempt>=<errno name or ok>" for each.
void tamper(Call& call) {
    const std::string file(call.argument);
    const std::string beside = file + ".tampered";
    std::string out;
    for (const Attempt& attempt : attempts) {
        const bool done = attempt.run({file.c_str(), beside.c_str()});
        out += (out.empty() ? "" : "\n") + std::string(attempt.name) + "=";
        out += outcome(done);
    }
    call.user.send(out);
}

constexpr std::array probes{
    Probe{"tamper", true, tamper},
};

} // namespace

std::span<const Probe> write_probes() {
    return probes;
}

} // namespace hp::probe
