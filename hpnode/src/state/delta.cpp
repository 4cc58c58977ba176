// SPDX-License-Identifier: Apache-2.0
// Reading deltas, and the rules both directions share.
#include "state/delta.hpp"

#include <algorithm>

#include "hp/base/codec.hpp"
#include "hp/crypto/blake3.hpp"
#include "state/delta_format.hpp"

namespace hp::state {

using namespace delta_format;

namespace {

constexpr std::size_t name_digits = 20; // of the largest u64

tl::unexpected<Error> bad(std::string_view what) {
    return fail(Errc::corrupt, "delta: " + std::string(what));
}

} // namespace

bool delta_format::is_valid_path(std::string_view path) {
    if (path == patch_name) {
        return true;
    }
    const std::string prefix = std::string(state_name) + '/';
    if (!path.starts_with(prefix) || path.size() > path_bytes_max ||
        path.find('\0') != std::string_view::npos) {
        return false;
    }
    path.remove_prefix(prefix.size());
    for (std::size_t depth = 1; depth <= limits::state_depth_max; ++depth) {
        const std::size_t slash = path.find('/');
        const std::string_view name = path.substr(0, slash);
        if (name.empty() || name == "." || name == ".." || name.size() > name_bytes_max) {
            return false;
        }
        if (slash == std::string_view::npos) {
            return true;
        }
        path.remove_prefix(slash + 1);
    }
    return false;
}

std::string delta_name(LedgerSeq seq) {
    const std::string digits = std::to_string(seq);
    return std::string(name_digits - digits.size(), '0') + digits;
}

std::optional<LedgerSeq> parse_delta_name(std::string_view name) {
    LedgerSeq seq = 0;
    if (name.size() != name_digits) {
        return std::nullopt;
    }
    for (const char c : name) {
        const auto digit = static_cast<LedgerSeq>(c - '0');
        if (c < '0' || c > '9' || seq > (UINT64_MAX - digit) / 10) {
            return std::nullopt;
        }
        seq = seq * 10 + digit;
    }
    return seq;
}

Result<Bytes> Delta::record() const {
    Bytes out(record_bytes_);
    HP_TRY(const std::size_t got, read_at(file_.get(), out, record_offset_));
    if (got != out.size()) {
        return bad("shorter than when it was checked");
    }
    return out;
}

Status Delta::read_chunk(const DeltaChunk& chunk, std::span<std::uint8_t> out) const {
    if (chunk.zero) {
        std::ranges::fill(out, std::uint8_t{0});
        return {};
    }
    HP_TRY(const std::size_t got, read_at(file_.get(), out, chunk.offset));
    if (got != out.size()) {
        return bad("shorter than when it was checked");
    }
    return {};
}

const DeltaChange* Delta::find(const std::string& path) const {
    const auto found = by_path_.find(path);
    return found == by_path_.end() ? nullptr : &changes_[found->second];
}

class DeltaParser {
public:
    explicit DeltaParser(os::Fd file) { delta_.file_ = std::move(file); }

    Result<Delta> parse() {
        HP_TRY_STATUS(check());
        HP_TRY(const Bytes head, take(magic.size() + 8 + 32 + 64 + 8 + 4));
        Reader in(head);
        if (as_text(in.raw(magic.size())) != magic) {
            return bad("unknown format");
        }
        delta_.header_.seq = in.u64();
        delta_.header_.state_before = in.fixed<Hash32>();
        delta_.header_.after.state = in.fixed<Hash32>();
        delta_.header_.after.config = in.fixed<Hash32>();
        const std::uint64_t changes = in.u64();
        delta_.record_bytes_ = in.u32();
        delta_.record_offset_ = at_;
        HP_TRY_STATUS(skip(delta_.record_bytes_));
        for (std::uint64_t i = 0; i < changes; ++i) {
            HP_TRY_STATUS(read_change());
        }
        if (at_ != end_) {
            return bad("bytes after the last change");
        }
        return std::move(delta_);
    }

private:
    Status check() {
        HP_TRY(const struct stat st, stat_fd(delta_.file_.get()));
        const auto size = static_cast<std::uint64_t>(st.st_size);
        if (!S_ISREG(st.st_mode) || size < Hash32::size) {
            return bad("too short");
        }
        delta_.file_bytes_ = size;
        end_ = size - Hash32::size;
        crypto::Blake3 hasher;
        for (std::uint64_t at = 0; at < end_;) {
            HP_TRY(const ByteView piece, window(at, 1));
            hasher.update(piece);
            at += piece.size();
        }
        Hash32 stored;
        HP_TRY(const std::size_t got, read_at(delta_.file_.get(), stored.data, end_));
        if (got != Hash32::size || stored != hasher.finish()) {
            return bad("checksum mismatch");
        }
        return {};
    }

