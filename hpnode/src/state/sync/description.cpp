// SPDX-License-Identifier: Apache-2.0
#include "state/sync/description.hpp"

#include "hp/base/codec.hpp"
#include "state/delta_format.hpp"

namespace hp::state::sync {
namespace {

constexpr std::size_t child_bytes_min = 4 + 1 + 1 + 4 + Hash32::size;

tl::unexpected<Error> misdescribed(std::string_view what) {
    return fail(Errc::invalid, "description: " + std::string(what));
}

bool is_valid_name(std::string_view name) {
    return !name.empty() && name.size() <= delta_format::name_bytes_max && name != "." &&
           name != ".." && name.find('/') == std::string_view::npos &&
           name.find('\0') == std::string_view::npos;
}

bool skip_tag(Reader& in, std::string_view tag) {
    return as_text(in.raw(tag.size())) == tag;
}

} // namespace

Bytes describe(const Entry& entry) {
    if (entry.type == EntryType::file) {
        return file_description(entry.executable, entry.size, entry.chunks);
    }
    if (entry.type == EntryType::symlink) {
        return symlink_description(entry.target);
    }
    DirectoryHasher hasher;
    for (const Child& child : entry.children) {
        hasher.add(child.name, child.entry->type, child.entry->executable, child.entry->hash);
    }
    return hasher.description();
}

std::uint64_t description_bytes_max(EntryType type) {
    switch (type) {
    case EntryType::file:
        return file_tag.size() + 4 + 8 +
               std::uint64_t{chunk_count(limits::state_bytes_max)} * Hash32::size;
    case EntryType::directory:
        return directory_tag.size() + std::uint64_t{limits::state_entries_max} *
                                          (child_bytes_min - 1 + delta_format::name_bytes_max);
    case EntryType::symlink:
        break;
    }
    return symlink_tag.size() + 4 + delta_format::target_bytes_max;
}

Result<std::vector<ListedChild>> decode_directory(ByteView bytes) {
    Reader in(bytes);
    if (!skip_tag(in, directory_tag)) {
        return misdescribed("not a directory");
    }
    std::vector<ListedChild> out;
    out.reserve(std::min(in.left() / child_bytes_min, limits::state_entries_max));
    while (in.ok() && in.left() > 0) {
        ListedChild child;
        child.name = to_text(in.bytes());
        const std::uint8_t type = in.u8();
        const std::uint32_t mode = in.u32();
        child.hash = in.fixed<Hash32>();
        if (!in.ok() || !is_valid_name(child.name)) {
            return misdescribed("a name that is not allowed");
        }
        if (type < 1 || type > 3) {
            return misdescribed("an unknown type");
        }
        child.type = static_cast<EntryType>(type);
        child.executable =
            child.type == EntryType::file && mode == canonical_mode(child.type, true);
        if (mode != canonical_mode(child.type, child.executable)) {
            return misdescribed("a mode that is not allowed");
        }
        if (!out.empty() && out.back().name >= child.name) {
            return misdescribed("names out of order");
        }
        if (out.size() == limits::state_entries_max) {
            return misdescribed("too many entries");
        }
        out.push_back(std::move(child));
    }
    return out;
}

Result<FileDescription> decode_file(ByteView bytes) {
    Reader in(bytes);
    if (!skip_tag(in, file_tag)) {
        return misdescribed("not a file");
    }
    FileDescription out;
    const std::uint32_t mode = in.u32();
    out.executable = mode == canonical_mode(EntryType::file, true);
    out.size = in.u64();
    if (!in.ok() || mode != canonical_mode(EntryType::file, out.executable) ||
        out.size > limits::state_bytes_max) {
        return misdescribed("a file that is not allowed");
    }
    if (in.left() != std::size_t{chunk_count(out.size)} * Hash32::size) {
        return misdescribed("a wrong number of chunks");
    }
    out.chunks.resize(chunk_count(out.size));
    for (Hash32& chunk : out.chunks) {
        chunk = in.fixed<Hash32>();
    }
    return out;
}

Result<std::string> decode_symlink(ByteView bytes) {
    Reader in(bytes);
    if (!skip_tag(in, symlink_tag)) {
        return misdescribed("not a symlink");
    }
    std::string target = to_text(in.bytes());
    if (!in.done() || target.empty() || target.size() > delta_format::target_bytes_max ||
        target.find('\0') != std::string::npos) {
        return misdescribed("a target that is not allowed");
    }
    return target;
}

} // namespace hp::state::sync
