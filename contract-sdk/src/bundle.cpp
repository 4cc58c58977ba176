// SPDX-License-Identifier: Apache-2.0
//
// Reading ustar archives, and the script that swaps files. What comes from outside is checked
// completely before anything is done with it; names that pass are safe in a shell script.
//
// Threads: see bundle.hpp.
#include <hp/contract/bundle.hpp>
#include <hp/contract/files.hpp>
#include <hp/contract/post_exec.hpp>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <vector>

namespace hp::contract {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t tar_block_bytes = 512;
/// The last ledger that can be the first one with a run: ledger 1 may be the genesis ledger.
constexpr std::uint64_t first_run = 2;
constexpr const char* next_directory = "next";
constexpr const char* previous_directory = "../previous";
constexpr const char* files_list = "bundle.files";
constexpr const char* outcome_file = "bundle.outcome";

std::string_view field(std::string_view header, std::size_t at, std::size_t size) {
    const std::string_view out = header.substr(at, size);
    return out.substr(0, out.find('\0'));
}

std::optional<std::size_t> octal(std::string_view text) {
    std::size_t out = 0;
    const char* const end = text.data() + text.size();
    const auto [at, failed] = std::from_chars(text.data(), end, out, 8);
    return failed == std::errc{} && at == end ? std::optional(out) : std::nullopt;
}

bool is_safe(std::string_view name) {
    return !name.empty() && name[0] != '/' && name[0] != '.' && name[0] != '-' &&
           name.find("/.") == name.npos && name.find("//") == name.npos && name.back() != '/' &&
           std::all_of(name.begin(), name.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '.' || c == '-' || c == '_' || c == '/';
           });
}

Error bad(std::string what) {
    return {std::errc::bad_message, std::move(what)};
}

bool has_meaning(std::string_view name) {
    return name == post_exec_name || name == files_list || name == outcome_file ||
           name.substr(0, name.find('/')) == next_directory;
}

bool is_for_first_start(std::string_view name) {
    return name == "hp.cfg.override" || name.substr(0, name.find('/')) == "disparate";
}

/// So that it can be put back.
void keep_previous(const std::string& name) {
    const fs::path copy = fs::path(previous_directory) / name;
    if (fs::is_regular_file(fs::symlink_status(name))) {
        fs::create_directories(copy.parent_path());
        fs::copy_file(name, copy);
    }
}

Status unpack(const Bundle& bundle) {
    for (const auto& [name, file] : bundle) {
        const fs::path path = fs::path(next_directory) / name;
        fs::create_directories(path.parent_path());
        const Status done = replace_file(path, file.content, file.executable ? 0755 : 0644);
        if (!done)
            return done;
    }
    return {};
}

/// Of the bundle that runs. Empty if nobody has noted them.
std::vector<std::string> installed_files() {
    std::vector<std::string> out;
    const std::string list = read_file(files_list).value_or("");
    for (const std::string_view name : split(list, '\n'))
        if (is_safe(name))
            out.emplace_back(name);
    return out;
}

std::string list_of(const std::vector<std::string>& names) {
    std::string out;
    for (const std::string& name : names)
        out += name + "\n";
    return out;
}

std::string put_back(const std::string& name) {
    return fs::exists(fs::path(previous_directory) / name)
               ? "    cp -p ../previous/" + name + " " + name + "\n"
               : "    rm -f " + name + "\n";
}

std::string make_script(const Bundle& bundle, const std::vector<std::string>& removed,
                        std::string_view health) {
    std::string forth;
    std::string back;
    std::vector<std::string> names;
    for (const std::string& name : removed) {
        forth += "rm -f " + name + "\n";
        back += put_back(name);
    }
    for (const auto& [name, file] : bundle) {
        forth += "mkdir -p \"$(dirname " + name + ")\" && mv -f next/" + name + " " + name + "\n";
        back += put_back(name);
        names.push_back(name);
    }
    return "#!/bin/sh\nPATH=/usr/local/bin:/usr/bin:/bin\n" + forth +
           "rm -rf next\n"
           "timeout 5 " +
           std::string(health) +
           " >/dev/null 2>&1\n"
           "code=$?\n"
           "if [ $code -eq 0 ]; then\n"
           "    : >" +
           outcome_file + "\n    cat >" + files_list + " <<'END OF LIST'\n" + list_of(names) +
           "END OF LIST\n"
           "else\n" +
           back + "    printf 'the health check ended with %s' $code >" + outcome_file +
           "\n"
           "fi\n"
           "exit 0\n"; // the node then removes this script
}

Status stage(const Context& context, const Bundle& bundle, std::string_view health) {
    std::vector<std::string> removed = installed_files();
    std::erase_if(removed, [&bundle](const std::string& name) { return bundle.count(name) > 0; });
    fs::remove_all(next_directory);
    fs::remove_all(previous_directory);
    for (const std::string& name : removed)
        keep_previous(name);
    for (const auto& [name, file] : bundle)
        keep_previous(name);
    if (Status unpacked = unpack(bundle); !unpacked)
        return unpacked;
    return write_post_exec(context, make_script(bundle, removed, health));
}

/// All that there is came with the bundle.
void note_first_files() {
    std::vector<std::string> names;
    if (const auto entries = walk_directory())
        for (const FileEntry& entry : *entries)
            if (entry.kind == FileKind::file)
                names.push_back(entry.path);
    (void)replace_file(files_list, list_of(names)); // without it, nothing is ever removed
}

} // namespace

Result<Bundle> read_bundle(std::string_view bytes) {
    Bundle out;
    while (bytes.size() >= tar_block_bytes && bytes[0] != '\0') {
        const std::string_view header = bytes.substr(0, tar_block_bytes);
        const std::string_view prefix = field(header, 345, 155);
        const std::string name =
            (prefix.empty() ? "" : std::string(prefix) + "/") + std::string(field(header, 0, 100));
        const auto size = octal(field(header, 124, 12));
        const auto mode = octal(field(header, 100, 8));
        bytes.remove_prefix(tar_block_bytes);
        if (!size || !mode || *size > bytes.size() || header[156] != '0')
            return bad("this is not a bundle");
        if (!is_safe(name) || has_meaning(name))
            return bad("a file of the bundle has a name that is not allowed: " + name);
        if (!out.emplace(name, BundleFile{bytes.substr(0, *size), (*mode & 0111U) != 0}).second)
            return bad("the bundle has two files called " + name);
        const std::size_t padded =
            (*size + tar_block_bytes - 1) / tar_block_bytes * tar_block_bytes;
        bytes.remove_prefix(std::min(padded, bytes.size()));
    }
    std::erase_if(out, [](const auto& item) { return is_for_first_start(item.first); });
    if (out.empty())
        return bad("this is not a bundle");
    return out;
}

Status stage_bundle(const Context& context, const Bundle& bundle, std::string_view health) {
    if (context.readonly())
        return Error(std::errc::operation_not_permitted, "a read request cannot stage a bundle");
    try {
        return stage(context, bundle, health);
    } catch (const fs::filesystem_error& error) {
        return Error(error.code(), error.what());
    }
}

std::optional<std::string> take_bundle_outcome(const Context& context) {
    std::error_code failed;
    if (context.readonly())
        return std::nullopt;
    if (context.lcl_seq_no() <= first_run && !fs::exists(files_list, failed))
        note_first_files();
    auto out = read_file(outcome_file);
    fs::remove(outcome_file, failed);
    return out ? std::optional(*std::move(out)) : std::nullopt;
}

} // namespace hp::contract
