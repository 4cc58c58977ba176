// SPDX-License-Identifier: Apache-2.0
#include "upgrade.hpp"

#include "archive.hpp"

#include <hp/contract/config.hpp>
#include <hp/contract/files.hpp>
#include <hp/contract/json.hpp>
#include <hp/contract/post_exec.hpp>

#include <algorithm>
#include <filesystem>
#include <stdexcept>

namespace upgrade {
namespace {

namespace fs = std::filesystem;
using namespace hp::contract;

constexpr const char* state_file = "upgrade.json";    // owners, and what is under way
constexpr const char* upload_file = "upgrade.hpb";    // the bundle that waits for approval
constexpr const char* result_file = "upgrade.result"; // what post_exec.sh leaves

Value error(std::string_view what) {
    return Value::Object{{"error", what}};
}

Value load() {
    const auto text = read_file(state_file);
    const auto value = text ? decode_json(*text) : Result<Value>(text.error());
    if (value)
        return *value;
    if (value.error().code == std::errc::no_such_file_or_directory)
        return Value::Object{{"owners", Value::Array{}}};
    throw std::runtime_error(value.error().message);
}

void keep(const std::string& path, std::string_view content, mode_t mode = 0644) {
    fs::create_directories(fs::path("./" + path).parent_path());
    if (const Status kept = replace_file(path, content, mode); !kept)
        throw std::runtime_error(kept.error().message);
}

bool holds(const Value& list, std::string_view text) {
    return std::ranges::any_of(list.items(),
                               [text](const Value& item) { return item.text() == text; });
}

Value join(Value& state, std::string_view user) {
    Value& owners = *state.find("owners");
    if (!holds(owners, user) && owners.items().size() >= owners_max)
        return error("there are three owners already");
    if (!holds(owners, user))
        owners.push_back(user);
    return Value::Object{{"owners", owners.items().size()}};
}

std::string program_name() {
    const auto config = read_config();
    return config ? config->bin_path : "";
}

/// Names are safe to be put into a script: archive.cpp lets only such through.
std::string make_script(const archive::Files& files) {
    std::string forth;
    std::string back;
    for (const auto& [name, file] : files) {
        forth += "mkdir -p \"$(dirname " + name + ")\" && mv -f next/" + name + " " + name + "\n";
        const bool replaces = fs::exists(name);
        back += replaces ? "    cp -p ../previous/" + name + " " + name + "\n"
                         : "    rm -f " + name + "\n";
    }
    return "#!/bin/sh\nPATH=/usr/local/bin:/usr/bin:/bin\n" + forth +
           "rm -rf next\n"
           "timeout 5 ./" +
           program_name() +
           " health >/dev/null 2>&1\n"
           "code=$?\n"
           "if [ $code -eq 0 ]; then\n"
           "    echo ok >" +
           result_file +
           "\n"
           "else\n" +
           back + "    echo \"the health check ended with $code\" >" + result_file +
           "\n"
           "fi\n"
           "exit 0\n"; // the node then removes this script
}

/// Step 2.
Value start(const Context& c, Value& state) {
    const std::string bytes = read_file(upload_file).value_or("");
    auto files = archive::read(bytes);
    if (!files)
        return error(files.error().message);
    files->erase("hp.cfg.override"); // for the first start of a node
    fs::remove_all("next");
    fs::remove_all("../previous");
    for (const auto& [name, file] : *files) {
        keep("next/" + name, file.content, file.executable ? 0755 : 0644);
        fs::create_directories((fs::path("../previous") / name).parent_path());
        if (fs::exists(name))
            fs::copy_file(name, fs::path("../previous") / name);
    }
    if (const Status left = write_post_exec(c, make_script(*files)); !left)
        return error(left.error().message);
    fs::remove(upload_file);
    Value upgrade = state["proposal"];
    state.erase("proposal");
    state.set("running", upgrade);
    return Value::Object{{"upgrading", upgrade["version"]}};
}

Value approve(const Context& c, Value& state, std::string_view user) {
    Value* proposal = state.find("proposal");
    if (proposal == nullptr)
        return error("there is nothing to approve");
    Value& approvals = *proposal->find("approvals");
    if (!holds(approvals, user))
        approvals.push_back(user);
    if (2 * approvals.items().size() > state["owners"].items().size())
        return start(c, state);
    return Value::Object{{"version", (*proposal)["version"]},
                         {"approvals", approvals.items().size()},
                         {"owners", state["owners"].items().size()}};
}

/// Step 1: "upgrade VERSION", a line break, the bundle.
Value upload(const Context& c, Value& state, std::string_view user, std::string_view version,
             std::string_view bytes) {
    const auto files = archive::read(bytes);
    if (!files)
        return error(files.error().message);
    const auto program = files->find(program_name());
    if (program == files->end() || !program->second.executable)
        return error("the bundle has no program " + program_name());
    keep(upload_file, bytes);
    state.set(
        "proposal",
        Value::Object{{"version", version}, {"uploader", user}, {"approvals", Value::Array{}}});
    return approve(c, state, user);
}

Value status(const Value& state) {
    const auto config = read_config();
    return Value::Object{{"version", config ? Value(config->version) : Value()},
                         {"owners", state["owners"].items().size()},
                         {"waiting", state["proposal"]["version"]},
                         {"last", state["last"]}};
}

Value change(const Context& c, Value& state, std::string_view user, std::string_view text) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (line == "join")
        return join(state, user);
    if (!holds(state["owners"], user))
        return error("only an owner may do that; join while there are fewer than three");
    if (state.find("running") != nullptr)
        return error("an upgrade is under way");
    if (line == "approve")
        return approve(c, state, user);
    if (line.size() > 8 && line.size() < text.size())
        return upload(c, state, user, line.substr(8), text.substr(line.size() + 1));
    return error("send \"upgrade VERSION\", a line break and the bundle");
}

} // namespace

Value handle(const Context& c, const User& user, const Input& input) {
    const std::string_view text = input.text();
    Value state = load();
    if (text == "status")
        return status(state);
    if (text != "join" && text != "approve" && text.substr(0, 8) != "upgrade ")
        return error("unknown request; try join, upgrade, approve or status");
    if (c.readonly())
        return error("a read request cannot change state; send this as an input");
    const Value answer = change(c, state, user.public_key().hex(), text);
    keep(state_file, encode_json(state));
    return answer;
}

void report(Context& c) {
    const auto result = read_file(result_file);
    Value state = load();
    const Value upgrade = state["running"];
    if (!result || upgrade.find("version") == nullptr)
        return;
    const auto version = upgrade["version"].text().value_or("");
    const bool good = *result == "ok\n";
    const Value outcome =
        good ? Value(Value::Object{{"upgraded", version}})
             : Value(Value::Object{{"failed", version},
                                   {"error", result->substr(0, result->find('\n'))}});
    if (good)
        if (const Status set =
                modify_config(c, [version](Config& config) { config.version = version; });
            !set)
            throw std::runtime_error(set.error().message);
    state.erase("running");
    state.set("last", outcome);
    keep(state_file, encode_json(state));
    fs::remove(result_file);
    if (User* uploader = c.users().find(upgrade["uploader"].text().value_or("")))
        send_json(*uploader, outcome);
}

bool is_healthy() {
    try {
        return load().find("owners") != nullptr;
    } catch (const std::exception&) {
        return false;
    }
}

} // namespace upgrade
