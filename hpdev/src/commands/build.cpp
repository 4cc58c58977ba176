// SPDX-License-Identifier: Apache-2.0
// From a project to what nodes get of it.
#include "project/build.hpp"

#include "cli/json_writer.hpp"
#include "cli/output.hpp"
#include "cli/text_table.hpp"
#include "clock.hpp"
#include "commands.hpp"
#include "hp/crypto/blake3.hpp"
#include "hp/os/files.hpp"

#include <array>

namespace hp::dev {
namespace {

namespace fs = std::filesystem;
using cli::Answer;
using cli::Args;
using cli::CommandInfo;
using cli::ErrorId;
using cli::failure;
using cli::JsonArray;
using cli::JsonObject;
using cli::OptionInfo;
using cli::Outcome;
using cli::Parsed;
using cli::Scope;

JsonArray json_files(const FileTree& files) {
    JsonArray out;
    for (const auto& [name, file] : files) {
        out.add_raw(JsonObject()
                        .add("name", name)
                        .add("bytes", std::uint64_t{file.content.size()})
                        .add("executable", file.executable)
                        .text());
    }
    return out;
}

Parsed<Project> load_for_build(const Args& args) {
    if (args.shared.has("cluster")) {
        return failure(ErrorId::usage, "\"" + std::string(args.command->words) +
                                           "\" has nothing to do with a cluster: --cluster has no "
                                           "meaning");
    }
    return load_project(args);
}

void note_build(const Args& args, const Bundle& bundle, std::int64_t took_ms) {
    if (args.quiet) {
        return;
    }
    std::size_t bytes = 0;
    for (const auto& [name, file] : bundle.files) {
        bytes += file.content.size();
    }
    cli::write_note(note_head(args) + "built in " + std::to_string(took_ms) +
                    " ms: " + std::to_string(bundle.files.size()) + " files, " +
                    std::to_string((bytes + 1023) / 1024) + " KiB\n");
}

Outcome run_build(const Args& args) {
    const auto project = load_for_build(args);
    if (!project) {
        return tl::unexpected(project.error());
    }
    BuildOptions options;
    cli::OptionReader reader(args);
    reader.text("sanitize", options.sanitize);
    options.clean = reader.flag("clean");
    options.release = reader.flag("release");
    options.fast = reader.flag("fast");
    auto read = reader.done(options);
    if (!read) {
        return tl::unexpected(std::move(read.error()));
    }
    if (options.release && (options.fast || !options.sanitize.empty())) {
        return failure(ErrorId::usage, std::string("--release and ") +
                                           (options.fast ? "--fast" : "--sanitize") +
                                           " exclude each other");
    }
    const std::int64_t begin_ms = now_mono_ms();
    const auto bundle = build_project(*project, *read);
    if (!bundle) {
        return tl::unexpected(bundle.error());
    }
    const std::int64_t took_ms = now_mono_ms() - begin_ms;
    note_build(args, *bundle, took_ms);
    if (!args.json) {
        return Answer{bundle->folder.string() + "\n"};
    }
    JsonObject out = cli::document(args.schema);
    out.add("bundle", bundle->folder.string()).add("hash", bundle->hash.hex());
    out.add("took_ms", static_cast<std::uint64_t>(took_ms));
    out.add("files", json_files(bundle->files));
    return Answer{out.text() + "\n"};
}

// What an archive has in it, or what was wrong with it.
Parsed<FileTree> read_archive(const std::string& path, Hash32& hash) {
    const auto bytes = os::read_file(path, tree_bytes_max + tree_files_max * 1024);
    if (!bytes) {
        return failure(bytes.err().code == Errc::not_found ? ErrorId::file_not_found
                                                           : ErrorId::bad_bundle,
                       bytes.err().context);
    }
    hash = crypto::b3(*bytes);
    auto out = decode_archive(*bytes);
    if (!out) {
        out.error().message = path + ": " + out.error().message;
    }
    return out;
}

Outcome bundle_answer(const Args& args, const std::string& path, const FileTree& files,
                      const Hash32& hash, bool list) {
    if (args.json) {
        JsonObject out = cli::document(args.schema);
        if (!path.empty()) {
            out.add("path", path);
        }
        out.add("hash", hash.hex()).add("files", json_files(files));
        return Answer{out.text() + "\n"};
    }
    if (!list) {
        return Answer{hash.hex() + "\n"};
    }
    cli::TextTable table({"BYTES", "MODE", "NAME"});
    for (const auto& [name, file] : files) {
        table.add({std::to_string(file.content.size()), file.executable ? "755" : "644", name});
    }
    return Answer{table.text()};
}

Outcome run_verify(const Args& args, const std::string& path) {
    Hash32 hash{};
    const auto files = read_archive(path, hash);
    if (!files) {
        return tl::unexpected(files.error());
    }
    if (const auto wanted = args.options.text("hash"); wanted && *wanted != hash.hex()) {
        cli::Failure out{ErrorId::bad_bundle,
                         path + " is another bundle: its hash is " + hash.hex()};
        return tl::unexpected(std::move(out));
    }
    return bundle_answer(args, path, *files, hash, false);
}

Outcome run_bundle(const Args& args) {
    const auto verify = args.options.text("verify");
    const auto list = args.options.text("list");
    const auto output = args.options.text("output-file");
    if ((verify.has_value() ? 1 : 0) + (list.has_value() ? 1 : 0) + (output.has_value() ? 1 : 0) >
        1) {
        return failure(ErrorId::usage, "one of --output-file, --list and --verify");
    }
    if (output == "-" && args.json) {
        return failure(ErrorId::usage, "--output-file - and --json both want standard output");
    }
    if (args.options.has("hash") && !verify) {
        return failure(ErrorId::usage, "--hash goes with --verify");
    }
    if (verify) {
        return run_verify(args, *verify);
    }
    if (list) {
        Hash32 hash{};
        const auto files = read_archive(*list, hash);
        return files ? bundle_answer(args, *list, *files, hash, true)
                     : tl::unexpected(files.error());
    }
    const auto project = load_for_build(args);
    if (!project) {
        return tl::unexpected(project.error());
    }
    const auto files = collect_bundle(*project);
    if (!files) {
        return tl::unexpected(files.error());
    }
    const auto archive = encode_archive(*files);
    if (!archive) {
        return tl::unexpected(archive.error());
    }
    std::string path;
    if (output) {
        if (*output == "-") {
            return Answer{std::string(as_text(*archive))};
        }
        path = fs::absolute(*output).string();
        if (const auto written = os::replace_file(path, *archive, 0644); !written) {
            return failure(ErrorId::failed, written.err().context);
        }
    }
    return bundle_answer(args, path, *files, crypto::b3(*archive), false);
}

constexpr std::array build_options = {
    OptionInfo{"--clean", "", "remove what earlier builds left before building"},
    OptionInfo{"--release", "", "HP_BUILD_TYPE is Release instead of RelWithDebInfo"},
    OptionInfo{"--fast", "", "HP_BUILD_TYPE is Debug: builds faster, runs slower (as in dev)"},
    OptionInfo{"--sanitize", "LIST", "with sanitizers, for tests: address,undefined"},
};

constexpr std::array bundle_options = {
    OptionInfo{"-O,--output-file", "FILE",
               "write the bundle to this file (\"-\": standard output)"},
    OptionInfo{"--list", "FILE", "list the files of this bundle"},
    OptionInfo{"--verify", "FILE", "check this bundle and print its hash"},
    OptionInfo{"--hash", "HASH", "with --verify: the hash it must have"},
};

constexpr std::array build_table = {
    CommandInfo{"build", "", 0, 0, Scope::settings,
                "Build the project; prints the folder that nodes get", "hpdev build",
                "hpdev build --release --json | jq -r .hash", build_options,
                "ok:bool bundle:text hash:hash took_ms:int files:[{name:text bytes:int "
                "executable:bool}]",
                run_build},
    CommandInfo{"bundle", "", 0, 0, Scope::settings,
                "Put what was built into one file, the same bytes everywhere; prints its hash",
                "hpdev bundle -O tally.hpb", "hpdev bundle --verify tally.hpb", bundle_options,
                "ok:bool path?:text hash:hash files:[{name:text bytes:int executable:bool}]",
                run_bundle},
};

} // namespace

cli::Commands build_commands() {
    return build_table;
}

} // namespace hp::dev
