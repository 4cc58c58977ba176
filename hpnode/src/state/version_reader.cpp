// SPDX-License-Identifier: Apache-2.0
#include "state/version_reader.hpp"

#include <algorithm>

#include <fcntl.h>

namespace hp::state {
namespace {

constexpr int list_attempts_max = 3;

} // namespace

bool VersionReader::select(const Roots& roots) {
    list_ = versions_.list();
    base_file_.reset();
    for (std::size_t i = list_ ? list_->size() : 0; i > 0; --i) {
        if ((*list_)[i - 1].roots == roots) {
            at_ = i - 1;
            return true;
        }
    }
    return false;
}

bool VersionReader::select_seq(LedgerSeq seq) {
    list_ = versions_.list();
    base_file_.reset();
    for (std::size_t i = list_ ? list_->size() : 0; i > 0; --i) {
        if ((*list_)[i - 1].seq <= seq) {
            at_ = i - 1;
            return true;
        }
    }
    return false;
}

EntryPtr VersionReader::find(std::string_view path) const {
    if (path == patch_name) {
        return version().patch;
    }
    EntryPtr at = version().state;
    const std::size_t top = path.find('/');
    if (path.substr(0, top) != state_name) {
        return {};
    }
    path.remove_prefix(std::min(top, path.size()));
    while (at && !path.empty()) {
        path.remove_prefix(1);
        const std::size_t slash = std::min(path.find('/'), path.size());
        const Child* child =
            at->type == EntryType::directory ? find_child(*at, path.substr(0, slash)) : nullptr;
        at = child != nullptr ? child->entry : EntryPtr();
        path.remove_prefix(slash);
    }
    return at;
}

Result<ByteView> VersionReader::chunk(const std::string& path, const Entry& file,
                                      std::uint32_t index) {
    const std::size_t length = chunk_length(file.size, index);
    if (file.chunks[index] == zero_chunk_hash()) {
        std::ranges::fill(buffer_.data().first(length), std::uint8_t{0});
        return buffer_.view(length);
    }
    for (int attempt = 0; attempt < list_attempts_max; ++attempt) {
        if (fetch(path, file, index) && buffer_.hash(length) == file.chunks[index]) {
            return buffer_.view(length);
        }
        refresh(); // a run was applied meanwhile, and left an undo
    }
    return fail(Errc::unavailable, "a chunk of " + path + " is no longer kept");
}

void VersionReader::refresh() {
    const auto newer = versions_.list();
    base_file_.reset();
    for (std::size_t i = 0; i < newer->size(); ++i) {
        if ((*newer)[i].state == version().state && (*newer)[i].seq == version().seq) {
            list_ = newer;
            at_ = i;
            return;
        }
    }
}

// Later undos first, the nearest first; then the runs that are not in base/ yet, the newest first.
bool VersionReader::fetch(const std::string& path, const Entry& file, std::uint32_t index) {
    const auto out = buffer_.data().first(chunk_length(file.size, index));
    for (std::size_t i = at_ + 1; i < list_->size() && (*list_)[i].undo; ++i) {
        if (fetch_from((*list_)[i].undo, path, index, out)) {
            return true;
        }
    }
    for (std::size_t i = at_ + 1; i > 0; --i) {
        if (fetch_from((*list_)[i - 1].redo, path, index, out)) {
            return true;
        }
    }
    return fetch_from_base(path, index, out);
}

bool VersionReader::fetch_from(const SharedDelta& delta, const std::string& path,
                               std::uint32_t index, std::span<std::uint8_t> out) const {
    const DeltaChange* change = delta ? delta->find(path) : nullptr;
    if (change == nullptr) {
        return false;
    }
    const auto found = std::lower_bound(
        change->chunks.begin(), change->chunks.end(), index,
        [](const DeltaChunk& chunk, std::uint32_t wanted) { return chunk.index < wanted; });
    if (found == change->chunks.end() || found->index != index) {
        return false;
    }
    return delta->read_chunk(*found, out).has_value();
}

bool VersionReader::fetch_from_base(const std::string& path, std::uint32_t index,
                                    std::span<std::uint8_t> out) {
    if (!base_file_ || base_path_ != path) {
        const auto base = open_directory(versions_.root_dir(), "base");
        if (!base) {
            return false;
        }
        const FileOps ops;
        DirCursor cursor(ops, base->get(), DirCursor::Missing::fail);
        const auto dir = cursor.parent_of(path);
        auto file = dir ? open_at(*dir, last_component(path), O_RDONLY | O_NONBLOCK)
                        : Result<os::Fd>(fail(dir.err()));
        if (!file) {
            return false;
        }
        base_file_ = std::move(*file);
        base_path_ = path;
    }
    const auto got = read_at(base_file_.get(), out, std::uint64_t{index} * chunk_bytes);
    return got && *got == out.size();
}

} // namespace hp::state
