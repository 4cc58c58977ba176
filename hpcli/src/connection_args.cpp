// SPDX-License-Identifier: Apache-2.0
#include "connection_args.hpp"

#include "contexts.hpp"
#include "options.hpp"

#include <cstdlib>

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

// What the command line leaves open comes from the context.
Parsed<void> apply_context(RawConnection& raw) {
    if (raw.context && raw.context->empty()) {
        return bad_value("--context", "", "a name");
    }
    // With a server on the command line, the current context is not meant.
    if (!raw.context && !raw.servers.empty()) {
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
    const auto fill = [](auto& to, const auto& from) {
        if (!to) {
            to = from;
        }
    };
    if (raw.servers.empty()) {
        raw.servers = context.servers;
    }
    if (raw.trusted_keys.empty()) {
        raw.trusted_keys = context.trusted_keys;
    }
    fill(raw.key, context.key);
    fill(raw.contract_id, context.contract_id);
    fill(raw.contract_version, context.contract_version);
    fill(raw.protocol, context.protocol);
    fill(raw.quorum, context.quorum);
    return {};
}

Parsed<std::vector<std::string>> check_servers(std::vector<std::string> servers, bool needed) {
    if (servers.empty()) {
        const char* listed = std::getenv("HP_SERVERS");
        servers = split_list(listed != nullptr ? listed : "");
    }
    if (servers.empty() && needed) {
        return failure(ErrorId::no_server, "no server given",
                       "use --server wss://HOST:PORT, hpcli context add, or set HP_SERVERS");
    }
    for (const std::string& url : servers) {
        if (!url.starts_with("wss://") && !url.starts_with("ws://")) {
            return bad_value("--server", url, "ws://HOST:PORT or wss://HOST:PORT");
        }
    }
    return servers;
}

} // namespace

Parsed<ConnectionArgs> check_connection(RawConnection raw, bool needs_server) {
    if (auto done = apply_context(raw); !done) {
        return tl::unexpected(std::move(done.error()));
    }
    ConnectionArgs out;
    constexpr const char* duration = "a duration such as 500ms, 5s, 2m";
    auto servers = check_servers(raw.servers, needs_server);
    if (!servers) {
        return tl::unexpected(std::move(servers.error()));
    }
    out.servers = std::move(*servers);
    for (const std::string& text : raw.trusted_keys) {
        const auto key = parse_public_key_hex(text);
        if (!key) {
            return bad_value("--trusted-key", text, "66 hex characters starting with ed");
        }
        out.trusted_keys.push_back(*key);
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
             take("--timeout", raw.timeout, duration, parse_duration_ms, out.timeout_ms),
             take("--pin", raw.pin, "off, tofu or known", parse_pin, out.pin),
         }) {
        if (!done) {
            return tl::unexpected(done.error());
        }
    }
    out.verify_tls = raw.verify_tls || raw.ca_file;
    return out;
}

} // namespace hp::cli
