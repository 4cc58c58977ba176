// SPDX-License-Identifier: Apache-2.0
//
// The document a node writes to a contract's standard input (contract protocol section 7), decoded
// once and strictly: right types, right sizes, no duplicate members. Unknown members are skipped,
// so that newer nodes can say more.
//
// Threads: plain values.
#pragma once

#include <hp/contract/key.hpp>
#include <hp/contract/unl.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hp::contract::detail {

struct InputRange {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
};

struct UserEntry {
    PublicKey public_key;
    int output_fd = -1;
    std::vector<InputRange> inputs;
};

struct Document {
    std::string hp_version;
    std::string contract_id;
    PublicKey public_key;
    std::optional<PrivateKey> private_key;
    std::uint64_t timestamp_ms = 0;
    bool readonly = false;
    std::optional<std::uint64_t> lcl_seq_no;
    std::optional<Hash> lcl_hash;
    std::optional<int> npl_fd;
    std::optional<int> control_fd;
    std::optional<int> user_in_fd;
    std::vector<UserEntry> users; ///< ascending by key
    std::vector<UnlNode> unl;     ///< ascending by key
};

/// Nothing on error; `error` then says what is wrong and where.
[[nodiscard]] std::optional<Document> decode_document(std::string_view text, std::string& error);

} // namespace hp::contract::detail
