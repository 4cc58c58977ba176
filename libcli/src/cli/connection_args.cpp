// SPDX-License-Identifier: Apache-2.0
#include "cli/connection_args.hpp"

#include "cli/contexts.hpp"
#include "cli/local_cluster.hpp"
#include "cli/options.hpp"

#include "hp/base/limits.hpp"
#include "hp/os/files.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace hp::cli {
namespace {

// An absent option leaves the default.
template <class T, class Parse>
Parsed<void> take(const char* option, const std::optional<std::string>& text, const char* want,
                  Parse parse, T& to) {
    if (!text) {
        return {};
    }
    auto value = parse(*text);
    if (!value) {
        return bad_value(option, *text, want);
    }
    to = *value;
    return {};
}

std::optional<proto::Encoding> parse_encoding(std::string_view text) {
    if (text == "json" || text == "bson") {
        return text == "json" ? proto::Encoding::json : proto::Encoding::bson;
    }
    return std::nullopt;
}

std::optional<PinMode> parse_pin(std::string_view text) {
    if (text == "off") {
        return PinMode::off;
    }
    if (text == "tofu" || text == "known") {
        return text == "tofu" ? PinMode::first_use : PinMode::known;
    }
    return std::nullopt;
}

std::optional<std::string> parse_proxy(std::string_view text) {
    const std::size_t scheme = text.find("://");
    const bool known = text.starts_with("socks5://") || text.starts_with("http://");
    return known && text.find(':', scheme + 3) != std::string_view::npos
               ? std::optional(std::string(text))
               : std::nullopt;
}

// A key, or a file with one a line; "#" begins a comment.
Parsed<std::vector<PublicKey>> read_trusted_keys(const std::string& text) {
    if (const auto key = parse_public_key_hex(text)) {
        return std::vector{*key};
    }
    constexpr std::string_view want = "66 hex characters starting with ed, or a file of such lines";
    const auto content = os::read_file(text, limits::config_bytes_max);
    if (!content) {
        return bad_value("--trusted-key", text, want);
    }
    std::vector<PublicKey> out;
    std::string_view rest = as_text(*content);
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        const std::string_view line = rest.substr(0, std::min(end, rest.find('#')));
        for (const std::string& word : split_list(line)) {
            const auto key = parse_public_key_hex(word);
            if (!key) {
                return bad_value("--trusted-key " + text, word, want);
            }
            out.push_back(*key);
        }
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    if (out.empty()) { // an empty list would mean that anybody is trusted
        return failure(ErrorId::bad_file, "--trusted-key: there is no key in " + text);
    }
    return out;
}

// What the command line leaves open comes from the context.
Parsed<void> apply_context(const std::set<std::string, std::less<>>& configured,
                           RawConnection& raw) {
    if (raw.context && raw.context->empty()) {
        return bad_value("--context", "", "a name");
    }
    // With a server on the command line, the current context is not meant.
    if (!raw.context && (!raw.servers.empty() || raw.node || raw.cluster)) {
        return {};
    }
    auto found = find_context(raw.context);
    if (!found) {
        return tl::unexpected(std::move(found.error()));
    }
    if (!*found) {
        return {};
    }
    const Context& context = **found;
    // A file counts less than a context.
    const auto fill = [&configured](const char* name, auto& to, const auto& from) {
        if (!to || (from && configured.contains(name))) {
            to = from;
        }
    };
    if (raw.servers.empty() && !raw.node && !raw.cluster) {
        raw.servers = context.servers;
    }
    if (raw.trusted_keys.empty() ||
        (!context.trusted_keys.empty() && configured.contains("trusted-key"))) {
        raw.trusted_keys = context.trusted_keys;
    }
    fill("key", raw.key, context.key);
    fill("contract-id", raw.contract_id, context.contract_id);
    fill("contract-version", raw.contract_version, context.contract_version);
    fill("protocol", raw.protocol, context.protocol);
    fill("quorum", raw.quorum, context.quorum);
    return {};
}

// The nodes of the cluster around the current folder: those of --node, or all, the running ones
// first. Nothing when there is no cluster and nobody has asked for one.
Parsed<void> take_cluster_servers(const RawConnection& raw, ConnectionArgs& out) {
    const bool asked = raw.node || raw.cluster;
    const auto found = asked ? require_cluster(".", raw.cluster).map([](LocalCluster cluster) {
        return std::optional(std::move(cluster));
    })
                             : find_cluster(".", std::nullopt);
    if (!found) {
        return tl::unexpected(found.error());
    }
    if (!*found) {
        return {};
    }
    const LocalCluster& cluster = **found;
    if (!cluster.is_running) {
        return failure(ErrorId::cluster_down, "cluster \"" + cluster.name + "\" is not running",
                       "hpdev up starts it; --server names another server");
    }
    auto nodes = select_nodes(cluster, raw.node.value_or("all"));
    if (!nodes) {
        return tl::unexpected(std::move(nodes.error()));
    }
    if (!raw.node) {
        std::ranges::stable_partition(
            *nodes, [](const LocalNode& node) { return node.state == "running"; });
    }
    for (const LocalNode& node : *nodes) {
        out.servers.push_back(node.url);
    }
    out.cluster = cluster.name;
    // Another cluster may have taken the ports of one that has gone.
    if (!cluster.contract_id.empty()) {
        out.contract_id = cluster.contract_id;
    }
    if (cluster.threshold) { // no more sign than the nodes themselves wait for
        out.quorum = *cluster.threshold / 100.0;
    }
    return {};
}

Parsed<void> take_servers(const RawConnection& raw, bool needed, ConnectionArgs& out) {
    out.servers = raw.servers;
    if (raw.node || raw.cluster) {
        if (!out.servers.empty()) {
            return failure(ErrorId::usage, "--node and --cluster name servers, as --server does");
        }
        return take_cluster_servers(raw, out);
    }
    if (out.servers.empty()) {
        const char* listed = std::getenv("HP_SERVERS");
        out.servers = split_list(listed != nullptr ? listed : "");
    }
    if (out.servers.empty()) {
        out.servers = raw.configured_servers;
    }
    if (out.servers.empty()) {
        RawConnection cluster = raw;
        cluster.node = raw.configured_node;
        cluster.cluster = raw.configured_cluster;
        auto taken = take_cluster_servers(cluster, out);
        out.no_server = taken ? Failure{ErrorId::no_server, "no server given",
                                        "use --server wss://HOST:PORT, hpcli context add, set "
                                        "HP_SERVERS, or go to the folder of a cluster that "
                                        "\"hpdev up\" runs"}
                              : std::move(taken.error());
    }
    if (out.servers.empty() && needed) {
        return tl::unexpected(out.no_server);
    }
    for (const std::string& url : out.servers) {
        if (!url.starts_with("wss://") && !url.starts_with("ws://")) {
            return bad_value("--server", url, "ws://HOST:PORT or wss://HOST:PORT");
        }
    }
    return {};
}

// What files say about servers comes behind contexts and the environment.
void set_aside(const Args& args, RawConnection& raw) {
    if (args.configured.contains("server")) {
        raw.configured_servers = std::exchange(raw.servers, {});
    }
    if (args.configured.contains("node")) {
        raw.configured_node = std::exchange(raw.node, {});
    }
    if (args.configured.contains("cluster")) {
        raw.configured_cluster = std::exchange(raw.cluster, {});
    }
}

RawConnection raw_connection(const OptionValues& given) {
    RawConnection out;
    out.servers = given.all("server");
    out.trusted_keys = given.all("trusted-key");
    out.context = given.text("context");
    out.key = given.text("key");
    out.passphrase_file = given.text("passphrase-file");
    out.protocol = given.text("protocol");
    out.contract_id = given.text("contract-id");
    out.contract_version = given.text("contract-version");
    out.connect_timeout = given.text("connect-timeout");
    out.min_connections = given.text("min-connections");
    out.timeout = given.text("timeout");
    out.ca_file = given.text("ca");
    out.quorum = given.text("quorum");
    out.pin = given.text("pin");
    out.node = given.text("node");
    out.cluster = given.text("cluster");
    out.proxy = given.text("proxy");
    out.log_file = given.text("log-file");
    out.trace_file = given.text("trace");
    out.verify_tls = given.has("verify-tls");
    return out;
}

// An option without meaning is a misunderstanding, not something to pass over.
Parsed<void> refuse_meaningless(const CommandInfo& info, const OptionValues& given) {
    for (const std::string& name : given.names()) {
        constexpr std::array kept = {"server",           "trusted-key", "key",   "contract-id",
                                     "contract-version", "protocol",    "quorum"};
        // Keys may have passphrases without any server.
        const bool fits = info.scope == Scope::settings
                              ? std::ranges::find(kept, name) != kept.end()
                              : info.words.starts_with("key ") && name == "passphrase-file";
        if (!fits) {
            return failure(ErrorId::usage, "\"" + std::string(info.words) +
                                               "\" talks to no server: --" + name +
                                               " has no meaning");
        }
    }
    return {};
}

} // namespace

