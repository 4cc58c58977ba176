// SPDX-License-Identifier: Apache-2.0
// One fault of a running cluster as a value, and as the line that asks for it: what `hpdev chaos`
// takes, what steps of scenarios say, and how chaos.json keeps it.
//
//   link NODES [NODES] [latency=120ms] [jitter=30ms] [loss=5%] [duplicate=1%] [rate=1MiB]
//        [only=votes|inputs|bulk] [oneway]
//   partition NODES / NODES [/ NODES...]     kill NODES     pause NODES     disk NODES full
//   contract NODES crash|hang|differ|slow=900ms
//
// NODES as everywhere: 1  1,3  2-4  all  unl  observers  last. Pure.
#pragma once

#include "cluster/cluster_file.hpp"

#include <optional>
#include <string>
#include <vector>

namespace hp::dev {

enum class FaultKind : std::uint8_t { link, partition, kill, pause, disk, contract };

// Of messages from one end to the other.
struct LinkShape {
    std::uint64_t latency_ms = 0;
    std::uint64_t jitter_ms = 0;
    double loss = 0; // shares of messages
    double duplicate = 0;
    std::uint64_t bytes_per_second = 0; // 0: no limit
    std::string only;                   // votes, inputs or bulk; empty: everything
    bool operator==(const LinkShape&) const = default;
};

enum class ContractTrouble : std::uint8_t { crash, hang, slow, differ };
std::string_view to_string(ContractTrouble trouble);

struct ClusterFault {
    unsigned id = 0; // of those in force
    FaultKind kind = FaultKind::link;
    // partition: its sides; link: its ends (one: all links among them); others: the nodes.
    std::vector<std::vector<unsigned>> sets;
    LinkShape shape;
    bool oneway = false; // from the first end to the second only
    ContractTrouble trouble = ContractTrouble::crash;
    std::uint64_t slow_ms = 0;
    std::int64_t since_ms = 0; // wall clock
    std::int64_t until_ms = 0; // 0: until somebody takes it back

    bool touches(unsigned number) const;
    std::vector<unsigned> nodes() const; // all of them, ascending
};

// Its line, with numbers: "partition 1,2 / 3,4".
std::string fault_text(const ClusterFault& fault);

// From its words. ErrorId::usage says what is wrong, no_node which node there is not.
Expected<ClusterFault> parse_fault(const Cluster& cluster, const std::vector<std::string>& words);
// Its grammar alone, where there is no cluster yet: as if all nodes that it names were there.
Done check_fault_words(const std::vector<std::string>& words);

// "5%" or "0.05"
std::optional<double> parse_chaos_share(std::string_view text);
// "64KiB", "1MiB", "1000"; with or without "/s"
std::optional<std::uint64_t> parse_chaos_rate(std::string_view text);

// Each pair that a fault of links is about, both directions on their own.
std::vector<std::pair<unsigned, unsigned>> directions_of(const ClusterFault& fault,
                                                         const std::vector<unsigned>& all);

} // namespace hp::dev
