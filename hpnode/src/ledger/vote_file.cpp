// SPDX-License-Identifier: Apache-2.0
#include "ledger/vote_file.hpp"

#include <algorithm>

#include "hp/base/codec.hpp"
#include "hp/crypto/blake3.hpp"

namespace hp::ledger {
namespace {

constexpr std::string_view file_magic = "hpvotes1";
constexpr std::string_view frame_magic = "vote";
constexpr std::size_t check_bytes = 16;
constexpr std::size_t frame_head_bytes = 4 + 4 + 8; // magic, length, number

// The salt is in every checksum of its file.
Bytes checksum(const VoteFileSalt& salt, ByteView bytes) {
    const Hash32 hash = crypto::b3({salt.view(), bytes});
    return {hash.data.begin(), hash.data.begin() + check_bytes};
}

Bytes padded(Bytes bytes) {
    const std::size_t blocks = (bytes.size() + vote_block_bytes - 1) / vote_block_bytes;
    bytes.resize(blocks * vote_block_bytes);
    return bytes;
}

tl::unexpected<Error> damaged(const std::string& where) {
    return fail(Errc::corrupt, "the vote log is damaged: " + where);
}

Status decode_records(ByteView payload, std::vector<VoteRecord>& out) {
    Reader in(payload);
    for (std::size_t left = in.u32(); left > 0 && in.ok(); --left) {
        VoteRecord record{in.u64(), {}};
        const ByteView bytes = in.bytes();
        record.bytes.assign(bytes.begin(), bytes.end());
        out.push_back(std::move(record));
    }
    return in.done() ? Status() : Status(damaged("a frame of the wrong length"));
}

struct RawFrame {
    std::uint64_t number = 0;
    ByteView payload;
    std::uint64_t bytes = 0; // in the file
};

std::optional<RawFrame> frame_at(const VoteFileSalt& salt, ByteView content, std::size_t offset) {
    const ByteView rest = content.subspan(offset);
    Reader in(rest);
    if (as_text(in.raw(frame_magic.size())) != frame_magic) {
        return std::nullopt;
    }
    const std::size_t length = in.u32();
    const std::uint64_t number = in.u64();
    const ByteView payload = in.raw(length);
    const ByteView check = in.raw(check_bytes);
    if (!in.ok() || !equal(check, checksum(salt, rest.first(frame_head_bytes + length)))) {
        return std::nullopt;
    }
    const std::size_t used = frame_head_bytes + length + check_bytes;
    const std::size_t blocks = (used + vote_block_bytes - 1) / vote_block_bytes;
    return RawFrame{number, payload, blocks * vote_block_bytes};
}

Result<VoteFileHeader> decode_header(ByteView content) {
    Reader in(content);
    if (as_text(in.raw(file_magic.size())) != file_magic) {
        return damaged("no vote log at all");
    }
    VoteFileHeader header;
    header.id = in.fixed<VoteLogId>();
    header.salt = in.fixed<VoteFileSalt>();
    header.incarnation = in.u64();
    header.complete = in.u8() != 0;
    header.decided = in.u64();
    header.size = in.u64();
    const bool has_identity = in.u8() != 0;
    const os::FileIdentity identity{in.u64(), in.u64()};
    if (has_identity) {
        header.identity = identity;
    }
    const std::size_t length = content.size() - in.left();
    const ByteView check = in.raw(check_bytes);
    if (!in.ok() || !equal(check, checksum(header.salt, content.first(length)))) {
        return damaged("its header");
    }
    return header;
}

} // namespace

Bytes encode_header(const VoteFileHeader& header) {
    const os::FileIdentity identity = header.identity.value_or(os::FileIdentity{});
    Writer out;
    out.raw(as_bytes(file_magic));
    out.fixed(header.id);
    out.fixed(header.salt);
    out.u64(header.incarnation);
    out.u8(header.complete ? 1 : 0);
    out.u64(header.decided);
    out.u64(header.size);
    out.u8(header.identity ? 1 : 0);
    out.u64(identity.inode);
    out.u64(identity.birth_ns);
    out.raw(checksum(header.salt, out.view()));
    return padded(out.take());
}

Bytes encode_frame(const VoteFileSalt& salt, std::uint64_t number,
                   std::span<const VoteRecord> records) {
    Writer payload;
    payload.u32(static_cast<std::uint32_t>(records.size()));
    for (const VoteRecord& record : records) {
        payload.u64(record.height);
        payload.bytes(record.bytes);
    }
    Writer out;
    out.raw(as_bytes(frame_magic));
    out.u32(static_cast<std::uint32_t>(payload.view().size()));
    out.u64(number);
    out.raw(payload.view());
    out.raw(checksum(salt, out.view()));
    return padded(out.take());
}

Result<VoteFile> decode_vote_file(ByteView content) {
    VoteFile file;
    HP_TRY(file.header, decode_header(content));
    if (content.size() != file.header.size) { // a crash cannot change it
        return damaged("it is " + std::to_string(content.size()) + " bytes long instead of " +
                       std::to_string(file.header.size));
    }
    std::size_t at = vote_block_bytes;
    std::uint64_t number = 1;
    while (at < content.size()) {
        const auto frame = frame_at(file.header.salt, content, at);
        if (!frame) {
            break;
        }
        if (frame->number != number) {
            return damaged("frame " + std::to_string(number) + " is missing");
        }
        HP_TRY_STATUS(decode_records(frame->payload, file.records));
        at += frame->bytes;
        ++number;
    }
    // Frames are made durable one after another: behind one that was torn there is no other.
    for (std::size_t behind = at; behind < content.size(); behind += vote_block_bytes) {
        if (frame_at(file.header.salt, content, behind)) {
            return damaged("frame " + std::to_string(number) + " at byte " + std::to_string(at));
        }
    }
    return file;
}

} // namespace hp::ledger
