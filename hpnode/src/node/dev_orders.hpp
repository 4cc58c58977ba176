// SPDX-License-Identifier: Apache-2.0
// What the owner of a development cluster may order a node to do (docs/operations.md): replace the
// contract's files before the run of a certain ledger, and behave badly on its links and in its
// contract runs. One JSON document an order, decoded strictly. Values; any thread.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "hp/base/ids.hpp"
#include "hp/base/result.hpp"
#include "node/link_faults.hpp"

namespace hp::node {

// Before the contract runs for ledger `at`, its state gets these files. Every node of a cluster is
// given the same order, so their states stay equal.
struct DeployOrder {
    LedgerSeq at = 0;
    std::filesystem::path bundle;    // absolute; its content lies in the state afterwards
    std::vector<std::string> remove; // paths below the state that go before
    std::string patch;               // JSON merged into patch.cfg (RFC 7396); may be empty
    // Absolute; empty: the order counts as it is. Otherwise it counts if this file
    // (hp/os/decision_file.hpp) says so: whoever gave the order to every node in time decides yes,
    // and a node that has waited for that too long decides no for all of them.
    std::filesystem::path decision{};
    bool operator==(const DeployOrder&) const = default;
};

enum class ContractFault : std::uint8_t { none, crash, hang, slow, differ };

// Replaces what was ordered before.
struct FaultOrder {
    std::vector<LinkFault> links;
    std::uint64_t seed = 1; // of what is random about links
    ContractFault contract = ContractFault::none;
    std::uint32_t slow_ms = 0; // ContractFault::slow: later by so much
    bool disk_full = false;    // until the node ends, which a full disk makes it do
    bool operator==(const FaultOrder&) const = default;
};

using DevOrder = std::variant<DeployOrder, FaultOrder>;

// {"command":"dev.deploy","at":N,"bundle":"/...","remove":["..."],"patch":{...},"decision":"/..."}
// or
// {"command":"dev.faults","seed":N,"links":[{"peer":"ed...","latency_ms":N,"jitter_ms":N,
//  "loss":0.1,"duplicate":0.1,"bytes_per_second":N,"blocked":true,"lane":"votes"}],
//  "contract":"crash"|"hang"|"slow"|"differ","slow_ms":N,"disk":"full"}. Members may be missing.
Result<DevOrder> decode_dev_order(const std::string& line);

// {"ok":true} or {"ok":false,"error":"..."}, and a newline.
std::string encode_dev_answer(const Status& status);

// Orders that a later start must know, as they lie in a file: a JSON array of dev.deploy orders.
Result<std::vector<DeployOrder>> decode_deploys(ByteView file);
std::string encode_deploys(const std::vector<DeployOrder>& deploys);

} // namespace hp::node
