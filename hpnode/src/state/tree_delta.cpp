// SPDX-License-Identifier: Apache-2.0
// Applying a delta to the index of a tree.
#include <map>

#include "state/versions.hpp"

namespace hp::state {
namespace {

tl::unexpected<Error> does_not_fit(const std::string& path) {
    return fail(Errc::corrupt, "a delta does not fit the state before it at " + path);
}

// The changes of a delta by the components of their paths, so that each directory is rebuilt once.
struct Branch {
    const DeltaChange* change = nullptr;
    std::map<std::string, Branch, std::less<>> children;
};

Branch grow(const Delta& delta) {
    Branch top;
    for (const DeltaChange& change : delta.changes()) {
        Branch* at = &top;
        std::string_view path = change.path;
        for (;;) {
            const std::size_t slash = path.find('/');
            at = &at->children[std::string(path.substr(0, slash))];
            if (slash == std::string_view::npos) {
                break;
            }
            path.remove_prefix(slash + 1);
        }
        at->change = &change;
    }
    return top;
}

EntryPtr share_unseen(Entry entry) {
    entry.racy = true; // nothing on disk was looked at
    seal(entry);
    return std::make_shared<const Entry>(std::move(entry));
}

class Rebuilder {
public:
    explicit Rebuilder(const Delta& delta) : delta_(delta) {}

    // `before` may be null: then an empty directory.
    Result<EntryPtr> directory(const Entry* before, const Branch& branch) {
        static const std::vector<Child> none;
        const std::vector<Child>& old = before != nullptr ? before->children : none;
        Entry out;
        out.type = EntryType::directory;
        auto next = old.begin();
        for (const auto& [name, change] : branch.children) {
            for (; next != old.end() && next->name < name; ++next) {
                out.children.push_back(*next);
            }
            const bool both = next != old.end() && next->name == name;
            HP_TRY(EntryPtr now, entry(both ? next->entry : EntryPtr(), name, change));
            if (now) {
                out.children.push_back(Child{name, std::move(now)});
            }
            if (both) {
                ++next;
            }
        }
        out.children.insert(out.children.end(), next, old.end());
        return share_unseen(std::move(out));
    }

    // Null: removed.
    Result<EntryPtr> entry(const EntryPtr& before, const std::string& name, const Branch& branch) {
        const bool was_directory = before && before->type == EntryType::directory;
        const DeltaChange* change = branch.change;
        if (change == nullptr || change->kind == Change::Kind::directory) {
            if (change == nullptr && !was_directory) {
                return does_not_fit(name);
            }
            return directory(was_directory ? before.get() : nullptr, branch);
        }
        if (!branch.children.empty()) {
            return does_not_fit(name);
        }
        if (change->kind == Change::Kind::removed) {
            return EntryPtr();
        }
        if (change->kind == Change::Kind::file) {
            return file(before, *change);
        }
        Entry out;
        out.type = EntryType::symlink;
        out.target = change->target;
        return share_unseen(std::move(out));
    }

private:
    Result<EntryPtr> file(const EntryPtr& before, const DeltaChange& change) {
        Entry out;
        out.executable = change.executable;
        out.size = change.size;
        if (!change.fresh) {
            if (!before || before->type != EntryType::file) {
                return does_not_fit(change.path);
            }
            out.chunks = before->chunks;
        }
        out.chunks.resize(chunk_count(change.size));
        for (const DeltaChunk& chunk : change.chunks) {
            const std::size_t length = chunk_length(change.size, chunk.index);
            HP_TRY_STATUS(delta_.read_chunk(chunk, buffer_.data().first(length)));
            out.chunks[chunk.index] = buffer_.hash(length);
        }
        return share_unseen(std::move(out));
    }

    const Delta& delta_;
    ChunkBuffer buffer_;
};

} // namespace

Result<Trees> apply_to_trees(const Trees& before, const Delta& delta) {
    const Branch top = grow(delta);
    Rebuilder rebuilder(delta);
    Trees out = before;
    if (const auto state = top.children.find(state_name); state != top.children.end()) {
        HP_TRY(out.state, rebuilder.directory(before.state.get(), state->second));
    }
    if (const auto patch = top.children.find(patch_name); patch != top.children.end()) {
        HP_TRY(out.patch, rebuilder.entry(before.patch, patch_name, patch->second));
    }
    if (out.state->hash != delta.header().after.state) {
        return does_not_fit(state_name);
    }
    return out;
}

} // namespace hp::state
