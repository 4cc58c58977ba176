// SPDX-License-Identifier: Apache-2.0
#include "cli/agent_keys.hpp"

#include "cli/output.hpp"

#include <algorithm>

namespace hp::cli {
namespace {

constexpr std::string_view prefix = "agent:";

// Nobody is asked before an agent tells its keys.
constexpr std::int64_t list_timeout_ms = 5'000;

bool is_meant(const client::AgentKey& key, std::string_view name) {
    if (name == agent_key_name) {
        return true;
    }
    const std::string_view wanted = name.substr(std::min(prefix.size(), name.size()));
    return is_agent_key(name) &&
           (key.fingerprint == wanted || key.comment == wanted || key.key.hex() == wanted);
}

Failure agent_failure(const Error& error) {
    const bool missing = error.code == Errc::not_found;
    return {ErrorId::agent, error.context,
            missing ? "start one: eval \"$(ssh-agent)\"; ssh-add FILE" : std::string(agent_hint)};
}

tl::expected<client::AgentOptions, Failure> agent_options(const Args& args) {
    auto socket = client::agent_socket();
    if (!socket) {
        return tl::unexpected(agent_failure(socket.err()));
    }
    client::AgentOptions out;
    out.socket = std::move(*socket);
    if (const auto limit_ms = args.connection.timeout_ms.value_or(0); limit_ms > 0) {
        out.timeout_ms = std::min(out.timeout_ms, limit_ms);
    }
    if (!args.quiet) {
        out.on_slow = [head = note_head(args)] {
            write_note(head + "waiting for the agent, which may want a confirmation\n");
        };
    }
    return out;
}

std::string all_of(const std::vector<client::AgentKey>& keys) {
    std::string out;
    for (const client::AgentKey& key : keys) {
        out += (out.empty() ? "" : ", ") + agent_name_of(key) + " (" + key.comment + ")";
    }
    return out;
}

} // namespace

std::string agent_name_of(const client::AgentKey& key) {
    return std::string(prefix) + key.fingerprint;
}

bool is_agent_key(std::string_view name) {
    return name == agent_key_name || name.starts_with(prefix);
}

tl::expected<std::vector<client::AgentKey>, Failure> list_agent(const Args& args) {
    const auto options = agent_options(args);
    if (!options) {
        return tl::unexpected(options.error());
    }
    client::AgentOptions listing = *options;
    listing.timeout_ms = std::min(listing.timeout_ms, list_timeout_ms);
    auto keys = client::list_agent_keys(listing);
    return keys ? tl::expected<std::vector<client::AgentKey>, Failure>(std::move(*keys))
                : tl::unexpected(agent_failure(keys.err()));
}

tl::expected<client::AgentKey, Failure> find_agent_key(const Args& args, std::string_view name) {
    auto keys = list_agent(args);
    if (!keys) {
        return tl::unexpected(std::move(keys.error()));
    }
    if (keys->empty()) {
        return failure(ErrorId::key_not_found, "the agent has no Ed25519 key, or is locked",
                       "ssh-add FILE, ssh-add -X; ssh-keygen -t ed25519 makes a key");
    }
    const std::vector<client::AgentKey> known = *keys;
    std::erase_if(*keys, [name](const client::AgentKey& key) { return !is_meant(key, name); });
    if (keys->empty()) {
        return failure(ErrorId::key_not_found, "the agent has no key \"" + std::string(name) + "\"",
                       "it has " + all_of(known));
    }
    if (keys->size() > 1) {
        return failure(ErrorId::usage, "the agent has several such keys",
                       "say which: " + all_of(*keys));
    }
    return std::move(keys->front());
}

client::Signer signer_of(const Args& args, const client::AgentKey& key) {
    auto options = agent_options(args);
    return client::agent_signer(options ? std::move(*options) : client::AgentOptions{}, key.key);
}

tl::unexpected<Failure> stays_in_agent(std::string_view name) {
    return failure(ErrorId::usage,
                   "\"" + std::string(name) +
                       "\" is a key of the agent, which "
                       "keeps its secret to itself",
                   "ssh-add manages the agent's keys");
}

} // namespace hp::cli
