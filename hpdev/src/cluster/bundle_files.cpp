// SPDX-License-Identifier: Apache-2.0
#include "cluster/bundle_files.hpp"

#include "hp/base/limits.hpp"
#include "hp/crypto/blake3.hpp"
#include "hp/os/files.hpp"

#include <fcntl.h>
#include <map>

namespace hp::dev {
namespace {

constexpr std::size_t read_step_bytes = 64 * 1024;

// Whether this top-level name becomes part of the agreed state.
bool is_state(const fs::path& name) {
    return name != bundle_override_name && name != bundle_disparate_name;
}

cli::Failure file_failure(const std::string& doing, const std::error_code& error) {
    return {cli::ErrorId::failed, doing + ": " + error.message()};
}

Expected<std::string> hash_file(const fs::path& path) {
    HP_DEV_TRY(const os::Fd file, os::open_file(path, O_RDONLY));
    crypto::Blake3 hasher;
    Bytes buffer(read_step_bytes);
    for (;;) {
        HP_DEV_TRY(const std::size_t count, os::read_some(file.get(), buffer));
        if (count == 0) {
            return hasher.finish().hex();
        }
        hasher.update(ByteView(buffer).first(count));
    }
}

// Path -> what tells its content and kind from another's.
using Listing = std::map<std::string, std::string>;

Expected<Listing> list_files(const fs::path& folder) {
    Listing out;
    std::error_code error;
    for (auto at = fs::recursive_directory_iterator(folder, error);
         !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
        const std::string name = at->path().lexically_relative(folder).string();
        if (at->is_symlink()) {
            out[name] = "link " + fs::read_symlink(at->path()).string();
        } else if (at->is_regular_file()) {
            HP_DEV_TRY(const std::string hash, hash_file(at->path()));
            const bool runs =
                (at->status().permissions() & fs::perms::owner_exec) != fs::perms::none;
            out[name] = (runs ? "exec " : "file ") + hash;
        }
    }
    if (error) {
        return tl::unexpected(file_failure("cannot read " + folder.string(), error));
    }
    return out;
}

Done copy_one(const fs::path& from, const fs::path& to) {
    std::error_code error;
    fs::copy(from, to,
             fs::copy_options::recursive | fs::copy_options::copy_symlinks |
                 fs::copy_options::overwrite_existing,
             error);
    return error ? Done(tl::unexpected(
                       file_failure("cannot copy " + from.string() + " to " + to.string(), error)))
                 : Done();
}

} // namespace

Expected<Json> read_override(const fs::path& bundle) {
    const fs::path path = bundle / bundle_override_name;
    const auto text = os::read_file(path, limits::config_bytes_max);
    if (!text && text.err().code == Errc::not_found) {
        return Json::object();
    }
    HP_DEV_TRY_STATUS(text);
    auto json = parse_object(as_text(*text));
    if (!json) {
        return cli::failure(cli::ErrorId::bad_file, path.string() + " is not a JSON object");
    }
    return *std::move(json);
}

namespace {

// Says which program to run, also when nobody does but only one can be meant.
Expected<Json> complete_override(const fs::path& bundle) {
    HP_DEV_TRY(Json out, read_override(bundle));
    if (out.contains("contract") && out["contract"].is_object() &&
        out["contract"].contains("bin_path")) {
        return out;
    }
    std::vector<std::string> programs;
    std::error_code error;
    for (const auto& item : fs::directory_iterator(bundle, error)) {
        const bool runs = item.is_regular_file() &&
                          (item.status().permissions() & fs::perms::owner_exec) != fs::perms::none;
        if (runs && is_state(item.path().filename())) {
            programs.push_back(item.path().filename());
        }
    }
    if (programs.size() != 1) {
        return cli::failure(cli::ErrorId::bad_bundle,
                            bundle.string() + " does not say which program to run",
                            R"(put {"contract":{"bin_path":"PROGRAM"}} into its hp.cfg.override)");
    }
    out["contract"]["bin_path"] = programs.front();
    return out;
}

} // namespace

Done check_bundle(const fs::path& bundle) {
    std::error_code error;
    if (!fs::is_directory(bundle, error)) {
        return cli::failure(cli::ErrorId::file_not_found, "there is no bundle " + bundle.string(),
                            "a bundle is a folder with the contract's files");
    }
    std::size_t files = 0;
    for (auto at = fs::recursive_directory_iterator(bundle, error);
         !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
        if (at.depth() == 0 && at->path().filename() == ".hp") {
            at.disable_recursion_pending(); // clusters of somebody who works without a project
            continue;
        }
        if (!at->is_symlink() && !at->is_regular_file() && !at->is_directory()) {
            return cli::failure(cli::ErrorId::bad_bundle,
                                at->path().string() + " is neither file, folder nor link");
        }
        files += at->is_directory() ? 0 : 1;
    }
    if (error) {
        return tl::unexpected(file_failure("cannot read " + bundle.string(), error));
    }
    if (files == 0) {
        return cli::failure(cli::ErrorId::bad_bundle, bundle.string() + " is empty");
    }
    HP_DEV_TRY_STATUS(complete_override(bundle));
    return {};
}

Done copy_tree(const fs::path& from, const fs::path& to) {
    HP_DEV_TRY_STATUS(os::make_directories(to));
    std::error_code error;
    for (const auto& item : fs::directory_iterator(from, error)) {
        HP_DEV_TRY_STATUS(copy_one(item.path(), to / item.path().filename()));
    }
    return error ? Done(tl::unexpected(file_failure("cannot read " + from.string(), error)))
                 : Done();
}

Done copy_bundle(const fs::path& bundle, const fs::path& copy) {
    HP_DEV_TRY_STATUS(check_bundle(bundle));
    HP_DEV_TRY(const Json override, complete_override(bundle));
    HP_DEV_TRY_STATUS(os::make_directories(state_files(copy)));
    HP_DEV_TRY_STATUS(
        os::replace_file(copy / bundle_override_name, as_bytes(dump_json(override) + "\n"), 0644));
    std::error_code error;
    for (const auto& item : fs::directory_iterator(bundle, error)) {
        const fs::path name = item.path().filename();
        if (name != ".hp" &&
            name != bundle_override_name) { // clusters of somebody who works without a project
            HP_DEV_TRY_STATUS(
                copy_one(item.path(), (is_state(name) ? state_files(copy) : copy) / name));
        }
    }
    return error ? Done(tl::unexpected(file_failure("cannot read " + bundle.string(), error)))
                 : Done();
}

Done seed_node(const fs::path& copy, unsigned node, const fs::path& seed) {
    HP_DEV_TRY_STATUS(copy_tree(state_files(copy), seed / "state"));
    return seed_own_files(copy, node, seed);
}

Done seed_own_files(const fs::path& copy, unsigned node, const fs::path& seed) {
    const fs::path own = copy / bundle_disparate_name / std::to_string(node);
    std::error_code none;
    return fs::is_directory(own, none) ? copy_tree(own, seed) : Done();
}

Expected<std::vector<FileChange>> compare_copies(const fs::path& before, const fs::path& after) {
    HP_DEV_TRY(const Listing old_files, list_files(state_files(before)));
    HP_DEV_TRY(const Listing new_files, list_files(state_files(after)));
    std::vector<FileChange> out;
    for (const auto& [path, mark] : new_files) {
        const auto found = old_files.find(path);
        if (found == old_files.end()) {
            out.push_back({path, "new"});
        } else if (found->second != mark) {
            out.push_back({path, "changed"});
        }
    }
    for (const auto& [path, mark] : old_files) {
        if (!new_files.contains(path)) {
            out.push_back({path, "removed"});
        }
    }
    return out;
}

} // namespace hp::dev
