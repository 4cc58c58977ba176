// SPDX-License-Identifier: Apache-2.0
#include "state/private_links.hpp"

#include <algorithm>

#include "hp/base/limits.hpp"

namespace hp::state {
namespace {

bool is_private(const std::string& name) {
    return name != state_name && name != patch_name;
}

std::string link_target(const std::string& name) {
    return "../seed/" + name;
}

// At most the named limit, sorted; `all` tells whether that was everything.
Result<std::vector<std::string>> private_names(int seed_dir, bool& all) {
    std::vector<std::string> names;
    NameReader reader(seed_dir);
    std::string name;
    for (all = true;;) {
        HP_TRY(const bool more, reader.next(name));
        if (!more) {
            break;
        }
        if (is_private(name)) {
            if (names.size() == limits::private_entries_max) {
                all = false;
                break;
            }
            names.push_back(std::move(name));
        }
    }
    std::sort(names.begin(), names.end());
    return names;
}

Status link_one(const FileOps& ops, int base_dir, const std::string& name) {
    HP_TRY(const auto st, stat_at(base_dir, name));
    if (st && S_ISLNK(st->st_mode)) {
        HP_TRY(const std::string target, read_symlink(base_dir, name));
        if (target == link_target(name)) {
            return {};
        }
    }
    HP_TRY_STATUS(ops.remove_tree(base_dir, name));
    return ops.make_symlink(base_dir, name, link_target(name));
}

} // namespace

Status PrivateLinks::refresh(const FileOps& ops, int seed_dir, int base_dir, const Log& log) {
    const std::int64_t looked_ns = timestamp_now_ns();
    HP_TRY(const struct stat st, stat_fd(seed_dir));
    const Fingerprint now = fingerprint(st);
    if (seen_ == now) {
        return {};
    }
    seen_.reset();
    bool all = true;
    HP_TRY(const std::vector<std::string> wanted, private_names(seed_dir, all));
    if (!all) {
        log.warning("read requests do not see all node-private files: too many entries in seed",
                    {{"shown", wanted.size()}});
    }
    HP_TRY(const std::vector<std::string> present, list_names(base_dir, SIZE_MAX));
    for (const std::string& name : present) {
        if (is_private(name) && !std::binary_search(wanted.begin(), wanted.end(), name)) {
            HP_TRY_STATUS(ops.remove_tree(base_dir, name));
        }
    }
    for (const std::string& name : wanted) {
        HP_TRY_STATUS(link_one(ops, base_dir, name));
    }
    if (!is_racy(now, looked_ns)) {
        seen_ = now;
    }
    return {};
}

} // namespace hp::state
