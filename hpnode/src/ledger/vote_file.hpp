// SPDX-License-Identifier: Apache-2.0
// The bytes of one vote log file (docs/protocol/vote-log.md): a header, then frames, each of them
// what one append made durable. Every frame carries a checksum that only this file's frames have
// and its number, so that remains of earlier files and contents of other frames never pass for one,
// and begins at a block of its own, so that tearing one cannot hurt those before it. Values; any
// thread.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "hp/base/ids.hpp"
#include "hp/base/result.hpp"
#include "hp/os/store_directory.hpp"

namespace hp::ledger {

// Disks write at least so many bytes whole or not at all.
inline constexpr std::size_t vote_block_bytes = 512;

// Random, the log's for as long as it lives.
using VoteLogId = FixedBytes<16, struct VoteLogIdTag>;
// Random, a file's. Secret from everybody who can get bytes into records.
using VoteFileSalt = FixedBytes<16, struct VoteFileSaltTag>;

// What a vote rests on, opaque here, and the ledger it is about.
struct VoteRecord {
    LedgerSeq height = 0;
    Bytes bytes;
    bool operator==(const VoteRecord&) const = default;
};

struct VoteFileHeader {
    VoteLogId id;
    VoteFileSalt salt;
    std::uint64_t incarnation = 0;
    bool complete = true;
    LedgerSeq decided = 0;                      // records up to this ledger were left out
    std::uint64_t size = 0;                     // of the whole file, from its beginning
    std::optional<os::FileIdentity> identity{}; // of the file this was written to
};

// One block, and whole blocks. Frames are numbered from 1.
Bytes encode_header(const VoteFileHeader& header);
Bytes encode_frame(const VoteFileSalt& salt, std::uint64_t number,
                   std::span<const VoteRecord> records);

struct VoteFile {
    VoteFileHeader header;
    std::vector<VoteRecord> records;
};
// An unfinished frame at the end is none; anything else that is wrong is Errc::corrupt.
Result<VoteFile> decode_vote_file(ByteView content);

} // namespace hp::ledger
