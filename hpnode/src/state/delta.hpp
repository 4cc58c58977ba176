// SPDX-License-Identifier: Apache-2.0
// One committed run on disk: the result record, the roots before and after, and every changed
// entry with its changed chunks, closed by a checksum (docs/protocol/state.md gives the bytes).
// A delta is written under its final name and synced once; a torn one fails its checksum, so it
// counts as never written. Reading checks the checksum and the rules before anything is used.
// One owner thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "state/file_ops.hpp"
#include "state/store.hpp"
#include "state/tree.hpp"

namespace hp::state {

struct DeltaHeader {
    LedgerSeq seq = 0;
    Hash32 state_before;
    Roots after;
};

struct DeltaChunk {
    std::uint32_t index = 0;
    bool zero = false;        // a full chunk of zeros, not stored
    std::uint64_t offset = 0; // of its bytes in the delta file
};

struct DeltaChange {
    Change::Kind kind = Change::Kind::removed;
    std::string path;
    std::string target;      // symlinks
    bool executable = false; // files, as all below
    bool fresh = false;      // every chunk is listed
    std::uint64_t size = 0;
    std::vector<DeltaChunk> chunks; // ascending by index
};

class Delta {
public:
    // Errc::corrupt when the file is torn or breaks a rule.
    static Result<Delta> load(os::Fd file);

    const DeltaHeader& header() const { return header_; }
    std::uint64_t file_bytes() const { return file_bytes_; }
    const std::vector<DeltaChange>& changes() const { return changes_; }
    Result<Bytes> record() const;
    Status read_chunk(const DeltaChunk& chunk, std::span<std::uint8_t> out) const;

    // The change at exactly this path, or null.
    const DeltaChange* find(const std::string& path) const;

private:
    friend class DeltaWriter;
    friend class DeltaParser;

    os::Fd file_;
    DeltaHeader header_;
    std::uint64_t record_offset_ = 0;
    std::size_t record_bytes_ = 0;
    std::uint64_t file_bytes_ = 0;
    std::vector<DeltaChange> changes_;
    std::map<std::string, std::size_t, std::less<>> by_path_;
};

// Read by whoever serves old versions while the store goes on.
using SharedDelta = std::shared_ptr<const Delta>;

// "00000000000000000042"; empty for a name that is not of this form.
std::string delta_name(LedgerSeq seq);
std::optional<LedgerSeq> parse_delta_name(std::string_view name);

// Writes the delta into `deltas_dir` and returns when it is durable. Content is read from the
// view `view_dir` (seed/ for a run's delta) and checked against the hashes in `changes`, so a
// process that still writes there cannot slip in a state that was never hashed.
Result<Delta> write_delta(const FileOps& ops, int deltas_dir, int view_dir,
                          const DeltaHeader& header, ByteView record,
                          const std::vector<Change>& changes);

// The same, not durable on return: after a power loss the file may be torn, which its checksum
// tells.
Result<Delta> write_unsynced_delta(const FileOps& ops, int deltas_dir, int view_dir,
                                   const DeltaHeader& header, const std::vector<Change>& changes);

} // namespace hp::state
