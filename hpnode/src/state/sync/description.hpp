// SPDX-License-Identifier: Apache-2.0
// Descriptions of entries as peers send them: exactly the bytes that are hashed for a directory,
// file or symlink (docs/protocol/state.md), so whoever knows the hash can check a description
// before he believes a word of it. Decoding is strict all the same.
// Pure functions; any thread.
#pragma once

#include <string>
#include <vector>

#include "hp/base/result.hpp"
#include "state/tree.hpp"

namespace hp::state::sync {

struct ListedChild {
    std::string name;
    EntryType type = EntryType::file;
    bool executable = false;
    Hash32 hash;
};

struct FileDescription {
    bool executable = false;
    std::uint64_t size = 0;
    std::vector<Hash32> chunks;
};

Bytes describe(const Entry& entry);

// The longest description that an allowed entry of this type has.
std::uint64_t description_bytes_max(EntryType type);

Result<std::vector<ListedChild>> decode_directory(ByteView bytes);
Result<FileDescription> decode_file(ByteView bytes);
Result<std::string> decode_symlink(ByteView bytes);

} // namespace hp::state::sync
