// SPDX-License-Identifier: Apache-2.0
#include "cluster/node_folder.hpp"

#include "cli/values.hpp"
#include "cluster/bundle_files.hpp"
#include "hp/base/limits.hpp"
#include "hp/config/contract_dir.hpp"
#include "hp/net/tls.hpp"
#include "hp/os/files.hpp"
#include "json_merge.hpp"

#include <algorithm>
#include <array>

namespace hp::dev {
namespace {

constexpr std::uint32_t default_roundtime_ms = 500;
constexpr unsigned file_mode = 0600; // hp.cfg holds the node's private key

Status make_certificate(const std::string& key_path, const std::string& cert_path,
                        const std::string& name) {
    return net::make_self_signed({cert_path, key_path}, name);
}

Json known_peers(const Cluster& cluster, const ClusterNode& node) {
    Json out = Json::array();
    for (const ClusterNode& other : cluster.nodes) {
        if (other.number != node.number) {
            out.push_back(other.host + ":" + std::to_string(other.peer_port));
        }
    }
    return out;
}

void set_addresses(Json& config, const Cluster& cluster, const ClusterNode& node) {
    config["user"]["port"] = node.user_port;
    config["mesh"]["port"] = node.peer_port;
    config["mesh"]["known_peers"] = known_peers(cluster, node);
}

Json unl_of(const Cluster& cluster) {
    Json out = Json::array();
    for (const ClusterNode& node : cluster.nodes) {
        if (!node.observer) {
            out.push_back(node.public_key.hex());
        }
    }
    return out;
}

// What a node for development has that others have not.
void set_defaults(Json& config) {
    config["contract"]["log"]["enable"] = true;
    config["contract"]["consensus"]["mode"] = "public";
    config["contract"]["consensus"]["roundtime"] = default_roundtime_ms;
    config["node"]["history_config"]["max_raw_shards"] = 1;
    config["log"]["loggers"] = {"file"}; // the supervisor keeps stderr for what comes before it
    config["dev"]["enabled"] = true;
}

void apply(Json& config, const Cluster& cluster, const ClusterNode& node, const Genesis& genesis) {
    const Json keys = config["node"];
    set_defaults(config);
    Json& consensus = config["contract"]["consensus"];
    if (genesis.base_roundtime_ms) {
        consensus["roundtime"] = *genesis.base_roundtime_ms;
    }
    if (genesis.base_threshold) {
        consensus["threshold"] = *genesis.base_threshold;
    }
    merge_json(config, genesis.override);
    Json& contract = config["contract"];
    if (genesis.roundtime_ms) {
        contract["consensus"]["roundtime"] = *genesis.roundtime_ms;
    }
    if (genesis.threshold) {
        contract["consensus"]["threshold"] = *genesis.threshold;
    }
    config["user"]["address"] = genesis.address;
    config["mesh"]["address"] = genesis.address;
    for (const NodeSetting& setting : genesis.settings) {
        if (setting.node == node.number) {
            set_key(config, setting.key, setting.value);
        }
    }
    if (find_key(genesis.override, "contract.id") == nullptr) {
        contract["id"] = cluster.contract_id;
    }
    contract["unl"] = unl_of(cluster);
    config["node"]["public_key"] = keys["public_key"];
    config["node"]["private_key"] = keys["private_key"];
    config["node"]["role"] = node.observer ? "observer" : "validator";
    set_addresses(config, cluster, node);
}

Done take_common(Cluster& cluster, const fs::path& node_dir) {
    HP_DEV_TRY(const config::LoadedConfig loaded, config::load(config::contract_dir(node_dir)));
    cluster.contract_id = loaded.config.contract.id;
    cluster.roundtime_ms = loaded.config.contract.patch.consensus.roundtime;
    cluster.threshold = loaded.config.contract.patch.consensus.threshold;
    return {};
}

} // namespace

Expected<NodeSetting> parse_setting(unsigned node, const std::string& text) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
        return cli::failure(cli::ErrorId::usage, "\"" + text + "\" is not KEY=VALUE",
                            "for example log.log_level=dbg");
    }
    NodeSetting out{node, text.substr(0, equals), nullptr};
    const std::string value = text.substr(equals + 1);
    out.value = Json::parse(value, nullptr, false);
    if (out.value.is_discarded()) {
        out.value = value;
    }
    if (is_agreed_key(out.key)) {
        return cli::failure(cli::ErrorId::usage,
                            out.key + " is agreed on by all nodes: no node can have its own",
                            "put it into hp.cfg.override and start with --fresh, or let the "
                            "contract change its patch.cfg");
    }
    return out;
}

Expected<NodeSetting> parse_node_setting(const std::string& text) {
    const std::size_t colon = text.find(':');
    const auto node = cli::parse_count(text.substr(0, colon));
    if (colon == std::string::npos || !node || *node > 10'000) {
        return cli::failure(cli::ErrorId::usage, "--node \"" + text + "\": expected K:key=value");
    }
    return parse_setting(static_cast<unsigned>(*node), text.substr(colon + 1));
}

