// SPDX-License-Identifier: Apache-2.0
#include <memory>

#include <zstd.h>

#include "hp/base/check.hpp"
#include "hp/base/codec.hpp"
#include "state/delta_format.hpp"
#include "state/sync/message.hpp"
#include "state/tree.hpp"

namespace hp::state::sync {
namespace {

constexpr std::uint8_t request_kind = 1;
constexpr std::uint8_t answer_kind = 2;
constexpr std::uint8_t form_plain = 0;
constexpr std::uint8_t form_zstd = 1;

constexpr std::size_t request_item_bytes_min = 1 + 4 + 1 + Hash32::size + 4 + 4;
constexpr std::size_t answer_item_bytes_min = 1 + 8 + 4;
constexpr std::size_t answer_body_bytes_max =
    8 + 4 + limits::sync_items_max * answer_item_bytes_min + limits::sync_answer_bytes_max;

// Speed before size: the link is rarely the narrowest place, and never by much.
constexpr int compression_level = 1;
constexpr std::size_t compress_bytes_min = 512;

tl::unexpected<Error> bad(std::string_view what) {
    return fail(Errc::invalid, "state sync: " + std::string(what));
}

bool is_valid_path(std::string_view path) {
    return path == state_name || delta_format::is_valid_path(path);
}

std::uint32_t count_max(RequestItem::Kind kind) {
    return kind == RequestItem::Kind::chunks ? chunks_per_item_max : parts_per_item_max;
}

Bytes compress(ByteView body) {
    if (body.size() < compress_bytes_min) {
        return {};
    }
    const std::size_t room = ZSTD_compressBound(body.size());
    const auto out = std::make_unique_for_overwrite<std::uint8_t[]>(room);
    const std::size_t size =
        ZSTD_compress(out.get(), room, body.data(), body.size(), compression_level);
    if (ZSTD_isError(size) != 0 || size > body.size() - body.size() / 8) {
        return {};
    }
    return Bytes(out.get(), out.get() + size);
}

Result<Bytes> decompress(ByteView packed, std::size_t size) {
    Bytes out(size);
    const std::size_t got = ZSTD_decompress(out.data(), out.size(), packed.data(), packed.size());
    if (ZSTD_isError(got) != 0 || got != size) {
        return bad("an answer that cannot be decompressed");
    }
    return out;
}

Result<Answer> decode_body(ByteView body) {
    Reader in(body);
    Answer out;
    out.id = in.u64();
    const std::size_t count = in.u32();
    if (count > limits::sync_items_max || count > in.left() / answer_item_bytes_min) {
        return bad("too many items");
    }
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < count && in.ok(); ++i) {
        AnswerItem item;
        const std::uint8_t here = in.u8();
        item.here = here == 1;
        item.total = in.u64();
        const ByteView content = in.bytes();
        bytes += content.size();
        if (here > 1 || (!item.here && (item.total != 0 || !content.empty())) ||
            bytes > limits::sync_answer_bytes_max) {
            return bad("an answer that is not allowed");
        }
        item.content.assign(content.begin(), content.end());
        out.items.push_back(std::move(item));
    }
    if (!in.done()) {
        return bad("wrong length");
    }
    return out;
}

} // namespace

Bytes encode_request(const Request& request) {
    Writer out;
    out.u8(request_kind);
    out.u64(request.id);
    out.fixed(request.version.state);
    out.fixed(request.version.config);
    out.u32(static_cast<std::uint32_t>(request.items.size()));
    for (const RequestItem& item : request.items) {
        out.u8(static_cast<std::uint8_t>(item.kind));
        out.bytes(as_bytes(item.path));
        out.fixed(item.hash);
        out.u32(item.first);
        out.u32(item.count);
    }
    return out.take();
}

Result<Request> decode_request(ByteView bytes) {
    Reader in(bytes);
    if (in.u8() != request_kind) {
        return bad("not a request");
    }
    Request out;
    out.id = in.u64();
    out.version.state = in.fixed<Hash32>();
    out.version.config = in.fixed<Hash32>();
    const std::size_t count = in.u32();
    if (count == 0 || count > limits::sync_items_max ||
        count > in.left() / request_item_bytes_min) {
        return bad("a wrong number of items");
    }
    for (std::size_t i = 0; i < count && in.ok(); ++i) {
        RequestItem item;
        const std::uint8_t kind = in.u8();
        item.path = to_text(in.bytes());
        item.hash = in.fixed<Hash32>();
        item.first = in.u32();
        item.count = in.u32();
        if (kind < 1 || kind > 2 || !is_valid_path(item.path)) {
            return bad("an item that is not allowed");
        }
        item.kind = static_cast<RequestItem::Kind>(kind);
        if (item.count == 0 || item.count > count_max(item.kind) ||
            item.first > UINT32_MAX - item.count) {
            return bad("a range that is not allowed");
        }
        out.items.push_back(std::move(item));
    }
    if (!in.done()) {
        return bad("wrong length");
    }
    return out;
}

Bytes encode_answer(const Answer& answer) {
    Writer plain;
    plain.u8(answer_kind);
    plain.u8(form_plain);
    const std::size_t head_bytes = plain.view().size();
    plain.u64(answer.id);
    plain.u32(static_cast<std::uint32_t>(answer.items.size()));
    for (const AnswerItem& item : answer.items) {
        plain.u8(item.here ? 1 : 0);
        plain.u64(item.total);
        plain.bytes(item.content);
    }
    const ByteView body = ByteView(plain.view()).subspan(head_bytes);
    HP_CHECK(body.size() <= answer_body_bytes_max, "the server counts what it answers");
    const Bytes packed = compress(body);
    if (packed.empty()) {
        return plain.take();
    }
    Writer out;
    out.u8(answer_kind);
    out.u8(form_zstd);
    out.u32(static_cast<std::uint32_t>(body.size()));
    out.raw(packed);
    return out.take();
}

Result<Answer> decode_answer(ByteView bytes) {
    Reader in(bytes);
    const std::uint8_t kind = in.u8();
    const std::uint8_t form = in.u8();
    if (!in.ok() || kind != answer_kind || form > form_zstd) {
        return bad("not an answer");
    }
    if (form == form_plain) {
        return decode_body(in.raw(in.left()));
    }
    const std::size_t size = in.u32();
    if (!in.ok() || size > answer_body_bytes_max) {
        return bad("an answer too long");
    }
    HP_TRY(const Bytes body, decompress(in.raw(in.left()), size));
    return decode_body(body);
}

} // namespace hp::state::sync
