// SPDX-License-Identifier: Apache-2.0
#include "state/history.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include <fcntl.h>

#include "state/checkpoint.hpp"
#include "state/walk.hpp"

namespace hp::state {
namespace {

// A node may be applying a run, or clearing deltas away, while its files are read.
constexpr int read_attempts_max = 20;
constexpr auto between_attempts = std::chrono::milliseconds(50);

class DiskReader {
public:
    explicit DiskReader(int root) : root_(root) {}

    Result<VersionList> read() {
        HP_TRY(const Checkpoint checkpoint, load_checkpoint(root_));
        HP_TRY_STATUS(load_deltas(checkpoint));
        HP_TRY(const Trees trees, walk_base());
        HP_TRY(const std::size_t applied, find_base(checkpoint, trees));
        HP_TRY(VersionList list, older_versions(applied, checkpoint, trees));
        for (std::size_t i = applied; i < deltas_.size(); ++i) {
            HP_TRY(Trees next,
                   apply_to_trees(Trees{list.back().state, list.back().patch}, *deltas_[i]));
            const DeltaHeader& header = deltas_[i]->header();
            list.push_back(Version{header.seq,
                                   header.after,
                                   std::move(next.state),
                                   std::move(next.patch),
                                   deltas_[i],
                                   {},
                                   0});
        }
        return list;
    }

private:
    Status load_deltas(const Checkpoint& checkpoint) {
        HP_TRY(const os::Fd dir, open_directory(root_, "deltas"));
        HP_TRY(const std::vector<std::string> names, list_names(dir.get(), SIZE_MAX));
        for (const std::string& name : names) {
            const auto seq = parse_delta_name(name);
            if (!seq || *seq <= checkpoint.seq) {
                continue;
            }
            HP_TRY(os::Fd file, open_at(dir.get(), name, O_RDONLY));
            auto delta = Delta::load(std::move(file));
            if (!delta && name == names.back()) {
                break; // being written, or cut off: not committed
            }
            if (!delta) {
                return fail(std::move(delta.error()).in("deltas/" + name));
            }
            deltas_.push_back(std::make_shared<const Delta>(std::move(*delta)));
        }
        return {};
    }

    Result<Trees> walk_base() const {
        const FileOps ops;
        HP_TRY(const os::Fd base, open_directory(root_, "base"));
        HP_TRY(const os::Fd state, open_directory(base.get(), state_name));
        Walker walker(ops, WalkRules{});
        Trees out;
        HP_TRY(out.state, walker.tree(state.get(), nullptr));
        HP_TRY(const auto st, stat_at(base.get(), patch_name));
        if (st && S_ISREG(st->st_mode)) {
            HP_TRY(out.patch, walker.file(base.get(), patch_name, *st, nullptr));
        }
        return out;
    }

    // How many of the deltas base/ holds: the most that fit.
    Result<std::size_t> find_base(const Checkpoint& checkpoint, const Trees& base) const {
        for (std::size_t i = deltas_.size() + 1; i > 0; --i) {
            const Roots& roots = i == 1 ? checkpoint.roots : deltas_[i - 2]->header().after;
            if (roots.state == base.state->hash) {
                return i - 1;
            }
        }
        return fail(Errc::corrupt, "base/state has the hash " + base.state->hash.hex() +
                                       ", which is none of the committed ones");
    }

    Result<VersionList> older_versions(std::size_t applied, const Checkpoint& checkpoint,
                                       const Trees& base) const {
        Version head;
        head.seq = applied == 0 ? checkpoint.seq : deltas_[applied - 1]->header().seq;
        head.roots.state = base.state->hash;
        head.roots.config = base.patch ? base.patch->hash : Hash32{};
        head.state = base.state;
        head.patch = base.patch;
        HP_TRY(const auto st, stat_at(root_, versions_name));
        if (!st) {
            return VersionList{std::move(head)};
        }
        HP_TRY(const os::Fd versions, open_directory(root_, versions_name));
        return read_older_versions(versions.get(), std::move(head));
    }

    int root_;
    std::vector<SharedDelta> deltas_;
};

} // namespace

Result<History> History::open(const std::filesystem::path& contract_fs) {
    HP_TRY(os::Fd root, open_directory(AT_FDCWD, contract_fs.string()));
    for (int attempt = 1;; ++attempt) {
        auto list = DiskReader(root.get()).read();
        if (list) {
            auto kept = std::make_unique<KeptVersions>();
            kept->show(std::move(root), std::move(*list));
            return History(std::move(kept));
        }
        if (attempt == read_attempts_max) {
            return fail(std::move(list.error()));
        }
        std::this_thread::sleep_for(between_attempts);
    }
}

} // namespace hp::state
