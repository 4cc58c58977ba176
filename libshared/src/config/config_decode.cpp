// SPDX-License-Identifier: Apache-2.0
// hp.cfg and patch.cfg from bytes: one function a section, in the order of the field table in
// contract-protocol.md 4.1. Every rule of that table and of docs/configuration.md is here.
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <limits>
#include <netinet/in.h>
#include <optional>

#include "hp/base/limits.hpp"
#include "hp/config/config_io.hpp"
#include "json_section.hpp"

namespace hp::config {
namespace {

// Roundtimes up to an hour, as the original.
constexpr std::uint64_t roundtime_max_ms = 3'600'000;
constexpr std::uint64_t u32_max = UINT32_MAX;

bool has_nul(std::string_view text) {
    return text.find('\0') != std::string_view::npos;
}

// Safe inside hand-written JSON and log lines of contracts and clients.
bool is_quote_free(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) >= 0x20 && c != 0x7F && c != '"' && c != '\\';
    });
}

// All of `text` as a decimal number up to `max`; no signs, no spaces.
std::optional<std::uint64_t> parse_decimal(std::string_view text, std::uint64_t max) {
    std::uint64_t value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (text.empty() || error != std::errc{} || stop != end || value > max) {
        return std::nullopt;
    }
    return value;
}

// A path or argument text: the operating system would cut it at a NUL.
void read_os_text(Section& section, std::string_view name, std::string& out,
                  Presence presence = Presence::mandatory) {
    const std::string* written = section.text(name, presence);
    if (written == nullptr) {
        return;
    }
    if (has_nul(*written)) {
        section.complain(name, "must not contain a NUL character");
        return;
    }
    out = *written;
}

// Names would have to be resolved, and could come to mean something else.
void read_address(Section& section, std::string& out) {
    const std::string* written = section.text("address", Presence::optional);
    std::array<std::uint8_t, sizeof(in6_addr)> parsed{};
    if (written == nullptr) {
        return;
    }
    if (::inet_pton(AF_INET, written->c_str(), parsed.data()) != 1 &&
        ::inet_pton(AF_INET6, written->c_str(), parsed.data()) != 1) {
        section.complain("address", "must be a numeric IP address");
        return;
    }
    out = *written;
}

void read_visibility(Section& section, std::string_view name, Visibility& out) {
    section.choice<Visibility>(
        name, out, {{"public", Visibility::public_}, {"private", Visibility::private_}});
}

// --- hp_version ------------------------------------------------------------------------------

using VersionNumbers = std::array<std::uint64_t, 3>;
constexpr VersionNumbers oldest_version = {0, 6, 3};

// "major.minor" with any number of further parts, all decimal; the first three count.
std::optional<VersionNumbers> parse_version(std::string_view text) {
    VersionNumbers out{};
    std::size_t parts = 0;
    for (bool more = true; more; ++parts) {
        const std::size_t dot = text.find('.');
        more = dot != std::string_view::npos;
        const auto number = parse_decimal(text.substr(0, dot), u32_max);
        if (!number) {
            return std::nullopt;
        }
        if (parts < out.size()) {
            out[parts] = *number;
        }
        text.remove_prefix(more ? dot + 1 : text.size());
    }
    return parts >= 2 ? std::optional(out) : std::nullopt;
}

void read_hp_version(Section& root, std::string& out) {
    const std::string* written = root.text("hp_version");
    if (written == nullptr) {
        return;
    }
    const auto numbers = parse_version(*written);
    if (written->empty()) {
        root.complain("hp_version", "must not be empty");
    } else if (!numbers) {
        root.complain("hp_version", "must look like 0.6.4, is " + in_quotes(*written));
    } else if (*numbers < oldest_version) {
        root.complain("hp_version", in_quotes(*written) + " is too old; 0.6.3 is the oldest "
                                                          "configuration this node reads");
    } else {
        out = *written;
    }
}

// --- node ------------------------------------------------------------------------------------

