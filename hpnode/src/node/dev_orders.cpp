// SPDX-License-Identifier: Apache-2.0
#include "node/dev_orders.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include <nlohmann/json.hpp>

#include "hp/base/limits.hpp"

namespace hp::node {
namespace {

using PlainJson = nlohmann::json;

// Reads the members of one object; what is wrong first is what is reported.
class Members {
public:
    explicit Members(const PlainJson& object) : object_(object) {
        if (!object.is_object()) {
            problem_ = "an object is expected";
        }
    }

    void text(const char* name, std::string& out) {
        if (const PlainJson* value = take(name); value != nullptr) {
            check(value->is_string(), name, "a text");
            out = value->is_string() ? value->get<std::string>() : out;
        }
    }
    template <class Int>
    void number(const char* name, Int& out) {
        if (const PlainJson* value = take(name); value != nullptr) {
            const bool fits = value->is_number_unsigned() &&
                              value->get<std::uint64_t>() <= std::numeric_limits<Int>::max();
            check(fits, name, "a number");
            out = fits ? value->get<Int>() : out;
        }
    }
    void share(const char* name, double& out) {
        if (const PlainJson* value = take(name); value != nullptr) {
            const double share = value->is_number() ? value->get<double>() : -1;
            check(share >= 0 && share <= 1, name, "a share from 0 to 1");
            out = share;
        }
    }
    void flag(const char* name, bool& out) {
        if (const PlainJson* value = take(name); value != nullptr) {
            check(value->is_boolean(), name, "true or false");
            out = value->is_boolean() && value->get<bool>();
        }
    }
    const PlainJson* array(const char* name) {
        const PlainJson* value = take(name);
        if (value != nullptr && !value->is_array()) {
            check(false, name, "a list");
            return nullptr;
        }
        return value;
    }
    const PlainJson* take(const char* name) {
        known_.insert(name);
        const auto found = problem_.empty() ? object_.find(name) : object_.end();
        return found == object_.end() ? nullptr : &*found;
    }
    void check(bool good, const std::string& name, const std::string& want) {
        if (!good && problem_.empty()) {
            problem_ = "\"" + name + "\": " + want + " is expected";
        }
    }

