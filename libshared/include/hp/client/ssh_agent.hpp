// SPDX-License-Identifier: Apache-2.0
// Keys that an SSH agent holds (draft-miller-ssh-agent, as ssh-agent of OpenSSH speaks it): which
// Ed25519 keys there are, and signatures by them. An agent's signature with such a key is a plain
// Ed25519 signature over the bytes, so it serves as one of HotPocket's; the private key never comes
// here. The agent is not believed: its answers are parsed with limits, and a signature that does
// not fit is an error. Blocking, with a limit; any thread.
#pragma once

#include "hp/client/signer.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace hp::client {

struct AgentKey {
    PublicKey key;
    std::string fingerprint; // "SHA256:...", as ssh-add -l tells it
    std::string comment;     // printable; what is not has become '?'
};

struct AgentOptions {
    std::filesystem::path socket;
    // A user may have to confirm the use of a key (ssh-add -c).
    std::int64_t timeout_ms = 60'000;
    // Once a wait, when the agent has let us wait for `slow_ms`.
    std::int64_t slow_ms = 500;
    std::function<void()> on_slow;
};

// $SSH_AUTH_SOCK. Errc::not_found without one.
Result<std::filesystem::path> agent_socket();

// The Ed25519 keys, in the agent's order; none when it is locked. Errors of this and of signing:
// not_found and closed when there is no agent, timeout, closed when a signal ended the waiting,
// denied when the agent refuses, corrupt and too_large for answers that make no sense.
Result<std::vector<AgentKey>> list_agent_keys(const AgentOptions& agent);

// Asks the agent for every signature.
Signer agent_signer(AgentOptions agent, const PublicKey& key);

// The agent's answers without their length, for those who bring their own transport.
Result<std::vector<AgentKey>> decode_agent_keys(ByteView answer);
Result<Signature> decode_agent_signature(ByteView answer);

} // namespace hp::client
