// SPDX-License-Identifier: Apache-2.0
// hp.cfg and patch.cfg to bytes, fields in the order of the table in contract-protocol.md 4.1 and
// of the example in 5.1. This project's own fields come last in their sections.
#include "hp/config/config_io.hpp"
#include "json_writer.hpp"

namespace hp::config {
namespace {

std::string_view visibility_name(Visibility v) {
    return v == Visibility::public_ ? "public" : "private";
}

std::string_view pace_name(Pace pace) {
    switch (pace) {
    case Pace::eager:
        return "eager";
    case Pace::paced:
        return "paced";
    case Pace::automatic:
        break;
    }
    return "auto";
}

void write_node(JsonWriter& out, const Node& node) {
    out.open_object("node");
    out.text("public_key", node.keys.public_key.hex());
    out.text("private_key", node.keys.private_key.hex());
    out.text("role", node.role == Role::validator ? "validator" : "observer");
    out.text("history", node.history == History::full ? "full" : "custom");
    out.open_object("history_config");
    out.number("max_primary_shards", node.max_primary_shards);
    out.number("max_raw_shards", node.max_raw_shards);
    out.close_object();
    out.text("pace", pace_name(node.pace));
    if (node.disk_reserve_mbytes != disk_reserve_mbytes_default) {
        out.number("disk_reserve_mbytes", node.disk_reserve_mbytes);
    }
    out.close_object();
}

void write_round_limits(JsonWriter& out, const RoundLimits& limits) {
    out.open_object("round_limits");
    out.number("user_input_bytes", limits.user_input_bytes);
    out.number("user_output_bytes", limits.user_output_bytes);
    out.number("npl_output_bytes", limits.npl_output_bytes);
    out.number("proc_cpu_seconds", limits.proc_cpu_seconds);
    out.number("proc_mem_bytes", limits.proc_mem_bytes);
    out.number("proc_ofd_count", limits.proc_ofd_count);
    out.number("exec_timeout", limits.exec_timeout);
    if (limits.state_bytes > 0) { // not in the documented file
        out.number("state_bytes", limits.state_bytes);
    }
    out.close_object();
}

void write_patch(JsonWriter& out, const Patch& patch) {
    out.text("version", patch.version);
    out.open_array("unl");
    for (const PublicKey& key : patch.unl) {
        out.item(key.hex());
    }
    out.close_array();
    out.text("bin_path", patch.bin_path);
    out.text("bin_args", patch.bin_args);
    out.open_object("environment");
    for (const auto& [name, value] : patch.environment) {
        out.text(name, value);
    }
    out.close_object();
    out.number("max_input_ledger_offset", patch.max_input_ledger_offset);
    out.open_object("consensus");
    out.text("mode", visibility_name(patch.consensus.mode));
    out.number("roundtime", patch.consensus.roundtime);
    out.number("stage_slice", patch.consensus.stage_slice);
    out.number("threshold", patch.consensus.threshold);
    out.close_object();
    out.open_object("npl");
    out.text("mode", visibility_name(patch.npl_mode));
    out.close_object();
    write_round_limits(out, patch.round_limits);
}

void write_contract(JsonWriter& out, const Contract& contract) {
    out.open_object("contract");
    out.text("id", contract.id);
    out.flag("execute", contract.execute);
    out.text("run_as", contract.run_as ? std::to_string(contract.run_as->uid) + ':' +
                                             std::to_string(contract.run_as->gid)
                                       : std::string());
    out.open_object("log");
    out.flag("enable", contract.log.enable);
    out.number("max_mbytes_per_file", contract.log.max_mbytes_per_file);
    out.number("max_file_count", contract.log.max_file_count);
    out.close_object();
    write_patch(out, contract.patch);
    out.flag("warm_start", contract.warm_start);
    out.text("sandbox", to_string(contract.sandbox));
    out.close_object();
}

void write_address(JsonWriter& out, const std::string& address) {
    if (address != any_address) {
        out.text("address", address);
    }
}

void write_mesh(JsonWriter& out, const Mesh& mesh) {
    out.open_object("mesh");
    out.number("port", mesh.port);
    out.flag("listen", mesh.listen);
    write_address(out, mesh.address);
    out.number("idle_timeout", mesh.idle_timeout);
    out.open_array("known_peers");
    for (const HostPort& peer : mesh.known_peers) {
        out.item(peer.host + ':' + std::to_string(peer.port));
    }
    out.close_array();
    out.flag("msg_forwarding", mesh.msg_forwarding);
    out.number("max_connections", mesh.max_connections);
    out.number("max_known_connections", mesh.max_known_connections);
    out.number("max_in_connections_per_host", mesh.max_in_connections_per_host);
    out.number("max_bytes_per_msg", mesh.max_bytes_per_msg);
    out.number("max_bytes_per_min", mesh.max_bytes_per_min);
    out.number("max_bad_msgs_per_min", mesh.max_bad_msgs_per_min);
    out.number("max_bad_msgsigs_per_min", mesh.max_bad_msgsigs_per_min);
    out.number("max_dup_msgs_per_min", mesh.max_dup_msgs_per_min);
    out.open_object("peer_discovery");
    out.flag("enabled", mesh.peer_discovery);
    out.number("interval", mesh.peer_discovery_interval);
    out.close_object();
    out.close_object();
}

void write_user(JsonWriter& out, const User& user) {
    out.open_object("user");
    out.number("port", user.port);
    out.flag("listen", user.listen);
    write_address(out, user.address);
    out.number("idle_timeout", user.idle_timeout);
    out.number("max_bytes_per_msg", user.max_bytes_per_msg);
    out.number("max_bytes_per_min", user.max_bytes_per_min);
    out.number("max_bad_msgs_per_min", user.max_bad_msgs_per_min);
    out.number("max_connections", user.max_connections);
    out.number("max_in_connections_per_host", user.max_in_connections_per_host);
    out.number("concurrent_read_requests", user.concurrent_read_requests);
    out.flag("plain_ws", user.plain_ws);
    out.text("tls_cert", user.tls_cert);
    out.text("tls_key", user.tls_key);
    out.close_object();
}

void write_state(JsonWriter& out, const State& state) {
    out.open_object("state");
    out.text("backend", to_string(state.backend));
    out.close_object();
}

void write_hpfs(JsonWriter& out, const Hpfs& hpfs) {
    out.open_object("hpfs");
    out.flag("external", hpfs.external);
    out.open_object("log");
    out.text("log_level", hpfs.log_level);
    out.close_object();
    out.close_object();
}

void write_log(JsonWriter& out, const NodeLog& log) {
    out.open_object("log");
    out.text("log_level", to_string(log.level));
    out.number("max_mbytes_per_file", log.max_mbytes_per_file);
    out.number("max_file_count", log.max_file_count);
    out.open_array("loggers");
    if (log.file) {
        out.item("file");
    }
    if (log.console) {
        out.item("console");
    }
    out.close_array();
    out.close_object();
}

// Left out where it is off: hp.cfg of an ordinary node says nothing about it.
void write_dev(JsonWriter& out, const Dev& dev) {
    if (dev.enabled) {
        out.open_object("dev");
        out.flag("enabled", dev.enabled);
        out.close_object();
    }
}

} // namespace

std::string to_string(Sandbox sandbox) {
    switch (sandbox) {
    case Sandbox::off:
        return "off";
    case Sandbox::strict:
        return "strict";
    case Sandbox::automatic:
        break;
    }
    return "auto";
}

std::string to_string(StateBackend backend) {
    switch (backend) {
    case StateBackend::plain:
        return "plain";
    case StateBackend::tracked:
        return "tracked";
    case StateBackend::automatic:
        break;
    }
    return "auto";
}

std::string encode_config(const Config& config) {
    JsonWriter out;
    out.text("hp_version", config.hp_version);
    write_node(out, config.node);
    write_contract(out, config.contract);
    write_mesh(out, config.mesh);
    write_user(out, config.user);
    write_state(out, config.state);
    write_hpfs(out, config.hpfs);
    write_log(out, config.log);
    write_dev(out, config.dev);
    return out.finish();
}

std::string encode_patch(const Patch& patch) {
    JsonWriter out;
    write_patch(out, patch);
    return out.finish();
}

} // namespace hp::config