    Status done() {
        if (problem_.empty()) {
            for (const auto& [name, value] : object_.items()) {
                if (!known_.contains(name)) {
                    problem_ = "\"" + name + "\" is not known";
                }
            }
        }
        return problem_.empty() ? Status() : fail(Errc::invalid, problem_);
    }

private:
    const PlainJson& object_;
    std::set<std::string> known_;
    std::string problem_;
};

bool is_beneath(const std::string& text) {
    const std::filesystem::path path(text);
    return !text.empty() && path.is_relative() &&
           std::none_of(path.begin(), path.end(),
                        [](const auto& part) { return part == ".." || part == "."; });
}

Result<DeployOrder> read_deploy(const PlainJson& json) {
    DeployOrder out;
    std::string command;
    std::string bundle;
    Members members(json);
    members.text("command", command);
    members.number("at", out.at);
    members.check(out.at > 0, "at", "a ledger");
    members.text("bundle", bundle);
    out.bundle = bundle;
    members.check(out.bundle.is_absolute(), "bundle", "an absolute path");
    if (const PlainJson* list = members.array("remove"); list != nullptr) {
        for (const PlainJson& path : *list) {
            const bool good = path.is_string() && is_beneath(path.get<std::string>());
            members.check(good, "remove", "a path below the state");
            out.remove.push_back(good ? path.get<std::string>() : "");
        }
    }
    if (const PlainJson* patch = members.take("patch"); patch != nullptr) {
        members.check(patch->is_object(), "patch", "an object");
        out.patch = patch->dump();
    }
    std::string decision;
    members.text("decision", decision);
    out.decision = decision;
    members.check(decision.empty() || out.decision.is_absolute(), "decision", "an absolute path");
    HP_TRY_STATUS(members.done());
    return out;
}

Result<LinkFault> read_link(const PlainJson& json) {
    LinkFault out;
    std::string peer;
    std::string lane;
    Members members(json);
    members.text("peer", peer);
    const auto key = parse_public_key_hex(peer);
    members.check(key.has_value(), "peer", "a node's key");
    out.peer = key.value_or(PublicKey());
    members.number("latency_ms", out.latency_ms);
    members.number("jitter_ms", out.jitter_ms);
    members.share("loss", out.loss);
    members.share("duplicate", out.duplicate);
    members.number("bytes_per_second", out.bytes_per_second);
    members.flag("blocked", out.blocked);
    members.text("lane", lane);
    if (!lane.empty()) {
        constexpr std::array names = {"votes", "inputs", "bulk"};
        const auto found = std::find(names.begin(), names.end(), lane);
        members.check(found != names.end(), "lane", "votes, inputs or bulk");
        out.lane = static_cast<Lane>(found - names.begin());
    }
    HP_TRY_STATUS(members.done());
    return out;
}

Result<FaultOrder> read_faults(const PlainJson& json) {
    FaultOrder out;
    std::string command;
    std::string contract;
    std::string disk;
    Members members(json);
    members.text("command", command);
    members.number("seed", out.seed);
    members.text("contract", contract);
    members.number("slow_ms", out.slow_ms);
    members.text("disk", disk);
    members.check(disk.empty() || disk == "full", "disk", "full");
    out.disk_full = disk == "full";
    if (!contract.empty()) {
        constexpr std::array names = {"crash", "hang", "slow", "differ"};
        const auto found = std::find(names.begin(), names.end(), contract);
        members.check(found != names.end(), "contract", "crash, hang, slow or differ");
        out.contract = static_cast<ContractFault>(found - names.begin() + 1);
    }
    const PlainJson* links = members.array("links");
    HP_TRY_STATUS(members.done());
    if (links != nullptr) {
        for (const PlainJson& link : *links) {
            HP_TRY(out.links.emplace_back(), read_link(link));
        }
    }
    return out;
}

} // namespace

Result<DevOrder> decode_dev_order(const std::string& line) {
    const PlainJson json = PlainJson::parse(line, nullptr, false);
    if (!json.is_object()) {
        return fail(Errc::invalid, "an order is one JSON object");
    }
    const auto command = json.find("command");
    if (command != json.end() && *command == "dev.deploy") {
        HP_TRY(DeployOrder order, read_deploy(json));
        return DevOrder(std::move(order));
    }
    if (command != json.end() && *command == "dev.faults") {
        HP_TRY(FaultOrder order, read_faults(json));
        return DevOrder(std::move(order));
    }
    return fail(Errc::invalid, "\"command\": dev.deploy or dev.faults is expected");
}

std::string encode_dev_answer(const Status& status) {
    PlainJson out = {{"ok", status.has_value()}};
    if (!status) {
        out["error"] = status.err().context;
    }
    return out.dump(-1, ' ', false, PlainJson::error_handler_t::replace) + "\n";
}

Result<std::vector<DeployOrder>> decode_deploys(ByteView file) {
    const PlainJson json = PlainJson::parse(file.begin(), file.end(), nullptr, false);
    if (!json.is_array()) {
        return fail(Errc::invalid, "a list of orders is expected");
    }
    std::vector<DeployOrder> out;
    for (const PlainJson& order : json) {
        HP_TRY(out.emplace_back(), read_deploy(order));
    }
    return out;
}

std::string encode_deploys(const std::vector<DeployOrder>& deploys) {
    PlainJson out = PlainJson::array();
    for (const DeployOrder& order : deploys) {
        PlainJson one = {{"command", "dev.deploy"},
                         {"at", order.at},
                         {"bundle", order.bundle.string()},
                         {"remove", order.remove}};
        if (!order.patch.empty()) {
            one["patch"] = PlainJson::parse(order.patch);
        }
        if (!order.decision.empty()) {
            one["decision"] = order.decision.string();
        }
        out.push_back(std::move(one));
    }
    return out.dump(1) + "\n";
}

} // namespace hp::node
