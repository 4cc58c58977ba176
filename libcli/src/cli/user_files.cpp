// SPDX-License-Identifier: Apache-2.0
#include "cli/user_files.hpp"

#include "hp/base/limits.hpp"
#include "hp/os/fd.hpp"
#include "hp/os/files.hpp"

#include <cstdlib>
#include <fcntl.h>
#include <sys/file.h>

namespace hp::cli {
namespace {

namespace fs = std::filesystem;

Failure file_failure(const Error& error) {
    return {ErrorId::bad_file, error.context};
}

} // namespace

tl::expected<fs::path, Failure> user_config_file(std::string_view name) {
    const char* config = std::getenv("XDG_CONFIG_HOME");
    if (config != nullptr && *config == '/') { // relative ones are invalid by the XDG rules
        return fs::path(config) / "hotpocket" / name;
    }
    const char* home = std::getenv("HOME");
    if (home == nullptr || *home != '/') {
        return failure(ErrorId::bad_file, "neither XDG_CONFIG_HOME nor HOME is set");
    }
    return fs::path(home) / ".config/hotpocket" / name;
}

tl::expected<Json, Failure> load_user_file(std::string_view name) {
    const auto path = user_config_file(name);
    if (!path) { // nowhere to keep anything: nothing is kept
        return Json::object();
    }
    const auto text = os::read_file(*path, limits::config_bytes_max);
    if (!text) {
        return text.err().code == Errc::not_found ? tl::expected<Json, Failure>(Json::object())
                                                  : tl::unexpected(file_failure(text.err()));
    }
    Json out = Json::parse(text->begin(), text->end(), nullptr, false);
    if (!out.is_object()) {
        return failure(ErrorId::bad_file, path->string() + " is not a JSON object",
                       "repair or remove it");
    }
    return out;
}

tl::expected<void, Failure>
change_user_file(std::string_view name,
                 const std::function<tl::expected<void, Failure>(Json&)>& change) {
    const auto path = user_config_file(name);
    if (!path) {
        return tl::unexpected(path.error());
    }
    if (const auto made = os::make_directories(path->parent_path()); !made) {
        return tl::unexpected(file_failure(made.err()));
    }
    const auto lock =
        os::open_file(path->parent_path() / ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (!lock) {
        return tl::unexpected(file_failure(lock.err()));
    }
    if (::flock(lock->get(), LOCK_EX) != 0) { // held for milliseconds; closing releases it
        return failure(ErrorId::bad_file, "cannot lock " + path->parent_path().string());
    }
    auto json = load_user_file(name);
    if (!json) {
        return tl::unexpected(std::move(json.error()));
    }
    if (auto done = change(*json); !done) {
        return done;
    }
    const std::string text = json->dump(4) + "\n";
    if (const auto written = os::replace_file(*path, as_bytes(text), 0600); !written) {
        return tl::unexpected(file_failure(written.err()));
    }
    return {};
}

std::optional<std::string> text_member(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? std::optional(found->get<std::string>())
                                                       : std::nullopt;
}

std::vector<std::string> list_member(const Json& object, const char* name) {
    std::vector<std::string> out;
    const auto found = object.find(name);
    if (found != object.end() && found->is_array()) {
        for (const Json& item : *found) {
            if (item.is_string()) {
                out.push_back(item.get<std::string>());
            }
        }
    }
    return out;
}

} // namespace hp::cli
