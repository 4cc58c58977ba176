// SPDX-License-Identifier: Apache-2.0
#include "upgrade.hpp"

#include <hp/contract/bundle.hpp>
#include <hp/contract/config.hpp>
#include <hp/contract/files.hpp>
#include <hp/contract/json.hpp>

#include <cstdio>
#include <stdexcept>

namespace upgrade {
namespace {

using namespace hp::contract;

constexpr const char* upload_file = "upgrade.hpb"; // the bundle that waits for approval

std::string program_name() {
    const auto config = read_config();
    return config ? config->bin_path : "";
}

Value join(Value& state, std::string_view user) {
    Value& owners = *state.find("owners");
    if (!owners.contains(user) && owners.items().size() >= owners_max)
        return error_answer("there are three owners already");
    if (!owners.contains(user))
        owners.push_back(user);
    return Value::Object{{"owners", owners.items().size()}};
}

/// Step 2.
Value start(const Context& c, Value& state) {
    const std::string bytes = read_file(upload_file).value_or("");
    const auto bundle = read_bundle(bytes);
    if (!bundle)
        return error_answer(bundle.error().message);
    if (const Status done = stage_bundle(c, *bundle, "./" + program_name() + " health"); !done)
        return error_answer(done.error().message);
    std::remove(upload_file);
    const Value upgrade = state["proposal"];
    state.erase("proposal");
    state.set("running", upgrade);
    return Value::Object{{"upgrading", upgrade["version"]}};
}

Value approve(const Context& c, Value& state, std::string_view user) {
    Value* proposal = state.find("proposal");
    if (proposal == nullptr)
        return error_answer("there is nothing to approve");
    Value& approvals = *proposal->find("approvals");
    if (!approvals.contains(user))
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
    const auto bundle = read_bundle(bytes);
    if (!bundle)
        return error_answer(bundle.error().message);
    const auto program = bundle->find(program_name());
    if (program == bundle->end() || !program->second.executable)
        return error_answer("the bundle has no program " + program_name());
    if (const Status kept = replace_file(upload_file, bytes); !kept)
        throw std::runtime_error(kept.error().message); // ends the run, which changes nothing then
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

} // namespace

void report(Context& c, Value& state, Answers& answers) {
    const auto problem = take_bundle_outcome(c);
    const Value upgrade = state["running"];
    const auto version = upgrade["version"].text();
    if (!problem || !version)
        return;
    Value outcome = Value::Object{{"failed", *version}, {"error", *problem}};
    if (problem->empty()) {
        outcome = Value::Object{{"upgraded", *version}};
        const auto change = [&version](Config& config) { config.version = *version; };
        if (const Status changed = modify_config(c, change); !changed)
            throw std::runtime_error(changed.error().message);
    }
    state.erase("running");
    state.set("last", outcome);
    if (User* uploader = c.users().find(upgrade["uploader"].text().value_or("")))
        answers.add(*uploader, outcome);
}

Value handle(const Context& c, Value& state, const User& sender, const Input& input) {
    const std::string_view text = input.text();
    const std::string_view line = text.substr(0, text.find('\n'));
    const std::string_view user = sender.public_key().hex();
    if (text == "status")
        return status(state);
    if (text != "join" && text != "approve" && text.substr(0, 8) != "upgrade ")
        return error_answer("unknown request; try join, upgrade, approve or status");
    if (c.readonly())
        return error_answer("a read request cannot change state; send this as an input");
    if (text == "join")
        return join(state, user);
    if (!state["owners"].contains(user))
        return error_answer("only an owner may do that; join while there are fewer than three");
    if (state.find("running") != nullptr)
        return error_answer("an upgrade is under way");
    if (text == "approve")
        return approve(c, state, user);
    if (line.size() > 8 && line.size() < text.size())
        return upload(c, state, user, line.substr(8), text.substr(line.size() + 1));
    return error_answer("send \"upgrade VERSION\", a line break and the bundle");
}

bool is_healthy() {
    const auto text = read_file("upgrade.json");
    const auto state = text ? decode_json(*text) : Result<Value>(text.error());
    return state && state->find("owners") != nullptr;
}

} // namespace upgrade
