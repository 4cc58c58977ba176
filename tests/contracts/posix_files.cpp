// SPDX-License-Identifier: Apache-2.0
//
// Files: mappings, chunks, holes, links, locks, unnamed files.
//
// Threads: main thread only.
#include "posix_contract.hpp"

#include <array>
#include <cstdint>
#include <cstring>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace hp::posix_contract {
namespace {

constexpr std::size_t file_bytes_max = std::size_t{64} * 1024 * 1024;

class File {
public:
    File(const std::string& name, int flags) : fd_(::open(name.c_str(), flags | O_CLOEXEC, 0644)) {
        check(fd_ >= 0);
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    ~File() { ::close(fd_); }

    [[nodiscard]] int fd() const { return fd_; }
    [[nodiscard]] std::size_t size() const {
        struct stat info {};
        check(::fstat(fd_, &info) == 0);
        return static_cast<std::size_t>(info.st_size);
    }

private:
    int fd_;
};

std::size_t bounded(std::string_view text) {
    const std::size_t value = number_of(text);
    if (value > file_bytes_max)
        throw Failure{"argument"};
    return value;
}

/// name:offset=text. The mapping is dropped without msync; the kernel owes the file its content.
std::string write_mapped(std::string_view argument) {
    const File file(take_word(argument, ':'), O_RDWR | O_CREAT);
    const std::size_t offset = bounded(take_word(argument, '='));
    const std::size_t size = std::max(file.size(), offset + argument.size());
    check(::ftruncate(file.fd(), static_cast<off_t>(size)) == 0);
    void* const map = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.fd(), 0);
    check(map != MAP_FAILED);
    std::memcpy(static_cast<char*>(map) + offset, argument.data(), argument.size());
    check(::munmap(map, size) == 0);
    return "ok";
}

/// The same; the mapping is still there when the process ends.
std::string keep_mapped(std::string_view argument) {
    const File file(take_word(argument, ':'), O_RDWR | O_CREAT);
    const std::size_t offset = bounded(take_word(argument, '='));
    const std::size_t size = std::max(file.size(), offset + argument.size());
    check(::ftruncate(file.fd(), static_cast<off_t>(size)) == 0);
    void* const map = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.fd(), 0);
    check(map != MAP_FAILED);
    std::memcpy(static_cast<char*>(map) + offset, argument.data(), argument.size());
    return "ok";
}

/// name:bytes, with a content that differs everywhere.
std::string make_file(std::string_view argument) {
    const File file(take_word(argument, ':'), O_WRONLY | O_CREAT | O_TRUNC);
    const std::size_t size = bounded(argument);
    std::string content(size, '\0');
    std::uint64_t state = size;
    for (char& byte : content) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        byte = static_cast<char>(static_cast<unsigned char>(state >> 56U));
    }
    write_all(file.fd(), content);
    return "ok";
}

/// name:offset=bytes
std::string put_bytes(std::string_view argument) {
    const File file(take_word(argument, ':'), O_WRONLY | O_CREAT);
    const std::size_t offset = bounded(take_word(argument, '='));
    const ssize_t written =
        ::pwrite(file.fd(), argument.data(), argument.size(), static_cast<off_t>(offset));
    check(written == static_cast<ssize_t>(argument.size()));
    return "ok";
}

/// name:offset:count
std::string get_bytes(std::string_view argument) {
    const File file(take_word(argument, ':'), O_RDONLY);
    const std::size_t offset = bounded(take_word(argument, ':'));
    std::string out(bounded(argument), '\0');
    const ssize_t got = ::pread(file.fd(), out.data(), out.size(), static_cast<off_t>(offset));
    check(got >= 0);
    out.resize(static_cast<std::size_t>(got));
    return out;
}

std::string send_file(std::string_view name) {
    return read_all(File(std::string(name), O_RDONLY).fd());
}

/// "<size> <FNV-1a of the content>"
std::string sum_file(std::string_view name) {
    const std::string content = send_file(name);
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (const char byte : content)
        hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3ULL;
    return std::to_string(content.size()) + " " + std::to_string(hash);
}

/// name:bytes, all of it a hole except for the last byte.
std::string make_sparse(std::string_view argument) {
    const File file(take_word(argument, ':'), O_WRONLY | O_CREAT | O_TRUNC);
    const std::size_t size = bounded(argument);
    check(::pwrite(file.fd(), "x", 1, static_cast<off_t>(size - 1)) == 1);
    return "ok";
}

std::string allocate(std::string_view argument) {
    const File file(take_word(argument, ':'), O_WRONLY | O_CREAT);
    check(::fallocate(file.fd(), 0, 0, static_cast<off_t>(bounded(argument))) == 0);
    return "ok";
}

std::string truncate(std::string_view argument) {
    const std::string name = take_word(argument, ':');
    check(::truncate(name.c_str(), static_cast<off_t>(bounded(argument))) == 0);
    return "ok";
}

std::string rename(std::string_view argument) {
    const std::string from = take_word(argument, '=');
    check(::rename(from.c_str(), std::string(argument).c_str()) == 0);
    return "ok";
}

/// name=target
std::string link_symbolically(std::string_view argument) {
    const std::string name = take_word(argument, '=');
    check(::symlink(std::string(argument).c_str(), name.c_str()) == 0);
    return "ok";
}

std::string make_directory(std::string_view name) {
    check(::mkdir(std::string(name).c_str(), 0755) == 0);
    return "ok";
}

std::string remove(std::string_view name) {
    check(::remove(std::string(name).c_str()) == 0);
    return "ok";
}

std::string make_executable(std::string_view name) {
    check(::chmod(std::string(name).c_str(), 0755) == 0);
    return "ok";
}

/// name=text: written to a file without a name, which then gets one.
std::string write_unnamed(std::string_view argument) {
    const std::string name = take_word(argument, '=');
    const File file(".", O_WRONLY | O_TMPFILE);
    write_all(file.fd(), argument);
    const std::string link = "/proc/self/fd/" + std::to_string(file.fd());
    check(::linkat(AT_FDCWD, link.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0);
    return "ok";
}

/// A file that is unlinked while it is open stays usable and leaves nothing behind.
std::string use_unlinked(std::string_view text) {
    const File file("unlinked.tmp", O_RDWR | O_CREAT | O_TRUNC);
    check(::unlink("unlinked.tmp") == 0);
    write_all(file.fd(), text);
    check(::lseek(file.fd(), 0, SEEK_SET) == 0);
    return read_all(file.fd());
}

std::string take_locks(std::string_view name) {
    const File file(std::string(name), O_RDWR | O_CREAT);
    struct flock record {};
    record.l_type = F_WRLCK;
    check(::fcntl(file.fd(), F_SETLK, &record) == 0);
    check(::flock(file.fd(), LOCK_EX | LOCK_NB) == 0);
    return "ok";
}

constexpr std::array requests{
    Request{"mmap", write_mapped},      Request{"mmapkeep", keep_mapped},
    Request{"make", make_file},         Request{"put", put_bytes},
    Request{"get", get_bytes},          Request{"send", send_file},
    Request{"sum", sum_file},           Request{"sparse", make_sparse},
    Request{"allocate", allocate},      Request{"truncate", truncate},
    Request{"rename", rename},          Request{"symlink", link_symbolically},
    Request{"mkdir", make_directory},   Request{"remove", remove},
    Request{"chmodx", make_executable}, Request{"unnamed", write_unnamed},
    Request{"unlinked", use_unlinked},  Request{"lock", take_locks},
};

} // namespace

std::span<const Request> file_requests() {
    return requests;
}

} // namespace hp::posix_contract
