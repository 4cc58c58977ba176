// SPDX-License-Identifier: Apache-2.0
//
// mmap of the input file. The size is checked first: touching a mapping beyond the end of its file
// would kill the contract with SIGBUS instead of telling what is wrong.
//
// Threads: see input_map.hpp.
#include "input_map.hpp"
#include "io.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace hp::contract::detail {

InputMap::~InputMap() {
    if (address_ != nullptr)
        ::munmap(address_, length_);
}

bool InputMap::open(int fd, std::uint64_t begin, std::uint64_t end, std::string& error) {
    struct stat info {};
    if (::fstat(fd, &info) != 0) {
        error = "the input file cannot be examined: " + last_error().message();
        return false;
    }
    if (end > static_cast<std::uint64_t>(info.st_size)) {
        error = "an input ends at byte " + std::to_string(end) + " of an input file of " +
                std::to_string(info.st_size) + " bytes";
        return false;
    }
    const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    base_ = begin - begin % page_bytes;
    length_ = static_cast<std::size_t>(end - base_);
    void* const mapped =
        ::mmap(nullptr, length_, PROT_READ, MAP_PRIVATE, fd, static_cast<off_t>(base_));
    if (mapped == MAP_FAILED) {
        error = "the input file cannot be mapped: " + last_error().message();
        return false;
    }
    address_ = mapped;
    return true;
}

BytesView InputMap::bytes(std::uint64_t offset, std::uint64_t length) const noexcept {
    if (length == 0)
        return {};
    return {static_cast<const std::byte*>(address_) + (offset - base_),
            static_cast<std::size_t>(length)};
}

} // namespace hp::contract::detail
