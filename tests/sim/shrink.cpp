// SPDX-License-Identifier: Apache-2.0
#include "shrink.hpp"

#include <algorithm>

namespace hp::sim {
namespace {

class Shrinker {
public:
    Shrinker(const Scenario& failing, const Sabotage& sabotage, std::size_t runs_max)
        : best_(failing), sabotage_(sabotage), runs_left_(runs_max) {}

    Scenario shrink() {
        const Outcome outcome = run(best_, sabotage_, nullptr);
        best_.violation = outcome.kind();
        ended_ms_ = outcome.ended_ms;
        cut_off_the_end();
        for (bool shorter = true; shorter && runs_left_ > 0;) {
            shorter = drop_actions();
            shorter = simplify_options() || shorter;
            shorter = drop_lies() || shorter;
        }
        return best_;
    }

    std::size_t runs_left() const { return runs_left_; }

private:
    bool accept(Scenario candidate) {
        if (runs_left_ == 0 || (candidate.options == best_.options &&
                                candidate.actions.size() == best_.actions.size())) {
            return false;
        }
        if (!parse_scenario(to_text(candidate))) {
            return false; // what happens would be about somebody who is no longer there
        }
        --runs_left_;
        const Outcome outcome = run(candidate, sabotage_, nullptr);
        if (!outcome.is_as_expected(candidate)) {
            return false;
        }
        ended_ms_ = outcome.ended_ms;
        best_ = std::move(candidate);
        return true;
    }

    // Nothing that comes after the violation matters.
    void cut_off_the_end() {
        Scenario candidate = best_;
        std::erase_if(candidate.actions,
                      [this](const Action& action) { return action.at_ms > ended_ms_; });
        accept(std::move(candidate));
    }

    // Large parts first, then smaller ones.
    bool drop_actions() {
        bool shorter = false;
        for (std::size_t part = best_.actions.size(); part > 0; part /= 2) {
            for (std::size_t from = 0; from < best_.actions.size();) {
                Scenario candidate = best_;
                const auto first = candidate.actions.begin() + static_cast<std::ptrdiff_t>(from);
                const std::size_t count = std::min(part, candidate.actions.size() - from);
                candidate.actions.erase(first, first + static_cast<std::ptrdiff_t>(count));
                if (accept(std::move(candidate))) {
                    shorter = true;
                } else {
                    from += part;
                }
            }
        }
        return shorter;
    }

    // Everything but the seed back to what is usual, or at least half of it.
    bool simplify_options() {
        const Options usual;
        bool simpler = false;
        for (const OptionName& option : option_names()) {
            if (option.name == "seed" || option.name == "nodes" || option.name == "threshold" ||
                option.name == "roundtime_ms") {
                continue;
            }
            Scenario candidate = best_;
            if (const auto* flag = std::get_if<bool Options::*>(&option.member)) {
                candidate.options.*(*flag) = usual.*(*flag);
                simpler = accept(std::move(candidate)) || simpler;
                continue;
            }
            const auto member = std::get<0>(option.member);
            const bool none = option.name == "inputs_per_minute";
            if (!none && best_.options.*member <= usual.*member) {
                continue;
            }
            candidate.options.*member = none ? 0 : usual.*member;
            if (accept(candidate)) {
                simpler = true;
                continue;
            }
            candidate.options.*member = best_.options.*member / 2;
            simpler = (option.name != "byzantine" && option.name != "observers" &&
                       best_.options.*member > 8 && accept(candidate)) ||
                      simpler;
        }
        return simpler;
    }

    bool drop_lies() {
        bool fewer = false;
        for (std::size_t i = 0; i < lie_count; ++i) {
            Scenario candidate = best_;
            candidate.options.lies.remove(static_cast<Lie>(i));
            fewer = accept(std::move(candidate)) || fewer;
        }
        return fewer;
    }

    Scenario best_;
    const Sabotage& sabotage_;
    std::size_t runs_left_;
    std::int64_t ended_ms_ = 0;
};

} // namespace

Shrunk shrink(const Scenario& failing, const Sabotage& sabotage, std::size_t runs_max) {
    Shrinker shrinker(failing, sabotage, runs_max);
    Scenario shortest = shrinker.shrink();
    return {std::move(shortest), runs_max - shrinker.runs_left()};
}

} // namespace hp::sim
