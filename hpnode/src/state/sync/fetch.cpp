// SPDX-License-Identifier: Apache-2.0
// What is wanted, and what becomes of checked answers. fetch_peers.cpp has whom to ask.
#include "state/sync/fetch.hpp"

#include <algorithm>
#include <cstring>

#include "hp/base/check.hpp"
#include "hp/crypto/blake3.hpp"

namespace hp::state::sync {
namespace {

EntryPtr child_of(const EntryPtr& directory, const std::string& name) {
    const Child* child = directory && directory->type == EntryType::directory
                             ? find_child(*directory, name)
                             : nullptr;
    return child != nullptr ? child->entry : EntryPtr();
}

bool is_same(const EntryPtr& known, EntryType type, const Hash32& hash) {
    return known && known->type == type && known->hash == hash;
}

bool has_chunk(const EntryPtr& known, std::uint32_t index, const Hash32& hash) {
    return known && known->type == EntryType::file && index < known->chunks.size() &&
           known->chunks[index] == hash;
}

} // namespace

Fetch::Fetch(const Roots& target, const Trees& staged, const Trees& own, std::uint64_t first_id)
    : target_(target), next_id_(first_id) {
    want_root(state_name, EntryType::directory, target.state, staged.state, own.state);
    if (target.config.is_zero()) {
        effects_.emplace_back(RemoveEntry{patch_name});
    } else {
        want_root(patch_name, EntryType::file, target.config, staged.patch, own.patch);
    }
}

Fetch::State Fetch::state() const {
    if (failure_) {
        return State::failed;
    }
    if (open_ == 0) {
        return State::complete;
    }
    const bool gone = !peers_.empty() && asked_.empty() &&
                      std::all_of(peers_.begin(), peers_.end(),
                                  [](const auto& peer) { return peer.second.refused; });
    return gone ? State::target_gone : State::fetching;
}

void Fetch::fail_target(Error error) {
    if (!failure_) {
        failure_ = std::move(error);
    }
}

// --- what is wanted --------------------------------------------------------------------------

void Fetch::want_root(const char* name, EntryType type, const Hash32& hash, const EntryPtr& staged,
                      const EntryPtr& own) {
    Work work;
    work.path = name;
    work.hash = hash;
    work.type = type;
    work.staged = staged;
    work.own = own;
    work.depth = 1;
    want(std::move(work));
}

// An entry that its parent, or the certificate, says must be there.
void Fetch::want(Work work) {
    ++progress_.entries_known;
    if (is_same(work.staged, work.type, work.hash)) {
        count_tree(*work.staged, true);
        return;
    }
    if (is_same(work.own, work.type, work.hash)) {
        count_tree(*work.own, true);
        effects_.emplace_back(CopyTree{work.path, work.own});
        return;
    }
    ++open_;
    description_works_.push_back(std::make_shared<Work>(std::move(work)));
}

// The entry itself is in entries_known already.
void Fetch::count_tree(const Entry& entry, bool add) {
    const auto count = [add](std::uint64_t& sum, std::uint64_t value) {
        sum = add ? sum + value : sum - value;
    };
    count(progress_.entries_done, 1);
    count(progress_.bytes_known, entry.size);
    count(progress_.bytes_done, entry.size);
    count(progress_.entries_known, entry.children.size());
    for (const Child& child : entry.children) {
        count_tree(*child.entry, add);
    }
}

void Fetch::finish(Work& work) {
    work.done = true;
    HP_CHECK(open_ > 0, "each work is finished once");
    --open_;
}

void Fetch::on_copy_failed(const CopyTree& copy, TimeMs now) {
    count_tree(*copy.entry, false);
    Work work;
    work.path = copy.path;
    work.hash = copy.entry->hash;
    work.type = copy.entry->type;
    work.depth = static_cast<std::size_t>(std::ranges::count(copy.path, '/')) + 1;
    ++open_;
    description_works_.push_back(std::make_shared<Work>(std::move(work)));
    ask_all(now);
}

void Fetch::on_copy_failed(const CopyChunk& copy, TimeMs now) {
    // A file of its own with the one chunk, so that nothing else has to be remembered.
    auto file = std::make_shared<File>();
    file->path = copy.path;
    file->hash = copy.file_hash;
    file->chunks.assign(copy.index + 1, copy.hash);
    file->size = std::uint64_t{copy.index} * chunk_bytes + copy.length;
    want_chunks(file, {copy.index});
    progress_.bytes_done -= copy.length;
    ask_all(now);
}

// --- descriptions ----------------------------------------------------------------------------

// The bytes have the hash that was asked for. What is wrong with them now is wrong with the
// certified state, not with the sender.
Status Fetch::take_description(Work& work, ByteView bytes) {
    finish(work);
    ++progress_.entries_done;
    switch (work.type) {
    case EntryType::directory:
        return take_directory(work, bytes);
    case EntryType::file:
        return take_file(work, bytes);
    case EntryType::symlink:
        break;
    }
    HP_TRY(std::string target, decode_symlink(bytes));
    effects_.emplace_back(MakeSymlink{work.path, std::move(target)});
    return {};
}

Status Fetch::take_directory(Work& work, ByteView bytes) {
    HP_TRY(std::vector<ListedChild> children, decode_directory(bytes));
    if (work.depth > limits::state_depth_max) {
        return fail(Errc::too_large, "directories nested too deep");
    }
    if (progress_.entries_known + children.size() > limits::state_entries_max + 2) {
        return fail(Errc::too_large, "too many entries");
    }
    effects_.emplace_back(MakeDirectory{work.path, children});
    // From the last to the first, as the last work that is added is asked for first.
    for (auto child = children.rbegin(); child != children.rend(); ++child) {
        Work next;
        next.path = work.path + '/' + child->name;
        next.hash = child->hash;
        next.type = child->type;
        next.depth = work.depth + 1;
        next.staged = child_of(work.staged, child->name);
        next.own = child_of(work.own, child->name);
        want(std::move(next));
    }
    return {};
}

Status Fetch::take_file(Work& work, ByteView bytes) {
    HP_TRY(FileDescription what, decode_file(bytes));
    if (progress_.bytes_known + what.size > limits::state_bytes_max) {
        return fail(Errc::too_large, "too many bytes");
    }
    progress_.bytes_known += what.size;
    const bool keep = work.staged && work.staged->type == EntryType::file;
    effects_.emplace_back(PrepareFile{work.path, what.executable, what.size, keep});
    auto file = std::make_shared<File>();
    file->path = work.path;
    file->hash = work.hash;
    file->chunks = std::move(what.chunks);
    file->size = what.size;
    std::vector<std::uint32_t> missing;
    for (std::uint32_t i = 0; i < file->chunks.size(); ++i) {
        const Hash32& hash = file->chunks[i];
        const std::size_t length = chunk_length(file->size, i);
        if (!has_chunk(work.staged, i, hash)) {
            if (hash == zero_chunk_hash()) {
                if (keep) { // else it is a hole already
                    effects_.emplace_back(ZeroChunk{file->path, i});
                }
            } else if (has_chunk(work.own, i, hash)) {
                effects_.emplace_back(CopyChunk{file->path, i, length, hash, file->hash});
            } else {
                missing.push_back(i);
                continue;
            }
        }
        progress_.bytes_done += length;
    }
    want_chunks(file, missing);
    return {};
}

void Fetch::want_chunks(const std::shared_ptr<File>& file,
                        const std::vector<std::uint32_t>& missing) {
    for (std::size_t i = 0; i < missing.size();) {
        std::size_t end = i + 1;
        while (end < missing.size() && missing[end] == missing[end - 1] + 1 &&
               end - i < chunks_per_item_max) {
            ++end;
        }
        auto work = std::make_shared<Work>();
        work->path = file->path;
        work->hash = file->hash;
        work->file = file;
        work->first = missing[i];
        work->count = static_cast<std::uint32_t>(end - i);
        ++open_;
        chunk_works_.push_back(std::move(work));
        i = end;
    }
}

// --- answers ---------------------------------------------------------------------------------

Status Fetch::take_item(Peer& peer, const WorkPtr& work, AnswerItem& item) {
    if (work->done) {
        return {}; // somebody else was faster
    }
    if (work->file) {
        return item.total == 0 ? take_chunks(*work, std::move(item.content))
                               : Status(fail(Errc::invalid, "a length where none belongs"));
    }
    return take_parts(peer, work, item);
}

Status Fetch::take_chunks(Work& work, Bytes content) {
    const File& file = *work.file;
    std::size_t total = 0;
    for (std::uint32_t i = 0; i < work.count; ++i) {
        total += chunk_length(file.size, work.first + i);
    }
    if (content.size() != total) {
        return fail(Errc::invalid, "chunks of a wrong length");
    }
    for (std::uint32_t i = 0; i < work.count; ++i) {
        const std::size_t length = chunk_length(file.size, work.first + i);
        std::memcpy(buffer_.data().data(), content.data() + std::size_t{i} * chunk_bytes, length);
        if (buffer_.hash(length) != file.chunks[work.first + i]) {
            return fail(Errc::invalid, "a chunk with another hash");
        }
    }
    effects_.emplace_back(WriteChunks{file.path, work.first, std::move(content)});
    progress_.bytes_done += total;
    finish(work);
    return {};
}

// Only the whole can be checked, so all of it comes from one peer, and a wrong one is its fault.
Status Fetch::take_parts(Peer& peer, const WorkPtr& work, AnswerItem& item) {
    const bool continued = peer.assembly && peer.assembly->work == work;
    if (continued && peer.assembly->total == 0) {
        peer.assembly->total = item.total;
    }
    const std::size_t have = continued ? peer.assembly->bytes.size() : 0;
    const std::size_t asked = continued ? part_bytes * parts_per_item_max : part_bytes;
    if (item.total == 0 || item.total > description_bytes_max(work->type) ||
        (continued && item.total != peer.assembly->total) ||
        item.content.size() != std::min<std::uint64_t>(asked, item.total - have)) {
        return fail(Errc::invalid, "a description of a wrong length");
    }
    if (!continued && item.total > item.content.size()) {
        work->large = true;
        if (!peer.assembly && may_assemble()) {
            peer.assembly = Assembly{work, item.total, std::move(item.content)};
            ++work->asked;
        }
        return {};
    }
    Bytes whole = std::move(item.content);
    if (continued) {
        append(peer.assembly->bytes, whole);
        if (peer.assembly->bytes.size() < item.total) {
            return {};
        }
        whole = std::move(peer.assembly->bytes);
        peer.assembly.reset();
        --work->asked;
    }
    if (crypto::b3(whole) != work->hash) {
        return fail(Errc::invalid, "a description with another hash");
    }
    if (auto taken = take_description(*work, whole); !taken) {
        fail_target(std::move(taken.error()).in("the state to be synced"));
    }
    return {};
}

} // namespace hp::state::sync
