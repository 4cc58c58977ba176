// SPDX-License-Identifier: Apache-2.0
#include "tracked/written.hpp"

#include <algorithm>
#include <tuple>

#include "hp/base/codec.hpp"

namespace hp::tracked {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

std::int64_t to_ns(const struct timespec& time) {
    return std::int64_t{time.tv_sec} * second_ns + time.tv_nsec;
}

std::uint64_t block_count(std::uint64_t size) {
    return size / block_bytes + (size % block_bytes != 0 ? 1 : 0);
}

std::tuple<std::uint64_t, std::uint64_t> key(const WrittenFile& file) {
    return {file.before.device, file.before.inode};
}

// Written and not written in turn, beginning with not.
std::vector<std::uint32_t> lengths_of(const std::vector<bool>& blocks) {
    std::vector<std::uint32_t> out;
    bool now = false;
    std::uint32_t length = 0;
    for (const bool block : blocks) {
        if (block != now) {
            out.push_back(length);
            now = block;
            length = 0;
        }
        ++length;
    }
    if (now) {
        out.push_back(length);
    }
    return out;
}

Result<WrittenFile> decode_file(Reader& in) {
    FileMark before;
    before.device = in.u64();
    before.inode = in.u64();
    before.size = in.u64();
    before.mtime_ns = static_cast<std::int64_t>(in.u64());
    before.ctime_ns = static_cast<std::int64_t>(in.u64());
    const std::uint8_t everything = in.u8();
    if (!in.ok() || everything > 1 || before.size > limits::state_bytes_max) {
        return fail(Errc::invalid, "malformed record of a written file");
    }
    WrittenFile out = WrittenFile::start(before);
    out.everything = everything == 1;
    std::uint64_t at = 0;
    bool now = false;
    for (std::uint32_t left = in.u32(); left > 0 && in.ok(); --left) {
        const std::uint64_t end = at + in.u32();
        if (end > out.blocks.size()) {
            return fail(Errc::invalid, "a block beyond the end of its file");
        }
        if (now) {
            std::fill(out.blocks.begin() + static_cast<std::ptrdiff_t>(at),
                      out.blocks.begin() + static_cast<std::ptrdiff_t>(end), true);
        }
        at = end;
        now = !now;
    }
    return out;
}

} // namespace

FileMark mark_of(const struct stat& st) {
    return FileMark{st.st_dev, st.st_ino, static_cast<std::uint64_t>(st.st_size), to_ns(st.st_mtim),
                    to_ns(st.st_ctim)};
}

WrittenFile WrittenFile::start(const FileMark& before) {
    WrittenFile out;
    out.before = before;
    out.blocks.resize(static_cast<std::size_t>(block_count(before.size)));
    return out;
}

void WrittenFile::add(std::uint64_t offset, std::uint64_t length) {
    if (length == 0 || offset >= before.size) {
        return;
    }
    const std::uint64_t end = length > before.size - offset ? before.size : offset + length;
    std::fill(blocks.begin() + static_cast<std::ptrdiff_t>(offset / block_bytes),
              blocks.begin() + static_cast<std::ptrdiff_t>(block_count(end)), true);
}

bool WrittenFile::has(std::uint64_t block) const {
    return everything || block >= blocks.size() || blocks[static_cast<std::size_t>(block)];
}

const WrittenFile* Written::find(std::uint64_t device, std::uint64_t inode) const {
    const auto found = std::lower_bound(
        files.begin(), files.end(), std::tuple(device, inode),
        [](const WrittenFile& file, const auto& wanted) { return key(file) < wanted; });
    return found != files.end() && key(*found) == std::tuple(device, inode) ? &*found : nullptr;
}

// A file in both: its state between the two is not known to anybody who wants to compare.
Written merge(const Written& first, const Written& second) {
    Written out;
    out.files = first.files;
    for (const WrittenFile& file : second.files) {
        const auto place = std::lower_bound(
            out.files.begin(), out.files.end(), file,
            [](const WrittenFile& a, const WrittenFile& b) { return key(a) < key(b); });
        if (place != out.files.end() && key(*place) == key(file)) {
            place->everything = true;
        } else {
            out.files.insert(place, file);
        }
    }
    return out;
}

Bytes encode_written(const Written& written) {
    Writer out;
    out.u32(static_cast<std::uint32_t>(written.files.size()));
    for (const WrittenFile& file : written.files) {
        out.u64(file.before.device);
        out.u64(file.before.inode);
        out.u64(file.before.size);
        out.u64(static_cast<std::uint64_t>(file.before.mtime_ns));
        out.u64(static_cast<std::uint64_t>(file.before.ctime_ns));
        out.u8(file.everything ? 1 : 0);
        const std::vector<std::uint32_t> lengths = lengths_of(file.blocks);
        out.u32(static_cast<std::uint32_t>(lengths.size()));
        for (const std::uint32_t length : lengths) {
            out.u32(length);
        }
    }
    return out.take();
}

Result<Written> decode_written(ByteView bytes) {
    Reader in(bytes);
    const std::uint32_t count = in.u32();
    if (!in.ok() || count > limits::tracked_files_max) {
        return fail(Errc::invalid, "more written files than are recorded");
    }
    Written out;
    for (std::uint32_t i = 0; i < count; ++i) {
        HP_TRY(WrittenFile file, decode_file(in));
        if (!out.files.empty() && key(out.files.back()) >= key(file)) {
            return fail(Errc::invalid, "written files out of order");
        }
        out.files.push_back(std::move(file));
    }
    if (!in.done()) {
        return fail(Errc::invalid, "malformed record of written files");
    }
    return out;
}

} // namespace hp::tracked