// Never shows what is written: operators paste error messages into chats.
void read_keys(Section& node, crypto::KeyPair& out) {
    const std::string* public_text = node.text("public_key");
    const std::string* private_text = node.text("private_key");
    const auto public_key =
        public_text == nullptr ? std::nullopt : parse_public_key_hex(*public_text);
    if (public_text != nullptr && !public_key) {
        node.complain("public_key", "must be 66 hex digits that start with ed");
    }
    if (private_text == nullptr) {
        return;
    }
    const auto private_key = crypto::PrivateKey::from_hex(*private_text);
    if (!private_key || private_key->data[0] != key_prefix) {
        node.complain("private_key", "must be 130 hex digits that start with ed");
        return;
    }
    const auto pair = crypto::key_pair_from_private(*private_key);
    if (!pair) {
        node.complain("private_key", "is damaged: its two halves do not belong together");
    } else if (public_key && pair->public_key != *public_key) {
        node.complain("private_key", "does not belong to node.public_key");
    } else {
        out = *pair;
    }
}

void read_node(Section node, Node& out) {
    read_keys(node, out.keys);
    node.choice<Role>("role", out.role,
                      {{"validator", Role::validator}, {"observer", Role::observer}});
    node.choice<History>("history", out.history,
                         {{"full", History::full}, {"custom", History::custom}});
    Section history = node.object("history_config");
    history.number("max_primary_shards", out.max_primary_shards,
                   out.history == History::custom ? 1 : 0);
    history.number("max_raw_shards", out.max_raw_shards);
    history.finish();
    node.choice<Pace>("pace", out.pace,
                      {{"auto", Pace::automatic}, {"eager", Pace::eager}, {"paced", Pace::paced}},
                      Presence::optional);
    node.number("disk_reserve_mbytes", out.disk_reserve_mbytes, 0,
                std::numeric_limits<std::uint32_t>::max(), Presence::optional);
    node.finish();
}

// --- the agreed part of contract (patch.cfg) ---------------------------------------------------

void read_contract_version(Section& contract, std::string& out) {
    const std::string* written = contract.text("version");
    if (written == nullptr) {
        return;
    }
    if (written->empty()) {
        contract.complain("version", "must not be empty");
    } else if (!is_quote_free(*written)) {
        contract.complain("version", "must not contain quotes, backslashes or control characters");
    } else {
        out = *written;
    }
}

void read_unl(Section& contract, std::set<PublicKey>& out) {
    const std::vector<JsonValue>* items = contract.array("unl");
    if (items == nullptr) {
        return;
    }
    if (items->empty()) {
        contract.complain("unl", "must name at least one node");
    }
    Findings& findings = contract.findings();
    const std::string path = contract.path("unl");
    std::set<PublicKey> keys;
    for (std::size_t i = 0; i < items->size(); ++i) {
        const JsonValue& item = (*items)[i];
        const auto key =
            item.kind == JsonValue::Kind::string ? parse_public_key_hex(item.text) : std::nullopt;
        if (!key) {
            findings.problem(item_path(path, i),
                             "must be a public key, 66 hex digits that start with ed");
        } else if (!keys.insert(*key).second) {
            findings.problem(item_path(path, i), "is there more than once");
        }
    }
    out = std::move(keys);
}

void read_environment(Section& contract, std::map<std::string, std::string>& out) {
    const std::vector<JsonMember>* variables = contract.members("environment");
    if (variables == nullptr) {
        return;
    }
    Findings& findings = contract.findings();
    const std::string path = contract.path("environment");
    out.clear();
    for (const auto& [name, value] : *variables) {
        if (name.empty() || has_nul(name) || name.find('=') != std::string::npos) {
            findings.problem(member_path(path, name),
                             "a variable's name must not be empty or contain = or NUL");
        } else if (value.kind != JsonValue::Kind::string) {
            findings.problem(member_path(path, name),
                             "must be a string, is " + std::string(kind_name(value.kind)));
        } else if (has_nul(value.text)) {
            findings.problem(member_path(path, name), "must not contain a NUL character");
        } else {
            out.emplace(name, value.text);
        }
    }
}

void read_consensus(Section consensus, Consensus& out) {
    read_visibility(consensus, "mode", out.mode);
    consensus.number("roundtime", out.roundtime, 1, roundtime_max_ms);
    consensus.number("stage_slice", out.stage_slice, 1, 33);
    consensus.number("threshold", out.threshold, 1, 100);
    consensus.finish();
}

