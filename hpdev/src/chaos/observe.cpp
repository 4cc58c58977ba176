// SPDX-License-Identifier: Apache-2.0
#include "chaos/observe.hpp"

#include "clock.hpp"
#include "cluster/node_view.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace hp::dev {
namespace {

constexpr std::int64_t observe_again_ms = 40;
constexpr std::int64_t patience_least_ms = 50'000;
constexpr std::uint32_t quiet_rounds = 8;
constexpr std::int64_t quiet_least_ms = 2000;
constexpr LedgerSeq ledgers_to_see = 2;
constexpr LedgerSeq ledgers_on_their_way = 3; // when a fault begins, at most
constexpr std::string_view disk_full_end = "exit code 71";

bool is_among(const std::vector<unsigned>& numbers, unsigned number) {
    return std::ranges::find(numbers, number) != numbers.end();
}

std::string range_text(LedgerSeq from, LedgerSeq to) {
    return std::to_string(from) + " to " + std::to_string(to);
}

class Watch {
public:
    Watch(const Prediction& prediction, std::int64_t quiet_for_ms)
        : prediction_(prediction), quiet_for_ms_(quiet_for_ms) {}

    void begin(const std::vector<NodeView>& views) {
        for (const NodeView& view : views) {
            base_ = std::max(base_, view.ledger);
        }
    }

    // True when there is nothing more to wait for.
    bool look(const Cluster& cluster, const std::vector<NodeView>& views) {
        for (const NodeView& view : views) {
            now_[view.node.number] = view;
        }
        bool done = look_at_processes(cluster);
        for (const PredictedSide& side : prediction_.sides) {
            const bool good = side.closes ? look_at_closing(side) : look_at_quiet(side);
            done = good && done;
        }
        return done || is_disproved();
    }

    void tell(Observation& out) const {
        tell_processes(out);
        for (const PredictedSide& side : prediction_.sides) {
            if (side.closes) {
                tell_closing(side, out);
            } else {
                tell_quiet(side, out);
            }
        }
        for (const unsigned number : prediction_.odd) {
            (odd_.contains(number) ? out.seen : out.wrong)
                .push_back(node_names({number}) +
                           (odd_.contains(number) ? " had another state than the others"
                                                  : " never had another state than the others"));
        }
    }

private:
    struct Quiet {
        std::map<unsigned, LedgerSeq> ledgers;
        std::int64_t since_ms = 0;
        bool good = false;
    };

    const NodeView* view(unsigned number) const {
        const auto found = now_.find(number);
        return found == now_.end() ? nullptr : &found->second;
    }

    // More ledgers than were on their way: no need to wait for what will not come.
    bool is_disproved() const {
        return std::ranges::any_of(prediction_.sides, [this](const PredictedSide& side) {
            return !side.closes && std::ranges::any_of(side.nodes, [this](unsigned number) {
                const NodeView* one = view(number);
                return one != nullptr && one->ledger > base_ + ledgers_on_their_way;
            });
        });
    }

    // Nodes that must be stopped, frozen or dead are.
    bool look_at_processes(const Cluster& cluster) {
        bool good = true;
        const auto is = [&cluster](unsigned number, NodeState state) {
            const ClusterNode* node = cluster.find(number);
            return node != nullptr && node->state == state;
        };
        for (const unsigned number : prediction_.paused) {
            good = good && is(number, NodeState::paused);
        }
        for (const unsigned number : prediction_.stopped) {
            good = good && (is(number, NodeState::stopped) || is(number, NodeState::failed));
        }
        for (const unsigned number : prediction_.dying) {
            good = good && (is(number, NodeState::failed) || !prediction_.dying_surely);
        }
        return good;
    }

    bool look_at_closing(const PredictedSide& side) {
        bool good = true;
        for (const unsigned number : side.nodes) {
            const NodeView* one = view(number);
            if (one == nullptr || is_among(prediction_.hung, number)) {
                continue;
            }
            const bool odd = is_among(prediction_.odd, number);
            if (odd && differs(side, *one)) {
                odd_.insert(number);
            }
            // One whose state is replaced all the time is behind most of the time.
            if (one->ledger >= base_ + ledgers_to_see && (one->synced || odd)) {
                reached_.insert(number);
            }
            good = good && reached_.contains(number) && (!odd || odd_.contains(number));
        }
        return good;
    }

    // After the same ledger, compared with one that is right.
    bool differs(const PredictedSide& side, const NodeView& one) const {
        return std::ranges::any_of(side.nodes, [&](unsigned number) {
            const NodeView* other = view(number);
            return other != nullptr && !is_among(prediction_.odd, number) && other->answers &&
                   !one.running_contract && !other->running_contract &&
                   one.last_run_ledger == other->last_run_ledger && !one.state_hash.empty() &&
                   one.state_hash != other->state_hash;
        });
    }

