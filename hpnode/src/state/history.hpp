// SPDX-License-Identifier: Apache-2.0
// The kept versions of a state as they are on disk, for whoever looks at a stopped or running node
// without taking part. Changes nothing. On a running node, content that is being overwritten is
// noticed by its hash, never shown.
// One thread.
#pragma once

#include <filesystem>
#include <memory>

#include "state/version_reader.hpp"

namespace hp::state {

class History {
public:
    // Reads and checks base/, the deltas that are not in it yet, and the way back. Errc::not_found:
    // no state here; corrupt: what is on disk does not fit together.
    static Result<History> open(const std::filesystem::path& contract_fs);

    const VersionList& versions() const { return *list_; } // ascending
    VersionReader reader() const { return VersionReader(*kept_); }

private:
    explicit History(std::unique_ptr<KeptVersions> kept)
        : kept_(std::move(kept)), list_(kept_->list()) {}

    std::unique_ptr<KeptVersions> kept_;
    std::shared_ptr<const VersionList> list_;
};

} // namespace hp::state
