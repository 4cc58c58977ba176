// SPDX-License-Identifier: Apache-2.0
#include "scenario/runner.hpp"

#include "chaos/chaos_control.hpp"
#include "clock.hpp"
#include "cluster/control.hpp"
#include "cluster/node_view.hpp"
#include "cluster/places.hpp"

#include <algorithm>
#include <map>

namespace hp::dev {
namespace {

constexpr std::int64_t look_again_ms = 40;
constexpr std::int64_t answer_timeout_ms = 20'000;
constexpr std::int64_t ledger_wait_ms = 60'000; // for a ledger that a step waits for
constexpr std::int64_t within_least_ms = 30'000;

bool has(const std::vector<unsigned>& numbers, unsigned number) {
    return std::ranges::find(numbers, number) != numbers.end();
}

LedgerSeq newest_of(const std::vector<NodeView>& views) {
    LedgerSeq out = 0;
    for (const NodeView& view : views) {
        out = std::max(out, view.ledger);
    }
    return out;
}

// Empty when they hold the same after the same ledger.
std::string unequal(const std::vector<NodeView>& views) {
    const NodeView* first = nullptr;
    for (const NodeView& view : views) {
        if (view.node.state != NodeState::running) {
            continue;
        }
        if (!view.answers || view.running_contract || view.last_run_ledger != view.ledger) {
            return view.node.name() + " has not run its last ledger yet";
        }
        first = first == nullptr ? &view : first;
        if (view.ledger != first->ledger) {
            return view.node.name() + " is at ledger " + std::to_string(view.ledger) + ", " +
                   first->node.name() + " at " + std::to_string(first->ledger);
        }
        if (view.state_hash != first->state_hash) {
            return view.node.name() + " holds another state than " + first->node.name() +
                   " after ledger " + std::to_string(view.ledger);
        }
    }
    return first == nullptr ? "no node runs" : "";
}

class Run {
public:
    Run(const Scenario& scenario, const ScenarioPlaces& places, const std::function<bool()>& stop,
        std::vector<std::string> target)
        : scenario_(scenario), places_(places), stop_(stop), target_(std::move(target)),
          load_(scenario.load, places.root, places.scratch, target_) {}

    Expected<ScenarioReport> all(const std::function<void(const StepReport&)>& on_step) {
        step_ms_ = start_ms_;
        HP_DEV_TRY(step_ledger_, ledger());
        Done done;
        for (const ScenarioStep& step : scenario_.steps) {
            done = one(step);
            if (!done || out_.interrupted) {
                break;
            }
            on_step(out_.steps.back());
            if (!out_.steps.back().passed) {
                break;
            }
        }
        const Done undone = undo();
        HP_DEV_TRY_STATUS(done);
        HP_DEV_TRY_STATUS(undone);
        if (!out_.interrupted && out_.failed() == nullptr && !scenario_.load.empty()) {
            HP_DEV_TRY_STATUS(load_.finish());
            judge_load(on_step);
        }
        out_.load = load_.count();
        out_.elapsed_ms = now_mono_ms() - start_ms_;
        return std::move(out_);
    }

private:
    struct Timed {
        unsigned id = 0;
        std::int64_t end_ms = 0;
    };

    Expected<std::vector<NodeView>> views() const {
        HP_DEV_TRY(const Cluster cluster, load_cluster(places_.cluster));
        return view_nodes(cluster);
    }
    Expected<LedgerSeq> ledger() const {
        HP_DEV_TRY(const std::vector<NodeView> now, views());
        return newest_of(now);
    }

    // Everything that goes on while somebody waits. False: the run ends.
    Expected<bool> tick() {
        HP_DEV_TRY_STATUS(load_.tick());
        for (std::size_t i = 0; i < timed_.size();) {
            if (now_mono_ms() < timed_[i].end_ms) {
                ++i;
                continue;
            }
            HP_DEV_TRY_STATUS(end({timed_[i].id}));
            timed_.erase(timed_.begin() + static_cast<std::ptrdiff_t>(i));
        }
        out_.interrupted = out_.interrupted || stop_();
        return !out_.interrupted;
    }