    // No ledger for a while; and without a quorum the nodes know it, too.
    bool look_at_quiet(const PredictedSide& side) {
        Quiet& quiet = quiet_[side.nodes.front()];
        std::map<unsigned, LedgerSeq> ledgers;
        bool aware = true;
        for (const unsigned number : side.nodes) {
            const NodeView* one = view(number);
            if (one != nullptr && one->answers) {
                ledgers[number] = one->ledger;
                aware = aware && (side.hangs || !one->synced);
            }
        }
        if (ledgers != quiet.ledgers || !aware || ledgers.size() != side.nodes.size()) {
            quiet.ledgers = std::move(ledgers);
            quiet.since_ms = now_mono_ms();
        }
        quiet.good = now_mono_ms() - quiet.since_ms >= quiet_for_ms_;
        return quiet.good;
    }

    void tell_processes(Observation& out) const {
        for (const unsigned number : prediction_.dying) {
            const NodeView* one = view(number);
            const bool ended = one != nullptr && one->node.end.has_value();
            const std::string what = ended ? "ended: " + one->node.end->what : "still runs";
            const bool good =
                ended ? one->node.end->what == disk_full_end : !prediction_.dying_surely;
            (good ? out.seen : out.wrong).push_back(node_names({number}) + " " + what);
        }
        for (const auto& [numbers, what] :
             {std::pair(&prediction_.stopped, "not running"), {&prediction_.paused, "frozen"}}) {
            for (const unsigned number : *numbers) {
                const NodeView* one = view(number);
                if (one != nullptr && one->answers) {
                    out.wrong.push_back(node_names({number}) + " answers, but should be " + what);
                }
            }
        }
    }

    void tell_closing(const PredictedSide& side, Observation& out) const {
        std::vector<unsigned> good;
        LedgerSeq last = base_;
        for (const unsigned number : side.nodes) {
            const NodeView* one = view(number);
            if (reached_.contains(number)) {
                good.push_back(number);
                last = std::max(last, one->ledger);
            } else if (one != nullptr && !is_among(prediction_.hung, number)) {
                out.wrong.push_back(one->node.name() +
                                    (one->answers ? " is " + one->vote_status + " at ledger " +
                                                        std::to_string(one->ledger) + ", after " +
                                                        std::to_string(base_)
                                                  : " does not answer") +
                                    (one->why_not.empty() ? "" : " (" + one->why_not + ")"));
            }
        }
        if (!good.empty()) {
            out.seen.push_back(node_names(good) + " closed ledgers " + range_text(base_ + 1, last));
        }
    }

    void tell_quiet(const PredictedSide& side, Observation& out) const {
        const auto found = quiet_.find(side.nodes.front());
        if (found != quiet_.end() && found->second.good) {
            out.seen.push_back(node_names(side.nodes) + " closed no ledger for " +
                               std::to_string(quiet_for_ms_) + " ms");
            return;
        }
        std::string ledgers;
        for (const unsigned number : side.nodes) {
            const NodeView* one = view(number);
            ledgers +=
                one == nullptr
                    ? ""
                    : ", " + one->node.name() + " " +
                          (one->answers ? one->vote_status + " at " + std::to_string(one->ledger)
                                        : std::string("silent"));
        }
        out.wrong.push_back(node_names(side.nodes) + " still close ledgers, after " +
                            std::to_string(base_) + ledgers);
    }

    const Prediction& prediction_;
    const std::int64_t quiet_for_ms_;
    LedgerSeq base_ = 0;
    std::map<unsigned, NodeView> now_;
    std::set<unsigned> reached_, odd_;
    std::map<unsigned, Quiet> quiet_; // by the first node of a side
};

} // namespace

std::int64_t quiet_ms(std::uint32_t roundtime_ms) {
    return std::max(quiet_least_ms, std::int64_t{quiet_rounds} * roundtime_ms);
}

std::int64_t patience_ms(const Cluster& cluster, const Prediction& prediction) {
    std::uint64_t ledger_ms = cluster.roundtime_ms;
    for (const PredictedSide& side : prediction.sides) {
        ledger_ms = std::max(ledger_ms, side.ledger_ms);
    }
    return patience_least_ms + static_cast<std::int64_t>(20 * ledger_ms + 60 * prediction.delay_ms);
}

Expected<Observation> observe(const fs::path& cluster_dir, const Prediction& prediction,
                              std::int64_t timeout_ms, const std::function<bool()>& stop) {
    Observation out;
    HP_DEV_TRY(Cluster cluster, load_cluster(cluster_dir));
    Watch watch(prediction, quiet_ms(cluster.roundtime_ms));
    // A ledger that was all but decided may still close.
    sleep_ms(2 * std::int64_t{cluster.roundtime_ms});
    watch.begin(view_nodes(cluster));
    const std::int64_t deadline_ms = now_mono_ms() + timeout_ms;
    for (;;) {
        HP_DEV_TRY(const Cluster now, load_cluster(cluster_dir));
        if (watch.look(now, view_nodes(now))) {
            break;
        }
        if (stop()) {
            out.interrupted = true;
            return out;
        }
        if (now_mono_ms() >= deadline_ms) {
            break;
        }
        sleep_ms(observe_again_ms);
    }
    watch.tell(out);
    return out;
}

} // namespace hp::dev
