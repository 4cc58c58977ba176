// SPDX-License-Identifier: Apache-2.0
//
// The input file, read and written by hand: by position, through a mapping, through a second
// descriptor.
//
// Threads: main thread only.
#include "probe.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace hp::probe {
namespace {

constexpr std::size_t page_bytes = 4096;

std::string_view map_for_writing(int fd) {
    void* const map = ::mmap(nullptr, page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    const std::string_view result = outcome(map != MAP_FAILED);
    if (map != MAP_FAILED)
        ::munmap(map, page_bytes);
    return result;
}

/// The file by another name, where the flags of the first descriptor do not count.
std::string_view write_reopened(int fd) {
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    const int again = ::open(link.c_str(), O_RDWR | O_CLOEXEC);
    if (again < 0)
        return outcome(false);
    const std::string_view result = outcome(::pwrite(again, "x", 1, 0) == 1);
    ::close(again);
    return result;
}

/// A node that protects its inputs refuses all of it.
void write_input_file(Call& call) {
    const auto fd = call.context.input_fd();
    if (!fd)
        return send_error(call.user, "no input file");
    std::string out = "write=";
    out += outcome(::pwrite(*fd, "x", 1, 0) == 1);
    out += " ftruncate=";
    out += outcome(::ftruncate(*fd, 1 << 20) == 0);
    out += " mmap=";
    out += map_for_writing(*fd);
    out += " reopened=";
    out += write_reopened(*fd);
    call.user.send(out);
}

std::string to_hex(std::string_view bytes) {
    static constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
    return out;
}

/// By position, and the byte behind: "<offset> <length> <hex> <hex of one byte>".
void inputs(Call& call) {
    std::string out;
    for (const auto& input : call.user.inputs()) {
        std::string bytes(input.size() + 1, '?');
        const ssize_t got = ::pread(call.context.input_fd().value_or(-1), bytes.data(),
                                    bytes.size(), static_cast<off_t>(input.offset()));
        if (got < 0)
            return send_error(call.user, errno_name(errno));
        bytes.resize(static_cast<std::size_t>(got));
        const std::size_t size = std::min(input.size(), bytes.size());
        out += (out.empty() ? "" : "\n") + std::to_string(input.offset()) + " " +
               std::to_string(input.size()) + " " + to_hex(bytes.substr(0, size)) + " " +
               to_hex(bytes.substr(size));
    }
    call.user.send(out);
}

/// All of the file, rounded up to pages, as C contracts map it; every input read as a C string.
void mapped(Call& call) {
    const int fd = call.context.input_fd().value_or(-1);
    struct stat st {};
    if (::fstat(fd, &st) != 0)
        return send_error(call.user, errno_name(errno));
    const auto size =
        (static_cast<std::size_t>(st.st_size) + page_bytes - 1) / page_bytes * page_bytes;
    void* const map = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED)
        return send_error(call.user, errno_name(errno));
    const auto* const text = static_cast<const char*>(map);
    std::string out = std::to_string(std::count(text, text + size, '\0'));
    for (const auto& input : call.user.inputs())
        out.append("\n").append(text + input.offset());
    ::munmap(map, size);
    call.user.send(out);
}

/// "<inputs of this user> <bytes of the document>".
void count(Call& call) {
    call.user.send(std::to_string(call.user.inputs().size()) + " " +
                   std::to_string(call.context.document().size()));
}

void ignore(Call&) {}

constexpr std::array probes{
    Probe{"count", false, count},
    Probe{"ignore", true, ignore},
    Probe{"inputs", true, inputs},
    Probe{"mapped", true, mapped},
    Probe{"memfdwrite", false, write_input_file},
};

} // namespace

std::span<const Probe> input_probes() {
    return probes;
}

} // namespace hp::probe