void read_round_limits(Section limits, RoundLimits& out) {
    limits.number("user_input_bytes", out.user_input_bytes);
    limits.number("user_output_bytes", out.user_output_bytes);
    limits.number("npl_output_bytes", out.npl_output_bytes);
    limits.number("proc_cpu_seconds", out.proc_cpu_seconds);
    limits.number("proc_mem_bytes", out.proc_mem_bytes);
    limits.number("proc_ofd_count", out.proc_ofd_count);
    // 49 days; timers count in nanoseconds, where larger values would overflow.
    limits.number("exec_timeout", out.exec_timeout, 0, u32_max);
    limits.number("state_bytes", out.state_bytes, 0, exact_integer_max, Presence::optional);
    limits.finish();
}

// Everything but finish(): in hp.cfg the same object has node-local fields too.
void read_patch_fields(Section& contract, Patch& out) {
    read_contract_version(contract, out.version);
    read_unl(contract, out.unl);
    read_os_text(contract, "bin_path", out.bin_path);
    read_os_text(contract, "bin_args", out.bin_args);
    read_environment(contract, out.environment);
    contract.number("max_input_ledger_offset", out.max_input_ledger_offset);
    read_consensus(contract.object("consensus"), out.consensus);
    Section npl = contract.object("npl");
    read_visibility(npl, "mode", out.npl_mode);
    npl.finish();
    read_round_limits(contract.object("round_limits"), out.round_limits);
}

// Our layout takes more room than a compact file. Whatever is accepted here must still be accepted
// after the node has written it.
void check_written_size(const Patch& patch, const char* path, Findings& findings) {
    if (encode_patch(patch).size() > limits::patch_bytes_max) {
        findings.problem(path, "makes a patch.cfg of more than " +
                                   std::to_string(limits::patch_bytes_max) + " bytes");
    }
}

// --- contract ----------------------------------------------------------------------------------

// Contract libraries copy exactly this many characters (contract-protocol.md 7.2).
constexpr std::size_t contract_id_size = 36;