    // Faults that are over already are nobody's any more.
    Done end(const std::vector<unsigned>& ids) {
        HP_DEV_TRY(const Cluster cluster, load_cluster(places_.cluster));
        HP_DEV_TRY(const ChaosRecord record, load_chaos(cluster));
        std::vector<unsigned> there;
        for (const unsigned id : ids) {
            if (std::ranges::find(record.faults, id, &ClusterFault::id) != record.faults.end()) {
                there.push_back(id);
            }
        }
        if (!there.empty()) {
            HP_DEV_TRY_STATUS(end_faults(places_.cluster, there));
        }
        return {};
    }

    Done undo() { return end(begun_); }

    // When the step is due. A ledger that does not come fails it.
    Expected<bool> wait_for(const ScenarioTime& at) {
        const std::int64_t due_ms = (at.relative ? step_ms_ : start_ms_) + at.value;
        const LedgerSeq due = (at.relative ? step_ledger_ : 0) + static_cast<LedgerSeq>(at.value);
        const std::int64_t deadline_ms = now_mono_ms() + ledger_wait_ms;
        for (;;) {
            HP_DEV_TRY(const LedgerSeq now, ledger());
            if (at.ledgers ? now >= due : now_mono_ms() >= due_ms) {
                return true;
            }
            if (at.ledgers && now_mono_ms() >= deadline_ms) {
                said_ = "ledger " + std::to_string(due) + " did not close, the last one is " +
                        std::to_string(now);
                return false;
            }
            HP_DEV_TRY(const bool goes_on, tick());
            if (!goes_on) {
                return false;
            }
            sleep_ms(look_again_ms);
        }
    }

    Done one(const ScenarioStep& step) {
        StepReport report{step.line, 0, 0, step.text, {}, true};
        said_.clear();
        HP_DEV_TRY(report.passed, wait_for(step.at));
        step_ms_ = now_mono_ms();
        HP_DEV_TRY(step_ledger_, ledger());
        report.at_ms = step_ms_ - start_ms_;
        report.ledger = step_ledger_;
        if (report.passed && step.expect) {
            HP_DEV_TRY(report.passed, expect(*step.expect));
        } else if (report.passed) {
            HP_DEV_TRY(report.passed, act(step));
        }
        report.said = said_;
        out_.steps.push_back(std::move(report));
        return {};
    }

    // --- what is done ----------------------------------------------------------------------------

    Expected<bool> act(const ScenarioStep& step) {
        const std::string& verb = step.words.front();
        HP_DEV_TRY(const Cluster cluster, load_cluster(places_.cluster));
        if (verb == "heal" || verb == "clear") {
            HP_DEV_TRY_STATUS(take_back(cluster, verb == "clear"));
            return true;
        }
        if (verb == "run") {
            return run_script(step.words[1]);
        }
        if (verb == "start" || verb == "stop" || verb == "restart") {
            HP_DEV_TRY(const std::vector<unsigned> numbers, parse_nodes(cluster, step.words[1]));
            HP_DEV_TRY_STATUS(control(cluster, {{"verb", "node." + verb}, {"nodes", numbers}},
                                      answer_timeout_ms));
            return true;
        }
        HP_DEV_TRY(ClusterFault fault, parse_fault(cluster, step.words));
        fault.until_ms = step.for_ms == 0 ? 0 : now_wall_ms() + step.for_ms;
        HP_DEV_TRY(fault, begin_fault(places_.cluster, fault));
        begun_.push_back(fault.id);
        if (step.for_ms != 0) {
            timed_.push_back({fault.id, now_mono_ms() + step.for_ms});
        }
        HP_DEV_TRY(const Prediction prediction, predicted());
        said_ = prediction_text(prediction);
        return true;
    }

    Done take_back(const Cluster& cluster, bool all) {
        HP_DEV_TRY(const ChaosRecord record, load_chaos(cluster));
        std::vector<unsigned> ids;
        for (const ClusterFault& fault : record.faults) {
            if (all || fault.kind == FaultKind::link || fault.kind == FaultKind::partition) {
                ids.push_back(fault.id);
                said_ += (said_.empty() ? "" : "; ") + fault_text(fault);
            }
        }
        return end(ids);
    }

