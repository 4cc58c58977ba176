// SPDX-License-Identifier: Apache-2.0
// Reads content of kept versions while the store goes on applying runs to base/: nobody waits for
// anybody. Every chunk is checked against the hash it must have in its version, so one that was
// overwritten a moment ago is noticed and found in the undo that was written before.
// One thread per object; any number of objects.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "state/versions.hpp"

namespace hp::state {

class VersionReader {
public:
    explicit VersionReader(const KeptVersions& versions) : versions_(versions) {}

    // False when no such version is kept.
    bool select(const Roots& roots);
    // The newest that was there after ledger `seq`.
    bool select_seq(LedgerSeq seq);
    const Version& version() const { return (*list_)[at_]; }

    // The entry at "patch.cfg", "state" or "state/..." of the selected version; null: none.
    EntryPtr find(std::string_view path) const;

    // One chunk of that file, valid until the next call. Errc::unavailable when it cannot be read
    // any more.
    Result<ByteView> chunk(const std::string& path, const Entry& file, std::uint32_t index);

private:
    bool fetch(const std::string& path, const Entry& file, std::uint32_t index);
    bool fetch_from(const SharedDelta& delta, const std::string& path, std::uint32_t index,
                    std::span<std::uint8_t> out) const;
    bool fetch_from_base(const std::string& path, std::uint32_t index, std::span<std::uint8_t> out);
    void refresh();

    const KeptVersions& versions_;
    std::shared_ptr<const VersionList> list_;
    std::size_t at_ = 0;
    std::string base_path_; // whose file is open
    os::Fd base_file_;
    ChunkBuffer buffer_;
};

} // namespace hp::state
