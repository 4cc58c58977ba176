// SPDX-License-Identifier: Apache-2.0
#include "contract/bundle.hpp"

#include "hp/base/limits.hpp"
#include "hp/config/config_io.hpp"
#include "hp/os/files.hpp"
#include "json_merge.hpp"

#include <array>
#include <nlohmann/json.hpp>

namespace hp::dev {
namespace {

namespace fs = std::filesystem;
using PlainJson = nlohmann::json;

Result<PlainJson> read_json(const fs::path& path) {
    HP_TRY(const Bytes text, os::read_file(path, limits::config_bytes_max));
    PlainJson out = PlainJson::parse(text.begin(), text.end(), nullptr, false);
    if (!out.is_object()) {
        return fail(Errc::invalid, path.string() + " is not a JSON object");
    }
    return out;
}

Result<config::Patch> decode_patch(const fs::path& path, ByteView text) {
    config::DecodedPatch decoded = config::decode_patch(text);
    if (!decoded.problems.empty()) {
        return fail(Errc::invalid, path.string() + ": " + config::describe(decoded.problems));
    }
    return std::move(decoded.patch);
}

std::optional<config::Sandbox> parse_sandbox(const std::string& text) {
    for (const auto sandbox :
         {config::Sandbox::off, config::Sandbox::automatic, config::Sandbox::strict}) {
        if (config::to_string(sandbox) == text) {
            return sandbox;
        }
    }
    return std::nullopt;
}

Status apply_override(const fs::path& path, ContractSource& out) {
    HP_TRY(const PlainJson given, read_json(path));
    PlainJson contract = given.value("contract", PlainJson::object());
    if (!contract.is_object()) {
        return fail(Errc::invalid, path.string() + ": contract: must be an object");
    }
    if (contract.contains("id") && contract["id"].is_string()) {
        out.contract_id = contract["id"].get<std::string>();
    }
    if (contract.contains("sandbox") && contract["sandbox"].is_string()) {
        const auto sandbox = parse_sandbox(contract["sandbox"].get<std::string>());
        out.sandbox = sandbox.value_or(out.sandbox);
    }
    contract.erase("unl"); // every run says itself who is there
    config::Patch some = out.patch;
    some.unl.insert(PublicKey{{key_prefix}}); // decoding wants one
    PlainJson patch = PlainJson::parse(config::encode_patch(some));
    merge_json(patch, contract);
    HP_TRY(out.patch, decode_patch(path, as_bytes(patch.dump())));
    out.patch.unl.clear();
    return {};
}

bool is_there(const fs::path& path) {
    std::error_code error;
    return fs::exists(path, error);
}

Status check_directory(const fs::path& directory) {
    std::error_code error;
    return fs::is_directory(directory, error)
               ? Status()
               : Status(fail(Errc::not_found, "there is no directory " + directory.string()));
}

} // namespace

Result<ContractSource> open_bundle(const fs::path& directory) {
    HP_TRY_STATUS(check_directory(directory));
    ContractSource out;
    out.directory = directory;
    if (!is_there(directory / bundle_override_name)) {
        return fail(Errc::invalid,
                    directory.string() + " has no hp.cfg.override, which names the program to run");
    }
    HP_TRY_STATUS(apply_override(directory / bundle_override_name, out));
    return out;
}

Result<ContractSource> open_state(const fs::path& directory,
                                  const std::optional<ContractSource>& program_of) {
    HP_TRY_STATUS(check_directory(directory));
    ContractSource out = program_of.value_or(ContractSource());
    out.directory = directory;
    out.is_bundle = false;
    const fs::path patch = fs::absolute(directory).lexically_normal() / ".." / "patch.cfg";
    if (program_of) {
        return out;
    }
    if (!is_there(patch)) {
        return fail(Errc::not_found, "nothing says which program to run on " + directory.string());
    }
    HP_TRY(const Bytes text, os::read_file(patch, limits::patch_bytes_max));
    HP_TRY(out.patch, decode_patch(patch, text));
    out.patch.unl.clear();
    return out;
}

Status lay_out_seed(const ContractSource& source, std::size_t number, const fs::path& seed,
                    CopyOrder order) {
    const fs::path state = seed / "state";
    HP_TRY_STATUS(os::make_directories(seed));
    HP_TRY_STATUS(copy_folder(source.directory, state, order));
    if (!source.is_bundle) {
        return {};
    }
    remove_tree(state / bundle_disparate_name);
    std::error_code error;
    fs::remove(state / bundle_override_name, error);
    const fs::path own = source.directory / bundle_disparate_name / std::to_string(number);
    if (!is_there(own)) {
        return {};
    }
    for (const auto& entry : fs::directory_iterator(own, error)) {
        const fs::path to = seed / entry.path().filename();
        fs::copy(entry.path(), to, fs::copy_options::recursive | fs::copy_options::copy_symlinks,
                 error);
    }
    return error ? Status(fail(Errc::io, "cannot copy " + own.string() + ": " + error.message()))
                 : Status();
}

} // namespace hp::dev
