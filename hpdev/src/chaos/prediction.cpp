// SPDX-License-Identifier: Apache-2.0
#include "chaos/prediction.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>

namespace hp::dev {
namespace {

// Beyond these nobody can say how long agreement takes, only that nothing wrong comes of it.
constexpr double loss_max = 0.3;
constexpr std::uint64_t rate_bytes_min = 32 * 1024;
constexpr std::uint64_t harmless_delay_ms_max = 5000;

struct Member {
    const ClusterNode* node = nullptr;
    bool dies = false;
    std::optional<ContractTrouble> trouble;
    std::uint64_t slow_ms = 0;

    bool has(ContractTrouble wanted) const { return trouble == wanted; }
};

using Members = std::map<unsigned, Member>;

bool contains(const std::vector<unsigned>& numbers, unsigned number) {
    return std::ranges::find(numbers, number) != numbers.end();
}

// Who runs, and what is wrong with them.
Members find_members(const Cluster& cluster, const std::vector<ClusterFault>& faults,
                     Prediction& out) {
    Members members;
    for (const ClusterNode& node : cluster.nodes) {
        Member member;
        member.node = &node;
        bool killed = !node.has_process();
        bool paused = node.state == NodeState::paused;
        for (const ClusterFault& fault : faults) {
            if (!fault.touches(node.number)) {
                continue;
            }
            killed = killed || fault.kind == FaultKind::kill;
            paused = paused || fault.kind == FaultKind::pause;
            member.dies = member.dies || fault.kind == FaultKind::disk;
            if (fault.kind == FaultKind::contract) {
                member.trouble = fault.trouble;
                member.slow_ms = fault.slow_ms;
            }
        }
        if (killed) {
            out.stopped.push_back(node.number);
        } else if (paused) {
            out.paused.push_back(node.number);
        } else {
            members[node.number] = member;
        }
    }
    return members;
}

void look_at_links(const std::vector<ClusterFault>& faults, Prediction& out) {
    for (const ClusterFault& fault : faults) {
        if (fault.kind != FaultKind::link) {
            continue;
        }
        const LinkShape& shape = fault.shape;
        out.delay_ms = std::max(out.delay_ms, shape.latency_ms + shape.jitter_ms);
        if (shape.loss > loss_max) {
            out.doubt = "with more than 30 % of the messages lost it is a matter of luck";
        } else if (shape.bytes_per_second != 0 && shape.bytes_per_second < rate_bytes_min) {
            out.doubt = "less than 32 KiB a second may be too little for votes alone";
        }
    }
    if (out.delay_ms > harmless_delay_ms_max) {
        out.doubt = "with delays beyond 5 s it may take minutes";
    }
}

std::vector<std::vector<unsigned>> find_sides(const Members& members,
                                              const std::vector<ClusterFault>& faults) {
    std::vector<std::vector<unsigned>> out;
    for (const ClusterFault& fault : faults) {
        if (fault.kind == FaultKind::partition) {
            out = fault.sets; // there is never more than one
        }
    }
    std::vector<unsigned> together; // nodes that came after the partition reach everybody
    for (const auto& [number, member] : members) {
        const bool named = std::ranges::any_of(
            out, [number = number](const auto& side) { return contains(side, number); });
        if (!named) {
            together.push_back(number);
        }
    }
    if (out.empty()) {
        out.push_back(together);
    }
    for (auto& side : out) {
        std::erase_if(side, [&members](unsigned number) { return !members.contains(number); });
    }
    std::erase_if(out, [](const auto& side) { return side.empty(); });
    return out;
}

std::size_t count_voters(const Members& members, const std::vector<unsigned>& side,
                         const std::function<bool(const Member&)>& counts) {
    return static_cast<std::size_t>(std::ranges::count_if(side, [&](unsigned number) {
        const Member& member = members.at(number);
        return !member.node->observer && counts(member);
    }));
}

// What results the runs of a side have, and what that means for the ledgers.
void look_at_results(const Members& members, const Prediction& all, PredictedSide& side) {
    const auto count = [&](const std::function<bool(const Member&)>& counts) {
        return count_voters(members, side.nodes, [&counts](const Member& member) {
            return !member.dies && !member.has(ContractTrouble::hang) && counts(member);
        });
    };
    const auto right = [](const Member& member) {
        return !member.has(ContractTrouble::crash) && !member.has(ContractTrouble::differ);
    };
    const std::size_t with_result = count([](const Member&) { return true; });
    const std::size_t good = count(right);
    const std::size_t crashed =
        count([](const Member& member) { return member.has(ContractTrouble::crash); });
    const std::size_t quick =
        count([](const Member& member) { return !member.has(ContractTrouble::slow); });
    side.closes = with_result >= all.quorum;
    side.hangs = side.voters >= all.quorum && !side.closes;
    side.certified = good >= all.quorum || crashed >= all.quorum;
    const std::size_t needed = all.validators - all.quorum + 1; // one honest holder
    side.keeps_state = good >= all.quorum || (!side.certified && good >= needed && good > crashed);
    if (side.closes && quick < all.quorum) {
        for (const unsigned number : side.nodes) {
            side.ledger_ms = std::max(side.ledger_ms, members.at(number).slow_ms);
        }
    }
}

std::string side_text(const PredictedSide& side, const Prediction& all) {
    std::string out = " " + node_names(side.nodes) + ": ";
    out += std::to_string(side.voters) + " of the " + std::to_string(all.quorum) + " needed, ";
    if (side.hangs) {
        return out + "but too few runs of the contract end: no ledger closes until exec_timeout "
                     "kills the others or this is undone.";
    }
    if (!side.closes) {
        return out + "no ledger closes until this is undone.";
    }
    out += side.ledger_ms != 0
               ? "a ledger closes every " + std::to_string(side.ledger_ms) + " ms at most"
               : "ledgers close";
    if (!side.certified) {
        out +=
            ", one round later each, as no quorum has the same result: outputs are dropped, and ";
        out += side.keeps_state ? "the state is that of the nodes without a fault"
                                : "runs leave the state as it was";
    }
    return out + ".";
}

// Agreement outlasts the longest link: attempts grow.
void add_remarks(const Prediction& all, std::string& out) {
    if (!all.stopped.empty()) {
        out += " " + node_names(all.stopped) + ": not running.";
    }
    if (!all.paused.empty()) {
        out += " " + node_names(all.paused) + ": frozen.";
    }
    if (!all.dying.empty()) {
        out += " " + node_names(all.dying) + ": stops with exit code 71 at the next write" +
               (all.dying_surely ? "." : ", whenever that is.");
    }
    if (!all.odd.empty()) {
        out += " " + node_names(all.odd) +
               ": another state after each run, replaced by that of the others.";
    }
    if (!all.hung.empty()) {
        out += " " + node_names(all.hung) + ": its run never ends by itself.";
    }
    if (all.delay_ms != 0 && all.doubt.empty()) {
        out += " Messages take up to " + std::to_string(all.delay_ms) +
               " ms: each ledger needs several of them, one after the other.";
    }
}

} // namespace

Prediction predict(const Cluster& cluster, const std::vector<ClusterFault>& faults) {
    Prediction out;
    out.validators = cluster.validators();
    out.threshold = cluster.threshold;
    out.quorum = quorum_of(out.validators, cluster.threshold);
    const Members members = find_members(cluster, faults, out);
    look_at_links(faults, out);
    out.dying_surely = false;
    for (const std::vector<unsigned>& numbers : find_sides(members, faults)) {
        PredictedSide side;
        const std::size_t with_dying =
            count_voters(members, numbers, [](const Member&) { return true; });
        for (const unsigned number : numbers) {
            const Member& member = members.at(number);
            if (member.dies) {
                out.dying.push_back(number);
                out.dying_surely = out.dying_surely || with_dying >= out.quorum;
                continue;
            }
            side.nodes.push_back(number);
            if (member.has(ContractTrouble::hang)) {
                out.hung.push_back(number);
            }
        }
        side.voters =
            count_voters(members, numbers, [](const Member& member) { return !member.dies; });
        look_at_results(members, out, side);
        for (const unsigned number : side.nodes) {
            if (side.closes && side.certified && side.keeps_state &&
                members.at(number).has(ContractTrouble::differ)) {
                out.odd.push_back(number);
            }
        }
        if (!side.nodes.empty()) {
            out.sides.push_back(std::move(side));
        }
    }
    return out;
}

std::string node_names(const std::vector<unsigned>& numbers) {
    std::string out;
    for (const unsigned number : numbers) {
        out += (out.empty() ? "n" : ", n") + std::to_string(number);
    }
    return out;
}

std::string prediction_text(const Prediction& prediction) {
    std::string out = "n=" + std::to_string(prediction.validators) + ", threshold " +
                      std::to_string(prediction.threshold) + " %: quorum " +
                      std::to_string(prediction.quorum) + ".";
    if (!prediction.doubt.empty()) {
        out += " No prediction: " + prediction.doubt + ".";
        return out;
    }
    for (const PredictedSide& side : prediction.sides) {
        out += side_text(side, prediction);
    }
    add_remarks(prediction, out);
    return out;
}

} // namespace hp::dev