    Expected<bool> run_script(const std::string& script) {
        HP_DEV_TRY(const auto problem, run_hpcli_script(script, places_.root, target_));
        said_ = problem.value_or("passed");
        return !problem.has_value();
    }

    Expected<Prediction> predicted() const {
        HP_DEV_TRY(const Cluster cluster, load_cluster(places_.cluster));
        HP_DEV_TRY(const ChaosRecord record, load_chaos(cluster));
        return predict(cluster, record.faults);
    }

    // --- what is expected ------------------------------------------------------------------------

    Expected<bool> expect(const ScenarioExpect& expect) {
        using Kind = ScenarioExpect::Kind;
        HP_DEV_TRY(const Cluster cluster, load_cluster(places_.cluster));
        std::vector<unsigned> numbers;
        HP_DEV_TRY(numbers, parse_nodes(cluster, expect.nodes));
        switch (expect.kind) {
        case Kind::predicted:
            return expect_predicted(cluster);
        case Kind::quiet:
            return expect_quiet(cluster, expect, numbers);
        case Kind::script:
            return run_script(expect.word);
        case Kind::one_fate:
            return expect_one_fate();
        default:
            return expect_soon(cluster, expect, numbers);
        }
    }

    Expected<bool> expect_predicted(const Cluster& cluster) {
        HP_DEV_TRY(const Prediction prediction, predicted());
        if (!prediction.doubt.empty()) {
            said_ = "nothing is predicted: " + prediction.doubt;
            return false;
        }
        std::optional<cli::Failure> problem;
        HP_DEV_TRY(const Observation seen,
                   observe(places_.cluster, prediction, patience_ms(cluster, prediction), [&] {
                       const auto goes_on = tick();
                       problem = goes_on ? std::nullopt : std::optional(goes_on.error());
                       return problem || !*goes_on;
                   }));
        if (problem) {
            return tl::unexpected(std::move(*problem));
        }
        for (const std::string& line : seen.wrong.empty() ? seen.seen : seen.wrong) {
            said_ += (said_.empty() ? "" : "; ") + line;
        }
        return seen.wrong.empty() && !seen.interrupted;
    }

    Expected<bool> expect_quiet(const Cluster& cluster, const ScenarioExpect& expect,
                                const std::vector<unsigned>& numbers) {
        const std::int64_t wanted_ms =
            expect.within.value != 0 ? expect.within.value : quiet_ms(cluster.roundtime_ms);
        // One may have been all but decided.
        const std::int64_t settled_ms = now_mono_ms() + 2 * std::int64_t{cluster.roundtime_ms};
        LedgerSeq base = 0;
        for (;;) {
            HP_DEV_TRY(const std::vector<NodeView> all, views());
            LedgerSeq now = 0;
            for (const NodeView& view : all) {
                now = has(numbers, view.node.number) ? std::max(now, view.ledger) : now;
            }
            base = now_mono_ms() < settled_ms ? now : base;
            if (now > base && now_mono_ms() >= settled_ms) {
                said_ = "ledger " + std::to_string(now) + " closed";
                return false;
            }
            if (now_mono_ms() >= settled_ms + wanted_ms) {
                said_ = "none after " + std::to_string(base);
                return true;
            }
            HP_DEV_TRY(const bool goes_on, tick());
            if (!goes_on) {
                return false;
            }
            sleep_ms(look_again_ms);
        }
    }

