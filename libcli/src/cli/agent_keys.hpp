// SPDX-License-Identifier: Apache-2.0
// Keys that stay in the user's SSH agent: "agent" is the only Ed25519 key there, "agent:WHICH" the
// one of that fingerprint, comment or public key. Asks the agent; one thread.
#pragma once

#include "cli/args.hpp"
#include "hp/client/ssh_agent.hpp"

namespace hp::cli {

inline constexpr std::string_view agent_key_name = "agent";

bool is_agent_key(std::string_view name);
// The name that means this key and no other.
std::string agent_name_of(const client::AgentKey& key);

tl::expected<std::vector<client::AgentKey>, Failure> list_agent(const Args& args);

// By one of the names above.
tl::expected<client::AgentKey, Failure> find_agent_key(const Args& args, std::string_view name);

// Tells the user when the agent is slow: it may be asking for a confirmation.
client::Signer signer_of(const Args& args, const client::AgentKey& key);

// For all that needs the secret itself.
tl::unexpected<Failure> stays_in_agent(std::string_view name);

// What to do about an agent that does not sign.
inline constexpr std::string_view agent_hint =
    "ssh-add -l lists the agent's keys, ssh-add -X unlocks it; a key that is used with care "
    "(ssh-add -c) has to be confirmed";

} // namespace hp::cli
