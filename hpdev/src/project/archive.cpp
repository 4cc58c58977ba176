// SPDX-License-Identifier: Apache-2.0
#include "project/archive.hpp"

#include <array>
#include <cstring>

namespace hp::dev {
namespace {

using cli::ErrorId;
using cli::failure;
using cli::Parsed;

constexpr std::size_t block_bytes = 512;
constexpr std::size_t name_bytes = 100;
constexpr std::size_t prefix_bytes = 155;

using Block = std::array<std::uint8_t, block_bytes>;

void put(Block& block, std::size_t at, std::string_view text) {
    std::memcpy(block.data() + at, text.data(), text.size());
}

std::string octal(std::uint64_t value, std::size_t digits) {
    std::string out(digits, '0');
    for (std::size_t i = digits; i-- > 0; value /= 8) {
        out[i] = static_cast<char>('0' + value % 8);
    }
    return out;
}

// How the name is split over the two fields; absent when it does not fit.
std::optional<std::pair<std::string_view, std::string_view>> split_name(std::string_view name) {
    if (name.size() <= name_bytes) {
        return std::pair(std::string_view(), name);
    }
    // The earliest slash that leaves a short enough name.
    const std::size_t from = name.size() - name_bytes - 1;
    const std::size_t slash = name.find('/', from);
    if (slash == std::string_view::npos || slash > prefix_bytes || slash + 1 == name.size()) {
        return std::nullopt;
    }
    return std::pair(name.substr(0, slash), name.substr(slash + 1));
}

std::optional<Block> make_header(std::string_view name, const TreeFile& file) {
    const auto parts = split_name(name);
    if (!parts) {
        return std::nullopt;
    }
    Block out{};
    put(out, 0, parts->second);
    put(out, 100, file.executable ? "0000755" : "0000644");
    put(out, 108, octal(0, 7)); // owner
    put(out, 116, octal(0, 7)); // group
    put(out, 124, octal(file.content.size(), 11));
    put(out, 136, octal(0, 11)); // time
    put(out, 148, "        ");   // counts as spaces while the sum is made
    put(out, 156, "0");          // an ordinary file
    put(out, 257, "ustar");
    put(out, 263, "00");
    put(out, 345, parts->first);
    std::uint64_t sum = 0;
    for (const std::uint8_t byte : out) {
        sum += byte;
    }
    put(out, 148, octal(sum, 6));
    out[154] = 0;
    return out;
}

std::size_t padding_of(std::size_t size) {
    return (block_bytes - size % block_bytes) % block_bytes;
}

std::string field(ByteView header, std::size_t at, std::size_t size) {
    const std::string_view text = as_text(header.subspan(at, size));
    return std::string(text.substr(0, text.find('\0')));
}

std::optional<std::size_t> parse_octal(std::string_view text) {
    std::size_t out = 0;
    for (const char c : text) {
        if (c < '0' || c > '7') {
            return std::nullopt;
        }
        out = out * 8 + static_cast<std::size_t>(c - '0');
    }
    return text.empty() ? std::nullopt : std::optional(out);
}

bool is_clean_name(const std::string& name) {
    const std::filesystem::path path(name);
    return !name.empty() && !path.is_absolute() && path.has_filename() &&
           path.lexically_normal().string() == name && *path.begin() != "..";
}

tl::unexpected<cli::Failure> bad(const std::string& what) {
    return failure(ErrorId::bad_bundle, "not a bundle: " + what, "hpdev bundle makes one");
}

} // namespace

Parsed<Bytes> encode_archive(const FileTree& tree) {
    Bytes out;
    for (const auto& [name, file] : tree) {
        const auto header = make_header(name, file);
        if (!header) {
            return failure(ErrorId::bad_file, "the name is too long for a bundle: " + name);
        }
        out.insert(out.end(), header->begin(), header->end());
        out.insert(out.end(), file.content.begin(), file.content.end());
        out.insert(out.end(), padding_of(file.content.size()), 0);
    }
    out.insert(out.end(), 2 * block_bytes, 0);
    return out;
}

Parsed<FileTree> decode_archive(ByteView archive) {
    FileTree out;
    std::size_t at = 0;
    while (archive.size() - at >= block_bytes && archive[at] != 0) {
        const ByteView header = archive.subspan(at, block_bytes);
        const std::string prefix = field(header, 345, prefix_bytes);
        const std::string name =
            (prefix.empty() ? "" : prefix + "/") + field(header, 0, name_bytes);
        const auto size = parse_octal(field(header, 124, 12));
        const auto mode = parse_octal(field(header, 100, 8));
        at += block_bytes;
        if (!size || !mode || !is_clean_name(name) || *size > archive.size() - at ||
            padding_of(*size) > archive.size() - at - *size) {
            return bad("a damaged entry at byte " + std::to_string(at - block_bytes));
        }
        const ByteView content = archive.subspan(at, *size);
        out[name] = TreeFile{Bytes(content.begin(), content.end()), (*mode & 0111U) != 0};
        at += *size + padding_of(*size);
    }
    // One tree has one archive, so this covers order, owners, times, padding and what follows.
    const auto again = encode_archive(out);
    if (out.empty() || !again || !std::ranges::equal(*again, archive)) {
        return bad("damaged, or made by something else");
    }
    return out;
}

} // namespace hp::dev
