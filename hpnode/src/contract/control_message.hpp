// SPDX-License-Identifier: Apache-2.0
// What a contract tells its node over the control channel: one JSON object a packet
// (contract-protocol.md 8.5). Nothing is ever answered. Values; any thread.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "hp/base/bytes.hpp"
#include "hp/base/result.hpp"
#include "hp/config/config.hpp"

namespace hp::contract {

// Changes this node's list of known peers: additions, then removals. With `remove_all` everything
// goes first and the additions are what is left.
struct PeerChangeset {
    std::vector<config::HostPort> add;
    bool remove_all = false;              // "remove": "*"
    std::vector<config::HostPort> remove; // empty with remove_all
    bool operator==(const PeerChangeset&) const = default;
};

// The contract is done and wants pending reads of its NPL and control channels to end.
struct ContractEnd {
    bool operator==(const ContractEnd&) const = default;
};

// A type of some other version: to be ignored without complaint.
struct UnknownControl {
    std::string type;
    bool operator==(const UnknownControl&) const = default;
};

using ControlMessage = std::variant<PeerChangeset, ContractEnd, UnknownControl>;

// Strict: one malformed entry refuses the whole message.
Result<ControlMessage> decode_control_message(ByteView packet);

} // namespace hp::contract