    // What is still missing; empty when it is as expected.
    std::string missing(const ScenarioExpect& expect, const std::vector<unsigned>& numbers,
                        const std::vector<NodeView>& all, LedgerSeq base) const {
        using Kind = ScenarioExpect::Kind;
        if (expect.kind == Kind::equal_states) {
            return unequal(all);
        }
        for (const NodeView& view : all) {
            if (!has(numbers, view.node.number)) {
                continue;
            }
            const std::string state(to_string(view.node.state));
            if (expect.kind == Kind::node_state && state != expect.word) {
                return view.node.name() + " is " + state;
            }
            if (expect.kind == Kind::synced && !(view.synced && view.ledger > 0)) {
                return view.node.name() + " is " +
                       (view.answers
                            ? view.vote_status + " at ledger " + std::to_string(view.ledger)
                            : state);
            }
            if (expect.kind == Kind::closes && view.ledger < base + 2) {
                return view.node.name() + " is at ledger " + std::to_string(view.ledger) +
                       ", after " + std::to_string(base);
            }
        }
        return "";
    }

    // True once it holds; it has ledgers or time to become so.
    Expected<bool> expect_soon(const Cluster& cluster, const ScenarioExpect& expect,
                               const std::vector<unsigned>& numbers) {
        HP_DEV_TRY(const LedgerSeq base, ledger());
        const bool counts_ledgers = expect.within.ledgers;
        const std::int64_t deadline_ms =
            now_mono_ms() +
            (counts_ledgers
                 ? within_least_ms + 2 * expect.within.value * std::int64_t{cluster.roundtime_ms}
                 : expect.within.value);
        for (;;) {
            HP_DEV_TRY(const std::vector<NodeView> all, views());
            said_ = missing(expect, numbers, all, base);
            if (said_.empty()) {
                said_ = "after " + std::to_string(newest_of(all) - base) + " ledgers";
                return true;
            }
            const bool late = counts_ledgers && expect.kind != ScenarioExpect::Kind::closes &&
                              newest_of(all) > base + static_cast<LedgerSeq>(expect.within.value);
            if (late || now_mono_ms() >= deadline_ms) {
                return false;
            }
            HP_DEV_TRY(const bool goes_on, tick());
            if (!goes_on) {
                return false;
            }
            sleep_ms(look_again_ms);
        }
    }

    Expected<bool> expect_one_fate() {
        HP_DEV_TRY_STATUS(load_.finish());
        const LoadCount& count = load_.count();
        said_ = std::to_string(count.inputs) + " inputs: " + std::to_string(count.accepted) +
                " accepted, " + std::to_string(count.rejected) + " rejected, " +
                std::to_string(count.unknown) + " without a word" +
                (count.first_failure.empty() ? "" : "; " + count.first_failure);
        return count.failed == 0 && count.inputs > 0 && count.unknown == 0 &&
               count.accepted + count.rejected == count.inputs;
    }

    // Scripts have expectations of their own: one that fails is the scenario's failure.
    void judge_load(const std::function<void(const StepReport&)>& on_step) {
        const LoadCount& count = load_.count();
        StepReport report;
        report.at_ms = now_mono_ms() - start_ms_;
        report.what = "[load] " + (scenario_.load.script.empty() ? scenario_.load.input
                                                                 : scenario_.load.script);
        report.passed = count.failed == 0;
        report.said = std::to_string(count.runs) + " runs, " + std::to_string(count.failed) +
                      " failed" + (count.first_failure.empty() ? "" : ": " + count.first_failure);
        out_.steps.push_back(report);
        on_step(report);
    }

    const Scenario& scenario_;
    const ScenarioPlaces& places_;
    const std::function<bool()>& stop_;
    const std::vector<std::string> target_;
    ScenarioLoader load_;
    ScenarioReport out_;
    const std::int64_t start_ms_ = now_mono_ms();
    std::int64_t step_ms_ = 0;
    LedgerSeq step_ledger_ = 0;
    std::string said_;
    std::vector<unsigned> begun_;
    std::vector<Timed> timed_;
};

} // namespace

Expected<ScenarioReport> run_scenario(const Scenario& scenario, const ScenarioPlaces& places,
                                      const std::function<void(const StepReport&)>& on_step,
                                      const std::function<bool()>& stop) {
    HP_DEV_TRY(const Cluster cluster, load_cluster(places.cluster));
    return Run(scenario, places, stop, hpcli_target(cluster)).all(on_step);
}

} // namespace hp::dev
