// SPDX-License-Identifier: Apache-2.0
#include "council.hpp"

#include <hp/contract/config.hpp>
#include <hp/contract/json.hpp>

#include <algorithm>
#include <stdexcept>

namespace council {
namespace {

using namespace hp::contract;

/// How many nodes of `count` must agree: the smallest number that reaches the threshold.
std::size_t needed_of(const Config& config, std::size_t count) {
    return (config.consensus.threshold_percent * count + 99) / 100;
}

Config current_config() {
    const auto config = read_config();
    if (!config)
        throw std::runtime_error(config.error().message);
    return *config;
}

Value list(const Value& state) {
    const Config config = current_config();
    Value unl = Value::Array{};
    for (const PublicKey& key : config.unl)
        unl.push_back(key.hex());
    const std::size_t needed = needed_of(config, config.unl.size());
    return Value::Object{{"voters", state["voters"].items().size()},
                         {"unl", unl},
                         {"needed", needed},
                         {"tolerates", config.unl.size() - needed},
                         {"proposals", state["proposals"]}};
}

Value join(Value& state, std::string_view user) {
    Value& voters = *state.find("voters");
    if (!voters.contains(user) && voters.items().size() >= voters_max)
        return error_answer("the council is complete");
    if (!voters.contains(user))
        voters.push_back(user);
    return Value::Object{{"voters", voters.items().size()}};
}

/// Why the change makes no sense now; empty if it does.
std::string problem_of(const Config& config, bool adds, std::string_view key_text) {
    const auto key = PublicKey::from_hex(key_text);
    if (!key || key_text.substr(0, 2) != "ed")
        return "that is not the key of a node: ed and 64 hex digits";
    const bool member = std::ranges::find(config.unl, *key) != config.unl.end();
    if (adds == member)
        return adds ? "that node is in the UNL already" : "that node is not in the UNL";
    return !adds && config.unl.size() == 1 ? "the last node cannot be removed" : "";
}

Value propose(Value& state, std::string_view user, const Value& request) {
    const bool adds = request["add"].text().has_value();
    const auto key = request[adds ? "add" : "remove"].text();
    if (!key)
        return error_answer("propose needs \"add\" or \"remove\" with the key of a node");
    if (const std::string problem = problem_of(current_config(), adds, *key); !problem.empty())
        return error_answer(problem);
    if (state["proposals"].items().size() >= proposals_max)
        return error_answer("too many open proposals");
    const auto number = state["last"].integer().value_or(0) + 1;
    state.set("last", number);
    state.find("proposals")
        ->push_back(Value::Object{
            {"proposal", number}, {adds ? "add" : "remove", *key}, {"votes", Value::Array{user}}});
    return state["proposals"].items().back();
}

/// Puts the change into patch.cfg: the next ledger agrees on it, and from then on it is in force.
Value apply(const Context& c, const Value& proposal) {
    const bool adds = proposal["add"].text().has_value();
    const auto text = proposal[adds ? "add" : "remove"].text().value_or("");
    Config config = current_config();
    if (const std::string problem = problem_of(config, adds, text); !problem.empty())
        return error_answer(problem); // another proposal was faster
    const PublicKey key = *PublicKey::from_hex(text);
    if (adds)
        config.unl.push_back(key);
    else
        std::erase(config.unl, key);
    std::ranges::sort(config.unl);
    if (const Status changed = update_config(c, config); !changed)
        return error_answer(changed.error().message);
    return Value::Object{{"proposal", proposal["proposal"]},
                         {"accepted", true},
                         {"nodes", config.unl.size()},
                         {"needed", needed_of(config, config.unl.size())}};
}

Value vote(const Context& c, Value& state, std::string_view user, const Value& request) {
    auto& proposals = *state.find("proposals");
    const auto items = proposals.items();
    const auto found = std::ranges::find_if(
        items, [&request](const Value& item) { return item["proposal"] == request["proposal"]; });
    if (found == items.end())
        return error_answer("there is no such proposal");
    Value& votes = *found->find("votes");
    if (!votes.contains(user))
        votes.push_back(user);
    if (2 * votes.items().size() <= state["voters"].items().size())
        return *found;
    const Value outcome = apply(c, *found);
    Value left = Value::Array{};
    for (const Value& item : proposals.items())
        if (item["proposal"] != request["proposal"])
            left.push_back(item);
    proposals = left;
    return outcome;
}

} // namespace

Value make_empty() {
    return Value::Object{{"voters", Value::Array{}}, {"last", 0}, {"proposals", Value::Array{}}};
}

Value handle(const Context& c, Value& state, const User& user, const Input& input) {
    const auto request = decode_json(input.text());
    if (!request)
        return error_answer(request.error().message);
    const auto op = (*request)["op"].text();
    if (op == "list")
        return list(state);
    if (op != "join" && op != "propose" && op != "vote")
        return error_answer("unknown request; try join, propose, vote or list");
    if (c.readonly())
        return error_answer("a read request cannot change state; send this as an input");
    const std::string_view key = user.public_key().hex();
    if (op == "join")
        return join(state, key);
    if (!state["voters"].contains(key))
        return error_answer("only the council may do that; join it while it has room");
    return op == "propose" ? propose(state, key, *request) : vote(c, state, key, *request);
}

} // namespace council
