// SPDX-License-Identifier: Apache-2.0
// What nodes say to each other to sync a state: requests for parts of one version, named by its
// hashes, and answers (docs/protocol/state.md gives the bytes). Strict and canonical: what decodes
// is what encoding gives, but for the compression of answers, which is the sender's choice.
// Values and pure functions; any thread.
#pragma once

#include <string>
#include <vector>

#include "hp/base/limits.hpp"
#include "hp/base/result.hpp"
#include "state/store.hpp"
#include "state/tree_hash.hpp"

namespace hp::state::sync {

// Descriptions are asked for in parts of this size.
inline constexpr std::size_t part_bytes = 256 * 1024;
inline constexpr std::uint32_t parts_per_item_max = limits::sync_answer_bytes_max / part_bytes;
inline constexpr std::uint32_t chunks_per_item_max = limits::sync_answer_bytes_max / chunk_bytes;

struct RequestItem {
    enum class Kind : std::uint8_t { description = 1, chunks = 2 };
    Kind kind = Kind::description;
    std::string path; // "state", "state/..." or "patch.cfg"
    Hash32 hash;      // of the entry there
    std::uint32_t first = 0;
    std::uint32_t count = 1;
    bool operator==(const RequestItem&) const = default;
};

struct Request {
    std::uint64_t id = 0; // the asker's; comes back with the answer
    Roots version;
    std::vector<RequestItem> items; // 1 to limits::sync_items_max
};

struct AnswerItem {
    bool here = false;       // false: the sender does not have it
    std::uint64_t total = 0; // length of the whole description; 0 with chunks
    Bytes content;
};

struct Answer {
    std::uint64_t id = 0;
    // Of the first items asked for, at least one. None at all: the version is not kept here.
    std::vector<AnswerItem> items;
};

Bytes encode_request(const Request& request);
Result<Request> decode_request(ByteView bytes);

// Compressed where that makes it a good deal smaller.
Bytes encode_answer(const Answer& answer);
Result<Answer> decode_answer(ByteView bytes);

} // namespace hp::state::sync
