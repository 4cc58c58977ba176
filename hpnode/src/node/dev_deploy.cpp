// SPDX-License-Identifier: Apache-2.0
#include "node/dev_deploy.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "hp/base/limits.hpp"
#include "hp/config/config_io.hpp"
#include "hp/os/files.hpp"

namespace hp::node {
namespace {

namespace fs = std::filesystem;

Status problem(const std::string& what, const std::error_code& error) {
    return fail(Errc::io, what + ": " + error.message());
}

// Contracts choose what lies in their state; nothing is written through a link of theirs.
Status make_way(const fs::path& path, bool directory) {
    std::error_code error;
    const fs::file_status found = fs::symlink_status(path, error);
    const bool fits = directory ? fs::is_directory(found) : fs::is_regular_file(found);
    if (!fs::exists(found) || fits) {
        return {};
    }
    fs::remove_all(path, error);
    return error ? problem("cannot remove " + path.string(), error) : Status();
}

// To whoever owns the state: a node that runs as root runs the contract as somebody else.
void give_away(const fs::path& path, const struct ::stat& owner) {
    // Whoever may not has nobody else to give it to.
    [[maybe_unused]] const int done = ::lchown(path.c_str(), owner.st_uid, owner.st_gid);
}

Status copy_one(const fs::path& from, const fs::path& to) {
    HP_TRY_STATUS(make_way(to, false));
    struct ::stat source {};
    if (::stat(from.c_str(), &source) != 0) {
        return fail(Errc::invalid, "cannot read " + from.string());
    }
    std::error_code error;
    fs::remove(to, error); // a program that runs cannot be overwritten
    fs::copy_file(from, to, error);
    if (error) {
        return problem("cannot copy to " + to.string(), error);
    }
    const bool executable = (source.st_mode & S_IXUSR) != 0;
    return ::chmod(to.c_str(), executable ? 0755 : 0644) == 0
               ? Status()
               : fail(Errc::io, "cannot set the mode of " + to.string());
}

Status copy_tree(const fs::path& bundle, const fs::path& state_dir) {
    struct ::stat owner {};
    if (::stat(state_dir.c_str(), &owner) != 0) {
        return fail(Errc::io, "cannot read " + state_dir.string());
    }
    std::error_code error;
    fs::recursive_directory_iterator entry(bundle, error);
    for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
        const fs::path to = state_dir / entry->path().lexically_relative(bundle);
        const bool directory = entry->is_directory() && !entry->is_symlink();
        if (directory) {
            HP_TRY_STATUS(make_way(to, true));
            if (fs::create_directory(to, error)) {
                (void)::chmod(to.c_str(), 0755);
            }
        } else if (entry->is_symlink()) {
            fs::remove_all(to, error);
            fs::copy_symlink(entry->path(), to, error);
        } else if (entry->is_regular_file()) {
            HP_TRY_STATUS(copy_one(entry->path(), to));
        }
        if (error) {
            break;
        }
        give_away(to, owner);
    }
    return error ? problem("cannot copy " + bundle.string(), error) : Status();
}

// The bytes of patch.cfg are agreed on: they are written as the node itself writes them.
Status merge_patch(const std::string& changes, const fs::path& patch_file) {
    HP_TRY(const Bytes before, os::read_file(patch_file, limits::patch_bytes_max));
    nlohmann::json merged = nlohmann::json::parse(before.begin(), before.end(), nullptr, false);
    if (!merged.is_object()) {
        return fail(Errc::invalid, "patch.cfg is not a JSON object");
    }
    merged.merge_patch(nlohmann::json::parse(changes));
    const config::DecodedPatch decoded = config::decode_patch(as_bytes(merged.dump()));
    if (!decoded.problems.empty()) {
        return fail(Errc::invalid, "patch.cfg: " + config::describe(decoded.problems));
    }
    return overwrite_patch(patch_file, as_bytes(config::encode_patch(decoded.patch)));
}

} // namespace

Status overwrite_patch(const fs::path& patch_file, ByteView content) {
    HP_TRY(const os::Fd file, os::open_file(patch_file, O_WRONLY | O_TRUNC));
    return os::write_all(file.get(), content);
}

Status apply_deploy(const DeployOrder& order, const fs::path& state_dir,
                    const fs::path& patch_file) {
    std::error_code error;
    if (!fs::is_directory(order.bundle, error)) {
        return fail(Errc::invalid, "there is no bundle " + order.bundle.string());
    }
    for (const std::string& path : order.remove) {
        fs::remove_all(state_dir / path, error);
        if (error) {
            return problem("cannot remove " + path, error);
        }
    }
    HP_TRY_STATUS(copy_tree(order.bundle, state_dir));
    return order.patch.empty() ? Status() : merge_patch(order.patch, patch_file);
}

} // namespace hp::node
