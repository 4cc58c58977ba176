// SPDX-License-Identifier: Apache-2.0
// The faults of a seed ("swarm" testing: most seeds have only some kinds, so that each gets its
// chance), as a list that can be shortened.
#include <algorithm>

#include "random.hpp"
#include "scenario.hpp"

namespace hp::sim {
namespace {

class Draw {
public:
    Draw(std::uint64_t seed, std::int64_t nodes) : random_(seed ^ 0x5CE1A510) {
        out_.options = draw_options(seed, nodes);
        members_ = static_cast<std::size_t>(out_.options.nodes);
        everybody_ = members_ + static_cast<std::size_t>(out_.options.observers);
    }

    Scenario draw() {
        if (random_.chance(0.5)) {
            draw_partitions();
        }
        if (random_.chance(0.6)) {
            draw_crashes();
        }
        if (random_.chance(0.3)) {
            draw_traps();
        }
        // A node put back while its clock is, too, cannot know that it has been there before.
        const bool restored =
            std::any_of(out_.actions.begin(), out_.actions.end(), [](const Action& action) {
                return action.verb == Verb::restore || action.verb == Verb::spoil_log;
            });
        if (random_.chance(0.3) && !restored) {
            draw_clocks();
        }
        if (random_.chance(0.3)) {
            draw_links();
        }
        if (random_.chance(0.2)) {
            draw_disks();
        }
        draw_twins();
        std::stable_sort(out_.actions.begin(), out_.actions.end(),
                         [](const Action& a, const Action& b) { return a.at_ms < b.at_ms; });
        return std::move(out_);
    }

private:
    std::int64_t round_ms() const { return out_.options.roundtime_ms; }
    std::int64_t some_time() { return random_.between(0, out_.options.fault_ms - 1); }
    Nodes one() { return {random_.below(everybody_)}; }
    Nodes some(double share) {
        Nodes out;
        for (std::size_t i = 0; i < everybody_; ++i) {
            if (random_.chance(share)) {
                out.push_back(i);
            }
        }
        return out.empty() ? one() : out;
    }
    Nodes all() const {
        Nodes out(everybody_);
        for (std::size_t i = 0; i < everybody_; ++i) {
            out[i] = i;
        }
        return out;
    }
    Action& add(std::int64_t at_ms, Verb verb) {
        Action action;
        action.at_ms = at_ms;
        action.verb = verb;
        return out_.actions.emplace_back(std::move(action));
    }

    void draw_partitions() {
        const bool one_way = random_.chance(0.3);
        for (std::int64_t ms = 0; ms < out_.options.fault_ms;
             ms += random_.between(500, 5 * round_ms())) {
            add(ms, Verb::heal);
            if (random_.chance(0.3)) {
                continue;
            }
            const Nodes side = some(random_.chance(0.5) ? 0.5 : 0.2);
            Nodes rest = all();
            std::erase_if(rest, [&side](std::size_t node) {
                return std::find(side.begin(), side.end(), node) != side.end();
            });
            if (rest.empty()) {
                continue;
            }
            if (one_way) {
                Action& cut = add(ms, Verb::cut);
                cut.from = side;
                cut.to = rest;
            } else {
                add(ms, Verb::split).groups = {side, rest};
            }
        }
    }

    void draw_crashes() {
        const bool together = random_.chance(0.3);
        // Without changes of the members: who is needed to go on must be known.
        const bool spoil =
            out_.options.unl_changes_percent == 0 && everybody_ > 1 && random_.chance(0.3);
        const std::int64_t count = random_.between(1, 6 * static_cast<std::int64_t>(everybody_));
        for (std::int64_t i = 0; i < count; ++i) {
            const std::int64_t at_ms = some_time();
            const Nodes who = together && random_.chance(0.2) ? all() : one();
            add(at_ms, Verb::crash).from = who;
            if (spoil && random_.chance(0.2)) {
                const std::vector<Verb> how{Verb::spoil_log, Verb::spoil_log, Verb::backup,
                                            Verb::backup, Verb::restore};
                Verb verb = random_.pick(how);
                if (verb == Verb::restore && out_.options.nodes == 1) {
                    verb = Verb::backup; // nobody votes against what it decides a second time
                }
                add(at_ms, verb).from = {random_.pick(who)};
            }
            for (const std::size_t node : who) {
                add(at_ms + random_.between(1, 5'000), Verb::start).from = {node};
            }
        }
    }

    void draw_traps() {
        const std::vector<std::string> records{"any",     "prepared",    "committed",
                                               "skipped", "certificate", "ledger"};
        const std::vector<std::string> moments{"before", "during", "after"};
        const std::vector<std::string> messages{"open", "result", "propose", "prepare", "commit"};
        for (std::int64_t i = random_.between(1, 15); i > 0; --i) {
            const bool writing = random_.chance(0.7);
            Action& trap = add(some_time(), writing ? Verb::crash_writing : Verb::crash_sending);
            trap.from = random_.chance(0.5) ? all() : one();
            trap.word = random_.pick(writing ? records : messages);
            trap.moment = writing ? random_.pick(moments) : "";
            trap.number_max = writing ? 0 : random_.between(0, out_.options.nodes);
            trap.number = random_.between(1, 3'000);
        }
    }

    void draw_clocks() {
        for (std::int64_t i = random_.between(1, 10); i > 0; --i) {
            const bool drift = random_.chance(0.3);
            Action& action = add(some_time(), drift ? Verb::drift : Verb::clock);
            action.from = one();
            action.number =
                drift ? random_.between(-10'000, 10'000) : random_.between(-3'600'000, 3'600'000);
        }
    }

    void draw_links() {
        const std::vector<std::string> messages{"any",    "open", "propose",     "prepare",
                                                "commit", "skip", "certificate", "ledger"};
        for (std::int64_t i = random_.between(1, 8); i > 0; --i) {
            const std::int64_t what = random_.between(0, 2);
            Action& action = add(some_time(), what == 0   ? Verb::delay
                                              : what == 1 ? Verb::hold
                                                          : Verb::lose);
            action.from = some(0.5);
            action.to = some(0.3);
            action.word = what == 0 ? "" : random_.pick(messages);
            action.number = random_.between(1, what == 0 ? round_ms() : 5 * round_ms());
        }
    }

    void draw_disks() {
        const Nodes who = random_.chance(0.2) ? all() : one();
        const std::int64_t at_ms = some_time();
        const bool full = random_.chance(0.5);
        Action& action = add(at_ms, full ? Verb::disk_full : Verb::disk_slow);
        action.from = who;
        action.number = full ? 0 : random_.between(1, 500);
        add(at_ms + random_.between(100, 10 * round_ms()), Verb::disk_ok).from = who;
    }

    // Whom each half of a Byzantine member talks to.
    void draw_twins() {
        for (std::int64_t ms = 0; out_.options.byzantine > 0 && ms < out_.options.fault_ms;
             ms += random_.between(500, 5 * round_ms())) {
            for (std::int64_t member = 0; member < out_.options.byzantine; ++member) {
                for (const std::size_t half : {0UL, 1UL}) {
                    Action& action = add(ms, Verb::hear);
                    action.twin = {static_cast<std::size_t>(member), half};
                    action.to = some(0.7);
                }
            }
        }
    }

    Scenario out_;
    Random random_;
    std::size_t members_ = 0;
    std::size_t everybody_ = 0;
};

} // namespace

Scenario draw_scenario(std::uint64_t seed, std::int64_t nodes) {
    return Draw(seed, nodes).draw();
}

} // namespace hp::sim