Done make_node(ClusterNode& node) {
    const config::ContractDir dir = config::contract_dir(node.dir);
    HP_DEV_TRY_STATUS(config::create(dir, make_certificate));
    HP_DEV_TRY(const config::LoadedConfig loaded, config::load(dir));
    node.public_key = loaded.config.node.keys.public_key;
    return {};
}

Done found_cluster(Cluster& cluster, const Genesis& genesis) {
    for (const NodeSetting& setting : genesis.settings) {
        if (cluster.find(setting.node) == nullptr) {
            return cli::failure(cli::ErrorId::no_node,
                                "--node: there is no node " + std::to_string(setting.node));
        }
    }
    for (const ClusterNode& node : cluster.nodes) {
        HP_DEV_TRY_STATUS(
            edit_config(node.dir, [&](Json& config) { apply(config, cluster, node, genesis); }));
        HP_DEV_TRY_STATUS(
            seed_node(cluster.bundle, node.number, config::contract_dir(node.dir).seed()));
    }
    return take_common(cluster, cluster.nodes.front().dir);
}

Done join_cluster(const Cluster& cluster, const ClusterNode& node) {
    HP_DEV_TRY(const Json model, read_config(cluster.nodes.front().dir));
    HP_DEV_TRY_STATUS(edit_config(node.dir, [&](Json& config) {
        const Json keys = config["node"];
        config = model;
        config["node"] = keys;
        config["node"]["history_config"] = model["node"]["history_config"];
        config["node"]["role"] = node.observer ? "observer" : "validator";
        config["contract"]["unl"] = unl_of(cluster);
        set_addresses(config, cluster, node);
    }));
    // Its state comes from its peers; what is this node's alone cannot.
    return seed_own_files(cluster.bundle, node.number, config::contract_dir(node.dir).seed());
}

Done write_addresses(const Cluster& cluster) {
    for (const ClusterNode& node : cluster.nodes) {
        HP_DEV_TRY_STATUS(
            edit_config(node.dir, [&](Json& config) { set_addresses(config, cluster, node); }));
    }
    return {};
}

Expected<Json> read_config(const fs::path& node_dir) {
    const fs::path path = config::contract_dir(node_dir).config();
    HP_DEV_TRY(const Bytes text, os::read_file(path, limits::config_bytes_max));
    auto json = parse_object(as_text(text));
    if (!json) {
        return cli::failure(cli::ErrorId::bad_file, path.string() + " is not a JSON object");
    }
    return *std::move(json);
}

Done edit_config(const fs::path& node_dir, const std::function<void(Json&)>& change) {
    const fs::path path = config::contract_dir(node_dir).config();
    HP_DEV_TRY(Json json, read_config(node_dir));
    change(json);
    const std::string text = json.dump(4, ' ', false, Json::error_handler_t::replace);
    const config::DecodedConfig decoded = config::decode_config(as_bytes(text));
    if (!decoded.problems.empty()) {
        return cli::failure(cli::ErrorId::usage,
                            "not a configuration: " + config::describe(decoded.problems),
                            "look at hp.cfg.override and --node; docs/configuration.md");
    }
    HP_DEV_TRY_STATUS(os::replace_file(path, as_bytes(text), file_mode));
    return {};
}

const Json* find_key(const Json& config, std::string_view dotted) {
    const Json* at = &config;
    while (!dotted.empty()) {
        const std::size_t dot = dotted.find('.');
        const std::string name(dotted.substr(0, dot));
        if (!at->is_object() || !at->contains(name)) {
            return nullptr;
        }
        at = &(*at)[name];
        dotted = dot == std::string_view::npos ? std::string_view() : dotted.substr(dot + 1);
    }
    return at;
}

void set_key(Json& config, std::string_view dotted, const Json& value) {
    const std::size_t dot = dotted.find('.');
    const std::string name(dotted.substr(0, dot));
    if (dot == std::string_view::npos) {
        config[name] = value;
        return;
    }
    if (!config[name].is_object()) {
        config[name] = Json::object();
    }
    set_key(config[name], dotted.substr(dot + 1), value);
}

bool is_agreed_key(std::string_view dotted) {
    constexpr std::array agreed = {"id",
                                   "version",
                                   "unl",
                                   "bin_path",
                                   "bin_args",
                                   "environment",
                                   "max_input_ledger_offset",
                                   "consensus",
                                   "npl",
                                   "round_limits"};
    if (!dotted.starts_with("contract.")) {
        return dotted == "contract";
    }
    dotted.remove_prefix(std::string_view("contract.").size());
    const std::string_view first = dotted.substr(0, dotted.find('.'));
    return std::ranges::find(agreed, first) != agreed.end();
}

} // namespace hp::dev
