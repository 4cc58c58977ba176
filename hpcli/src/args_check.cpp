// SPDX-License-Identifier: Apache-2.0
// Strings to values, with messages that name the option and what it takes.
#include "raw_args.hpp"

#include <cstdlib>
#include <limits>

namespace hp::cli {
namespace {

template <class T>
using Parsed = tl::expected<T, Failure>;

tl::unexpected<Failure> bad_value(const char* option, const std::string& value, const char* want) {
    return failure(ErrorId::usage, std::string(option) + " \"" + value + "\": expected " + want);
}

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

std::optional<SendWait> parse_wait(std::string_view text) {
    if (text == "sent") {
        return SendWait::sent;
    }
    if (text == "ledger" || text == "output") {
        return text == "ledger" ? SendWait::ledger : SendWait::output;
    }
    return std::nullopt;
}

Parsed<std::vector<std::string>> check_servers(std::vector<std::string> servers) {
    if (servers.empty()) {
        const char* listed = std::getenv("HP_SERVERS");
        servers = split_list(listed != nullptr ? listed : "");
    }
    if (servers.empty()) {
        return failure(ErrorId::no_server, "no server given",
                       "use --server wss://HOST:PORT or set HP_SERVERS");
    }
    for (const std::string& url : servers) {
        if (!url.starts_with("wss://") && !url.starts_with("ws://")) {
            return bad_value("--server", url, "ws://HOST:PORT or wss://HOST:PORT");
        }
    }
    return servers;
}

std::optional<std::string> parse_text(std::string_view text) {
    return text.empty() ? std::nullopt : std::optional(std::string(text));
}

Parsed<ConnectionArgs> check_connection(const RawArgs& raw) {
    ConnectionArgs out;
    constexpr const char* duration = "a duration such as 500ms, 5s, 2m";
    auto servers = check_servers(raw.servers);
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
             take("--contract-id", raw.contract_id, "an id", parse_text, out.contract_id),
             take("--contract-version", raw.contract_version, "a version", parse_text,
                  out.contract_version),
             take("--ca", raw.ca_file, "a file", parse_text, out.ca_file),
             take("--protocol", raw.protocol, "json or bson", parse_encoding, out.encoding),
             take("--quorum", raw.quorum, "a share such as 0.8", parse_share, out.quorum),
             take("--connect-timeout", raw.connect_timeout, duration, parse_duration_ms,
                  out.connect_timeout_ms),
             take("--timeout", raw.timeout, duration, parse_duration_ms, out.timeout_ms),
         }) {
        if (!done) {
            return tl::unexpected(done.error());
        }
    }
    out.verify_tls = raw.verify_tls || raw.ca_file;
    return out;
}

Parsed<SendArgs> check_send(const RawArgs& raw) {
    SendArgs out;
    const auto nonce = [](std::string_view text) {
        const auto value = parse_number(text);
        return value && *value > 0 ? value : std::nullopt;
    };
    const auto given_nonce = raw.nonce == "auto" ? std::nullopt : raw.nonce;
    for (const Parsed<void>& done : {
             take("--wait", raw.wait, "sent, ledger or output", parse_wait, out.wait),
             take("--expires", raw.expires, "+N or @SEQ", parse_expiry, out.expires),
             take("--nonce", given_nonce, "auto or a number above 0", nonce, out.nonce),
         }) {
        if (!done) {
            return tl::unexpected(done.error());
        }
    }
    out.require_output = raw.require_output;
    if (out.require_output && out.wait != SendWait::output) {
        return failure(ErrorId::usage, "--require-output needs --wait output");
    }
    return out;
}

Parsed<WatchArgs> check_watch(const RawArgs& raw) {
    WatchArgs out;
    for (const std::string& word : raw.arguments) {
        if (word == "outputs") {
            out.outputs = true;
        } else if (word == "ledgers") {
            out.ledgers = true;
        } else if (word == "votes") {
            out.votes = true;
        } else if (word == "unl") {
            out.unl = true;
        } else if (word == "health") {
            out.health = true;
        } else {
            return bad_value("watch", word, "outputs, ledgers, votes, unl or health");
        }
    }
    if (raw.arguments.empty()) {
        out.outputs = out.ledgers = out.votes = out.unl = true;
    }
    const auto count = [](std::string_view text) {
        const auto value = parse_number(text);
        return value && *value > 0 ? value : std::nullopt;
    };
    if (auto done = take("--count", raw.count, "a number above 0", count, out.count); !done) {
        return tl::unexpected(std::move(done.error()));
    }
    return out;
}

Parsed<LedgerArgs> check_ledger(const RawArgs& raw) {
    LedgerArgs out{std::nullopt, raw.inputs, raw.outputs};
    const std::string& which = raw.arguments.front();
    if (which != "lcl") {
        out.seq = parse_number(which);
        if (!out.seq) {
            return bad_value("ledger get", which, "a ledger number or lcl");
        }
    }
    return out;
}

// How many plain arguments a command takes.
Parsed<void> check_argument_count(const CommandInfo& info, std::size_t given) {
    std::size_t min = 0;
    std::size_t max = 0;
    switch (info.command) {
    case Command::send:
    case Command::read:
    case Command::watch:
        max = std::numeric_limits<std::size_t>::max(); // judged by what they are
        break;
    case Command::key_new:
    case Command::ledger_get:
        min = max = 1;
        break;
    case Command::key_show:
        max = 1;
        break;
    default:
        break;
    }
    if (given >= min && given <= max) {
        return {};
    }
    const std::string words(info.words);
    return failure(ErrorId::usage,
                   given < min ? words + ": argument missing" : words + ": too many arguments",
                   "hpcli " + words + " --help");
}

// Fills the part of `out` that belongs to the command.
Parsed<void> check_command(const RawArgs& raw, Args& out) {
    const auto store = [](auto checked, auto& to) -> Parsed<void> {
        if (!checked) {
            return tl::unexpected(std::move(checked.error()));
        }
        to = std::move(*checked);
        return {};
    };
    switch (out.command) {
    case Command::send:
        out.payload = raw.arguments;
        out.payload_is_text = raw.text;
        return store(check_send(raw), out.send);
    case Command::read:
        out.payload = raw.arguments;
        out.payload_is_text = raw.text;
        return {};
    case Command::watch:
        return store(check_watch(raw), out.watch);
    case Command::ledger_get:
        return store(check_ledger(raw), out.ledger);
    case Command::key_new:
    case Command::key_show:
        out.key_name = raw.arguments.empty() ? "default" : raw.arguments.front();
        return {};
    default:
        return {};
    }
}

} // namespace

Parsed<Args> check_args(const RawArgs& raw, const CommandInfo& info) {
    Args out;
    out.command = info.command;
    out.schema = schema_of(info.words);
    out.json = raw.json;
    out.quiet = raw.quiet;
    out.verbose = raw.verbose;
    Parsed<void> done = check_argument_count(info, raw.arguments.size());
    if (done) {
        done = check_command(raw, out);
    }
    if (!done) {
        return tl::unexpected(std::move(done.error()));
    }
    if (info.online) {
        auto connection = check_connection(raw);
        if (!connection) {
            return tl::unexpected(std::move(connection.error()));
        }
        out.connection = std::move(*connection);
    }
    return out;
}

} // namespace hp::cli