void read_contract_id(Section& contract, std::string& out) {
    const std::string* written = contract.text("id");
    if (written == nullptr) {
        return;
    }
    const bool ascii = std::all_of(written->begin(), written->end(),
                                   [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    if (written->size() != contract_id_size) {
        contract.complain("id", "must have exactly 36 characters, has " +
                                    std::to_string(written->size()));
    } else if (!ascii || !is_quote_free(*written)) {
        contract.complain("id", "must be ASCII without quotes, backslashes or control characters");
    } else {
        out = *written;
    }
}

void read_run_as(Section& contract, std::optional<RunAs>& out) {
    const std::string* written = contract.text("run_as");
    if (written == nullptr || written->empty()) {
        return;
    }
    // The highest id means "no change" to the system calls, which would leave the contract root.
    constexpr std::uint64_t id_max = u32_max - 1;
    const std::string_view text = *written;
    const std::size_t colon = text.find(':');
    const auto uid = parse_decimal(text.substr(0, colon), id_max);
    const auto gid = colon == std::string_view::npos
                         ? std::nullopt
                         : parse_decimal(text.substr(colon + 1), id_max);
    if (!uid || !gid) {
        contract.complain("run_as",
                          "must be \"\" or \"uid:gid\" in decimal, is " + in_quotes(text));
    } else if ((*uid == 0) != (*gid == 0)) {
        contract.complain("run_as",
                          "uid and gid must both be 0 or both not, is " + in_quotes(text));
    } else if (*uid != 0) {
        out = RunAs{static_cast<std::uint32_t>(*uid), static_cast<std::uint32_t>(*gid)};
    }
}

void read_contract_log(Section log, ContractLog& out) {
    log.flag("enable", out.enable);
    const std::uint64_t min = out.enable ? 1 : 0;
    log.number("max_mbytes_per_file", out.max_mbytes_per_file, min, u32_max);
    log.number("max_file_count", out.max_file_count, min, u32_max);
    log.finish();
}

void read_contract(Section contract, Contract& out) {
    read_contract_id(contract, out.id);
    contract.flag("execute", out.execute);
    read_run_as(contract, out.run_as);
    contract.choice<Sandbox>(
        "sandbox", out.sandbox,
        {{"off", Sandbox::off}, {"auto", Sandbox::automatic}, {"strict", Sandbox::strict}},
        Presence::optional);
    read_contract_log(contract.object("log"), out.log);
    read_patch_fields(contract, out.patch);
    contract.flag("warm_start", out.warm_start, Presence::optional);
    contract.finish();
}

// --- mesh --------------------------------------------------------------------------------------

void read_known_peers(Section& mesh, std::vector<HostPort>& out) {
    const std::vector<JsonValue>* items = mesh.array("known_peers");
    if (items == nullptr) {
        return;
    }
    const std::string path = mesh.path("known_peers");
    out.clear();
    for (std::size_t i = 0; i < items->size(); ++i) {
        const JsonValue& item = (*items)[i];
        auto peer = item.kind == JsonValue::Kind::string ? parse_host_port(item.text)
                                                         : std::optional<HostPort>();
        if (peer) {
            out.push_back(std::move(*peer));
        } else {
            mesh.findings().problem(item_path(path, i),
                                    "must be \"host:port\" with a port of 1..65535");
        }
    }
}

void read_mesh(Section mesh, Mesh& out) {
    mesh.number("port", out.port, 1);
    mesh.flag("listen", out.listen);
    read_address(mesh, out.address);
    mesh.number("idle_timeout", out.idle_timeout);
    read_known_peers(mesh, out.known_peers);
    mesh.flag("msg_forwarding", out.msg_forwarding);
    mesh.number("max_connections", out.max_connections);
    // Known peers are outbound connections and need room below the total.
    const bool limited = out.max_connections > 0;
    mesh.number("max_known_connections", out.max_known_connections, limited ? 1 : 0,
                limited ? out.max_connections : UINT16_MAX);
    mesh.number("max_in_connections_per_host", out.max_in_connections_per_host);
    mesh.number("max_bytes_per_msg", out.max_bytes_per_msg);
    mesh.number("max_bytes_per_min", out.max_bytes_per_min);
    mesh.number("max_bad_msgs_per_min", out.max_bad_msgs_per_min);
    mesh.number("max_bad_msgsigs_per_min", out.max_bad_msgsigs_per_min);
    mesh.number("max_dup_msgs_per_min", out.max_dup_msgs_per_min);
    Section discovery = mesh.object("peer_discovery");
    discovery.flag("enabled", out.peer_discovery);
    discovery.number("interval", out.peer_discovery_interval);
    discovery.finish();
    mesh.finish();
}

// --- user, hpfs, log -----------------------------------------------------------------------------

void read_user(Section user, User& out) {
    user.number("port", out.port, 1);
    user.flag("listen", out.listen);
    read_address(user, out.address);
    user.number("idle_timeout", out.idle_timeout);
    user.number("max_bytes_per_msg", out.max_bytes_per_msg);
    user.number("max_bytes_per_min", out.max_bytes_per_min);
    user.number("max_bad_msgs_per_min", out.max_bad_msgs_per_min);
    user.number("max_connections", out.max_connections);
    user.number("max_in_connections_per_host", out.max_in_connections_per_host);
    user.number("concurrent_read_requests", out.concurrent_read_requests, 0,
                limits::concurrent_reads_max);
    user.flag("plain_ws", out.plain_ws, Presence::optional);
    read_os_text(user, "tls_cert", out.tls_cert, Presence::optional);
    read_os_text(user, "tls_key", out.tls_key, Presence::optional);
    user.finish();
}

void read_state(Section state, State& out) {
    state.choice<StateBackend>("backend", out.backend,
                               {{"auto", StateBackend::automatic},
                                {"plain", StateBackend::plain},
                                {"tracked", StateBackend::tracked}},
                               Presence::optional);
    state.finish();
}

void read_hpfs(Section hpfs, Hpfs& out) {
    hpfs.flag("external", out.external, Presence::optional);
    Section log = hpfs.object("log", Presence::optional);
    log.choice<std::string>("log_level", out.log_level,
                            {{"dbg", "dbg"}, {"inf", "inf"}, {"wrn", "wrn"}, {"err", "err"}},
                            Presence::optional);
    log.finish();
    hpfs.finish();
}

void read_loggers(Section& log, NodeLog& out) {
    const std::vector<JsonValue>* items = log.array("loggers");
    if (items == nullptr) {
        return;
    }
    if (items->empty()) {
        log.complain("loggers", "must name \"console\", \"file\" or both");
    }
    const std::string path = log.path("loggers");
    out.console = false;
    out.file = false;
    for (std::size_t i = 0; i < items->size(); ++i) {
        const JsonValue& item = (*items)[i];
        const bool text = item.kind == JsonValue::Kind::string;
        if (text && item.text == "console") {
            out.console = true;
        } else if (text && item.text == "file") {
            out.file = true;
        } else {
            log.findings().problem(item_path(path, i), "must be \"console\" or \"file\"");
        }
    }
}

void read_dev(Section dev, Dev& out) {
    dev.flag("enabled", out.enabled);
    dev.finish();
}

void read_log(Section log, NodeLog& out) {
    log.choice<LogLevel>("log_level", out.level,
                         {{"dbg", LogLevel::debug},
                          {"inf", LogLevel::info},
                          {"wrn", LogLevel::warning},
                          {"err", LogLevel::error}});
    log.number("max_mbytes_per_file", out.max_mbytes_per_file, 0, u32_max);
    log.number("max_file_count", out.max_file_count, 0, u32_max);
    read_loggers(log, out);
    log.finish();
}

} // namespace

std::optional<HostPort> parse_host_port(std::string_view text) {
    const std::size_t colon = text.find(':');
    const std::string_view host = text.substr(0, colon);
    const bool clean = std::all_of(host.begin(), host.end(), [](char c) {
        return static_cast<unsigned char>(c) > 0x20 && c != 0x7F;
    });
    if (colon == std::string_view::npos || host.empty() || !clean) {
        return std::nullopt;
    }
    const auto port = parse_decimal(text.substr(colon + 1), UINT16_MAX);
    if (!port || *port == 0) {
        return std::nullopt;
    }
    return HostPort{std::string(host), static_cast<std::uint16_t>(*port)};
}

std::string describe(const std::vector<Problem>& problems) {
    std::string out;
    for (const Problem& problem : problems) {
        if (!out.empty()) {
            out += '\n';
        }
        out += problem.path.empty() ? problem.what : problem.path + ": " + problem.what;
    }
    return out;
}

DecodedConfig decode_config(ByteView text) {
    JsonDocument document = parse_json(text, limits::config_bytes_max, limits::config_values_max);
    DecodedConfig out;
    if (!document.problems.empty()) {
        out.problems = std::move(document.problems);
        return out;
    }
    Findings findings;
    Section root(&document.root, "", &findings);
    read_hp_version(root, out.config.hp_version);
    read_node(root.object("node"), out.config.node);
    read_contract(root.object("contract"), out.config.contract);
    read_mesh(root.object("mesh"), out.config.mesh);
    read_user(root.object("user"), out.config.user);
    read_state(root.object("state", Presence::optional), out.config.state);
    read_hpfs(root.object("hpfs", Presence::optional), out.config.hpfs);
    read_log(root.object("log"), out.config.log);
    read_dev(root.object("dev", Presence::optional), out.config.dev);
    root.finish();
    check_written_size(out.config.contract.patch, "contract", findings);
    out.problems = findings.take_problems();
    out.unknown = findings.take_unknown();
    return out;
}

DecodedPatch decode_patch(ByteView text) {
    JsonDocument document = parse_json(text, limits::patch_bytes_max, limits::patch_values_max);
    DecodedPatch out;
    if (!document.problems.empty()) {
        out.problems = std::move(document.problems);
        return out;
    }
    Findings findings;
    Section root(&document.root, "", &findings);
    read_patch_fields(root, out.patch);
    root.finish();
    check_written_size(out.patch, "", findings);
    out.problems = findings.take_problems();
    return out;
}

} // namespace hp::config
