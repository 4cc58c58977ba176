// SPDX-License-Identifier: Apache-2.0
// Pins: what an earlier session learned about a server (its key, its certificate, the validators
// it named), so that a later one notices a change. Nodes have self-signed certificates; the pin
// does what an authority would do. Blocking file work.
#pragma once

#include "cli/args.hpp"
#include "cli/user_files.hpp"
#include "hp/client/client.hpp"

#include <optional>
#include <string>
#include <vector>

namespace hp::cli {

struct Pin {
    std::string url;
    PublicKey key;
    std::string certificate_sha256; // empty for ws://
    std::string contract_id;
    std::vector<PublicKey> unl;
    std::string added; // RFC 3339
};

inline constexpr std::string_view trust_file = "trust.json";

tl::expected<std::vector<Pin>, Failure> load_pins(); // by URL
tl::expected<void, Failure> store_pin(const Pin& pin);
tl::expected<bool, Failure> remove_pin(const std::string& url); // false: there was none

Pin make_pin(const std::string& url, const client::ServerInfo& server);

// The pin to hold the server to, if any. An error when there must be one and is not.
tl::expected<std::optional<Pin>, Failure> pin_for(const Args& args, const std::string& url);

// After the handshake: remembers a new server where that is wanted, and tells about validators
// that have changed.
void note_server(const Args& args, const std::string& url, const client::ServerInfo& server,
                 const std::optional<Pin>& pin);

} // namespace hp::cli
