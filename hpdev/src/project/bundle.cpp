// SPDX-License-Identifier: Apache-2.0
#include "project/bundle.hpp"

#include "hp/crypto/blake3.hpp"
#include "hp/os/files.hpp"
#include "json_merge.hpp"
#include "project/toolkit.hpp"

#include <nlohmann/json.hpp>

namespace hp::dev {
namespace {

namespace fs = std::filesystem;
using cli::ErrorId;
using cli::failure;
using cli::Parsed;
using Json = nlohmann::ordered_json;

constexpr std::size_t override_bytes_max = 1024 * 1024;

Parsed<std::string> program_of(const Project& project, const FileTree& tree) {
    const std::string& name = project.bundle.bin_path;
    const auto found = tree.find(name);
    if (found != tree.end() && found->second.executable) {
        return name;
    }
    if (found != tree.end()) {
        return failure(ErrorId::bad_file,
                       "the contract's program " + name + " is not an executable file");
    }
    if (fs::path(name).is_absolute()) {
        return name;
    }
    if (!name.starts_with(".") && name.find('/') == std::string::npos) {
        if (auto program = find_in_path(name)) { // a contract has no PATH
            return *std::move(program);
        }
        return failure(ErrorId::tool_missing,
                       "the contract's program " + name +
                           " is neither in the bundle nor in a folder of $PATH",
                       "[bundle] bin_path in hpdev.toml names it");
    }
    return failure(ErrorId::bad_file, "the contract's program " + name + " is not in the bundle",
                   "[bundle] files in hpdev.toml lists what is");
}

Parsed<Json> load_override(const fs::path& path) {
    std::error_code error;
    if (!fs::exists(path, error)) {
        return Json::object();
    }
    const auto text = os::read_file(path, override_bytes_max);
    if (!text) {
        return failure(ErrorId::bad_file, text.err().context);
    }
    Json out = Json::parse(as_text(*text), nullptr, false);
    if (!out.is_object()) {
        return failure(ErrorId::bad_file, path.string() + " is not a JSON object");
    }
    return out;
}

Parsed<TreeFile> make_override(const Project& project, const FileTree& tree) {
    const auto given = load_override(project.root / bundle_override_name);
    if (!given) {
        return tl::unexpected(given.error());
    }
    const auto program = program_of(project, tree);
    if (!program) {
        return tl::unexpected(program.error());
    }
    Json out;
    out["contract"]["bin_path"] = *program;
    out["contract"]["bin_args"] = project.bundle.bin_args;
    merge_json(out, *given);
    return TreeFile{to_bytes(out.dump(4, ' ', false, Json::error_handler_t::replace) + "\n"),
                    false};
}

// The folder takes the other's place; for a moment there is none, but never half of one.
Parsed<void> swap_in(const fs::path& fresh, const fs::path& folder) {
    const fs::path old = folder.string() + ".old";
    std::error_code error;
    fs::remove_all(old, error);
    if (fs::exists(folder, error)) {
        fs::rename(folder, old, error);
    }
    if (!error) {
        fs::rename(fresh, folder, error);
    }
    if (error) {
        return failure(ErrorId::failed,
                       "cannot replace " + folder.string() + ": " + error.message());
    }
    fs::remove_all(old, error);
    return {};
}

} // namespace

Parsed<FileTree> collect_bundle(const Project& project) {
    FileTree tree;
    for (const BundleItem& item : project.bundle.files) {
        const std::string first = item.to.begin()->string();
        if (first == bundle_override_name || first == bundle_disparate_name) {
            return failure(ErrorId::bad_file, "no file of the state can be called " + first);
        }
        auto added = add_to_tree(tree, project.root / item.from, item.to.string());
        if (!added && added.error().id == ErrorId::file_not_found &&
            !project.build.commands.empty()) {
            added.error().hint = "hpdev build makes what [bundle] files of hpdev.toml lists";
        }
        if (!added) {
            return tl::unexpected(std::move(added.error()));
        }
    }
    auto merged = make_override(project, tree);
    if (!merged) {
        return tl::unexpected(std::move(merged.error()));
    }
    tree[std::string(bundle_override_name)] = std::move(*merged);
    std::error_code error;
    const fs::path disparate = project.root / bundle_disparate_name;
    if (fs::is_directory(disparate, error)) {
        auto added = add_to_tree(tree, disparate, std::string(bundle_disparate_name));
        if (!added) {
            return tl::unexpected(std::move(added.error()));
        }
    }
    return tree;
}

Parsed<Hash32> hash_of(const FileTree& files) {
    const auto archive = encode_archive(files);
    if (!archive) {
        return tl::unexpected(archive.error());
    }
    return crypto::b3(*archive);
}

Parsed<Bundle> make_bundle(const Project& project) {
    auto files = collect_bundle(project);
    if (!files) {
        return tl::unexpected(std::move(files.error()));
    }
    const auto hash = hash_of(*files);
    if (!hash) {
        return tl::unexpected(hash.error());
    }
    if (auto work = make_work_directory(project.root); !work) {
        return tl::unexpected(std::move(work.error()));
    }
    const fs::path folder = project.bundle_directory();
    std::error_code error;
    FileTree present;
    if (fs::is_directory(folder, error) && add_to_tree(present, folder, "") && present == *files) {
        return Bundle{folder, std::move(*files), *hash};
    }
    const fs::path fresh = folder.string() + ".new";
    fs::remove_all(fresh, error);
    auto written = write_tree(*files, fresh);
    if (written) {
        written = swap_in(fresh, folder);
    }
    if (!written) {
        return tl::unexpected(std::move(written.error()));
    }
    return Bundle{folder, std::move(*files), *hash};
}

} // namespace hp::dev