    // Buffered bytes from `offset` on, at least `count`; never past the checksum.
    Result<ByteView> window(std::uint64_t offset, std::size_t count) {
        if (end_ - offset < count) {
            return bad("a field beyond the end");
        }
        if (offset < start_ || offset + count > start_ + buffer_.size()) {
            const std::uint64_t want = std::max<std::uint64_t>(count, buffer_bytes);
            buffer_.resize(static_cast<std::size_t>(std::min(end_ - offset, want)));
            start_ = offset;
            HP_TRY(const std::size_t got, read_at(delta_.file_.get(), buffer_, offset));
            if (got != buffer_.size()) {
                return bad("shorter than its size");
            }
        }
        return ByteView(buffer_).subspan(static_cast<std::size_t>(offset - start_));
    }

    Result<Bytes> take(std::size_t count) {
        HP_TRY(const ByteView view, window(at_, count));
        at_ += count;
        return Bytes(view.begin(), view.begin() + static_cast<std::ptrdiff_t>(count));
    }

    Status skip(std::uint64_t count) {
        if (end_ - at_ < count) {
            return bad("a field beyond the end");
        }
        at_ += count;
        return {};
    }

    Result<std::uint8_t> take_u8() {
        HP_TRY(const Bytes raw, take(1));
        return raw[0];
    }

    Result<std::string> take_string(std::size_t bytes_max) {
        HP_TRY(const Bytes prefix, take(4));
        const std::uint32_t length = Reader(prefix).u32();
        if (length > bytes_max) {
            return bad("a string longer than allowed");
        }
        HP_TRY(const Bytes raw, take(length));
        return to_text(raw);
    }

    Status read_change() {
        DeltaChange change;
        HP_TRY(const std::uint8_t kind, take_u8());
        if (kind < static_cast<std::uint8_t>(Change::Kind::removed) ||
            kind > static_cast<std::uint8_t>(Change::Kind::file)) {
            return bad("unknown kind of change");
        }
        change.kind = static_cast<Change::Kind>(kind);
        HP_TRY(change.path, take_string(path_bytes_max));
        if (!is_valid_path(change.path) ||
            (change.path == patch_name && change.kind != Change::Kind::file)) {
            return bad("a path that is not allowed");
        }
        if (change.kind == Change::Kind::symlink) {
            HP_TRY(change.target, take_string(target_bytes_max));
            if (change.target.empty() || change.target.find('\0') != std::string::npos) {
                return bad("a symlink target that is not allowed");
            }
        }
        if (change.kind == Change::Kind::file) {
            HP_TRY_STATUS(read_file(change));
        }
        if (!delta_.by_path_.emplace(change.path, delta_.changes_.size()).second) {
            return bad("a path twice");
        }
        delta_.changes_.push_back(std::move(change));
        return {};
    }

    Status read_file(DeltaChange& change) {
        HP_TRY(const Bytes head, take(1 + 8 + 4));
        Reader in(head);
        const std::uint8_t flags = in.u8();
        change.executable = (flags & flag_executable) != 0;
        change.fresh = (flags & flag_fresh) != 0;
        change.size = in.u64();
        const std::uint32_t count = in.u32();
        if (flags > (flag_executable | flag_fresh) || change.size > limits::state_bytes_max) {
            return bad("a file that is not allowed");
        }
        const std::uint32_t chunks = chunk_count(change.size);
        if (count > chunks || (change.fresh && count != chunks)) {
            return bad("a wrong number of chunks");
        }
        for (std::uint32_t i = 0; i < count; ++i) {
            HP_TRY_STATUS(read_chunk_head(change, chunks));
        }
        return {};
    }

    Status read_chunk_head(DeltaChange& change, std::uint32_t chunks) {
        HP_TRY(const Bytes head, take(4 + 1));
        Reader in(head);
        const std::uint32_t index = in.u32();
        const std::uint8_t form = in.u8();
        const bool ascending = change.chunks.empty() || change.chunks.back().index < index;
        if (index >= chunks || !ascending || form > form_bytes) {
            return bad("a chunk that is not allowed");
        }
        const std::size_t length = chunk_length(change.size, index);
        if (form == form_zero && length != chunk_bytes) {
            return bad("a partial chunk of zeros");
        }
        change.chunks.push_back(DeltaChunk{index, form == form_zero, at_});
        return form == form_zero ? Status() : skip(length);
    }

    Delta delta_;
    std::uint64_t at_ = 0;
    std::uint64_t end_ = 0;   // where the checksum begins
    std::uint64_t start_ = 0; // offset of the buffer
    Bytes buffer_;
};

Result<Delta> Delta::load(os::Fd file) {
    return DeltaParser(std::move(file)).parse();
}

} // namespace hp::state
