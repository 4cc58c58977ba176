// SPDX-License-Identifier: Apache-2.0
#include "state/sync/server.hpp"

#include <algorithm>

#include "state/sync/description.hpp"

namespace hp::state::sync {

Result<Bytes> Server::answer(ByteView request) {
    HP_TRY(const Request asked, decode_request(request));
    Answer out;
    out.id = asked.id;
    if (reader_.select(asked.version)) {
        std::size_t bytes = 0;
        for (const RequestItem& item : asked.items) {
            AnswerItem answered = answer_item(item);
            bytes += answered.content.size();
            if (bytes > limits::sync_answer_bytes_max) {
                break; // the rest is asked for again
            }
            out.items.push_back(std::move(answered));
        }
    }
    return encode_answer(out);
}

AnswerItem Server::answer_item(const RequestItem& item) {
    const EntryPtr entry = reader_.find(item.path);
    if (!entry || entry->hash != item.hash) {
        return {};
    }
    return item.kind == RequestItem::Kind::chunks ? chunks(item, *entry)
                                                  : description(item, *entry);
}

AnswerItem Server::description(const RequestItem& item, const Entry& entry) {
    if (described_ != item.hash || description_.empty()) {
        description_ = describe(entry);
        described_ = item.hash;
    }
    const std::size_t begin = std::size_t{item.first} * part_bytes;
    if (begin >= description_.size()) {
        return {};
    }
    const std::size_t length =
        std::min(description_.size() - begin, std::size_t{item.count} * part_bytes);
    const ByteView content = ByteView(description_).subspan(begin, length);
    return AnswerItem{true, description_.size(), Bytes(content.begin(), content.end())};
}

AnswerItem Server::chunks(const RequestItem& item, const Entry& entry) {
    if (entry.type != EntryType::file || item.first >= entry.chunks.size() ||
        item.count > entry.chunks.size() - item.first) {
        return {};
    }
    AnswerItem out;
    out.here = true;
    out.content.reserve(std::size_t{item.count} * chunk_bytes);
    for (std::uint32_t i = 0; i < item.count; ++i) {
        const auto content = reader_.chunk(item.path, entry, item.first + i);
        if (!content) {
            return {};
        }
        append(out.content, *content);
    }
    return out;
}

} // namespace hp::state::sync