Parsed<ConnectionArgs> check_connection(RawConnection raw, bool needs_server,
                                        const std::set<std::string, std::less<>>& configured) {
    if (auto done = apply_context(configured, raw); !done) {
        return tl::unexpected(std::move(done.error()));
    }
    ConnectionArgs out;
    constexpr const char* duration = "a duration such as 500ms, 5s, 2m";
    if (auto taken = take_servers(raw, needs_server, out); !taken) {
        return tl::unexpected(std::move(taken.error()));
    }
    for (const std::string& text : raw.trusted_keys) {
        auto keys = read_trusted_keys(text);
        if (!keys) {
            return tl::unexpected(std::move(keys.error()));
        }
        out.trusted_keys.insert(out.trusted_keys.end(), keys->begin(), keys->end());
    }
    for (const Parsed<void>& done : {
             take("--key", raw.key, "a key", parse_text, out.key),
             take("--passphrase-file", raw.passphrase_file, "a file", parse_text,
                  out.passphrase_file),
             take("--contract-id", raw.contract_id, "an id", parse_text, out.contract_id),
             take("--contract-version", raw.contract_version, "a version", parse_text,
                  out.contract_version),
             take("--ca", raw.ca_file, "a file", parse_text, out.ca_file),
             take("--protocol", raw.protocol, "json or bson", parse_encoding, out.encoding),
             take("--quorum", raw.quorum, "a share such as 0.8", parse_share, out.quorum),
             take("--connect-timeout", raw.connect_timeout, duration, parse_duration_ms,
                  out.connect_timeout_ms),
             take("--min-connections", raw.min_connections, "a number above 0", parse_count,
                  out.min_connections),
             take("--timeout", raw.timeout, "a duration such as 500ms, 5s, 2m, or 0",
                  parse_timeout_ms, out.timeout_ms),
             take("--proxy", raw.proxy, "socks5://HOST:PORT or http://HOST:PORT", parse_proxy,
                  out.proxy),
             take("--log-file", raw.log_file, "a file", parse_text, out.log_file),
             take("--trace", raw.trace_file, "a file", parse_text, out.trace_file),
             take("--pin", raw.pin, "off, tofu or known", parse_pin, out.pin),
         }) {
        if (!done) {
            return tl::unexpected(done.error());
        }
    }
    out.verify_tls = raw.verify_tls || raw.ca_file;
    return out;
}

tl::expected<void, Failure> take_connection(const OptionValues& given, Args& args) {
    const Scope scope = args.command->scope;
    RawConnection raw = raw_connection(given);
    if (scope == Scope::online || scope == Scope::on_demand) {
        set_aside(args, raw);
        auto connection = check_connection(std::move(raw), scope == Scope::online, args.configured);
        if (!connection) {
            return tl::unexpected(std::move(connection.error()));
        }
        args.connection = std::move(*connection);
        return {};
    }
    args.connection.passphrase_file = raw.passphrase_file.value_or("");
    args.settings = {raw.servers,          raw.trusted_keys, raw.key,   raw.contract_id,
                     raw.contract_version, raw.protocol,     raw.quorum};
    return refuse_meaningless(*args.command, given);
}

} // namespace hp::cli
