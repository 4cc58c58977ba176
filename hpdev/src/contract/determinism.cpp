// SPDX-License-Identifier: Apache-2.0
#include "contract/determinism.hpp"

#include <algorithm>

namespace hp::dev {
namespace {

// Ways to vary one thing that are tried before giving up.
constexpr std::uint64_t seeds_max = 3;

class Inquiry {
public:
    Inquiry(ContractRunner& runner, const ContractSource& source, const std::vector<RunOrder>& runs,
            const std::filesystem::path& root)
        : runner_(runner), source_(source), runs_(runs), root_(root) {}

    Result<ReplicaResult> vary_everything(std::size_t nodes);
    Result<ReplicaResult> repeat();
    Result<ReplicaResult> hear_late();
    Result<std::vector<Cause>> find_causes(bool uses_npl);

private:
    // One with everything held still, and one that varies `factor`, if any.
    Result<ReplicaResult> vary(std::optional<Factor> factor, std::uint64_t seed, bool uses_npl);
    Result<std::vector<Cause>> try_factors(std::uint64_t seed, bool uses_npl);
    Result<ReplicaResult> run(const ReplicaPlan& plan) {
        return run_replicas(runner_, source_, runs_, plan, root_);
    }

    ContractRunner& runner_;
    const ContractSource& source_;
    const std::vector<RunOrder>& runs_;
    const std::filesystem::path& root_;
};

Result<ReplicaResult> Inquiry::vary_everything(std::size_t nodes) {
    ReplicaPlan plan;
    plan.replicas.push_back(natural_conditions());
    for (std::size_t i = 1; i < nodes; ++i) {
        plan.replicas.push_back(everything_varied(i));
    }
    return run(plan);
}

Result<ReplicaResult> Inquiry::vary(std::optional<Factor> factor, std::uint64_t seed,
                                    bool uses_npl) {
    ReplicaPlan plan;
    plan.together = uses_npl;
    plan.numbered = uses_npl || factor == Factor::node;
    plan.replicas = {Conditions(), factor ? only_varied(*factor, seed) : Conditions()};
    if (!factor) {
        plan.replicas.emplace_back(); // once more: this one may be down to chance
    }
    return run(plan);
}

// Everybody hears itself before it hears the others.
Result<ReplicaResult> Inquiry::hear_late() {
    ReplicaPlan plan;
    plan.replicas = {only_varied(Factor::npl, 1), only_varied(Factor::npl, 3)};
    return run(plan);
}

// Alone, because whoever hears others cannot repeat a run in which they have had their say.
Result<ReplicaResult> Inquiry::repeat() {
    ReplicaPlan plan;
    plan.together = plan.numbered = false;
    plan.replicas = {natural_conditions(), only_varied(Factor::repeat, 1)};
    return run(plan);
}

Result<std::vector<Cause>> Inquiry::try_factors(std::uint64_t seed, bool uses_npl) {
    std::vector<Cause> out;
    for (const FactorInfo& one : varied_factors) {
        if (one.factor == Factor::npl) {
            continue; // is looked at first
        }
        HP_TRY(const ReplicaResult varied, vary(one.factor, seed, uses_npl));
        if (varied.divergence) {
            out.push_back(
                {one.factor, suspects_among(varied.calls, one.factor, source_.directory)});
        }
    }
    return out;
}

Result<std::vector<Cause>> Inquiry::find_causes(bool uses_npl) {
    HP_TRY(const ReplicaResult still, vary(std::nullopt, 0, uses_npl));
    const Cause unknown{Factor::other,
                        suspects_among(still.calls, Factor::other, source_.directory)};
    if (uses_npl) {
        HP_TRY(const ReplicaResult alone_at_first, hear_late());
        // As long as either is so, nothing can be said about anything else.
        if (still.divergence) {
            return std::vector<Cause>{{Factor::npl, {}}, unknown};
        }
        if (alone_at_first.divergence) {
            return std::vector<Cause>{{Factor::npl, {}}};
        }
    }
    for (std::uint64_t seed = 1; seed <= seeds_max && !still.divergence; ++seed) {
        HP_TRY(std::vector<Cause> found, try_factors(seed, uses_npl));
        if (!found.empty()) {
            return found;
        }
    }
    return std::vector<Cause>{unknown};
}

} // namespace

Result<std::optional<Disagreement>> find_disagreement(ContractRunner& runner,
                                                      const ContractSource& source,
                                                      const std::vector<RunOrder>& runs,
                                                      const DeterminismOptions& options,
                                                      const std::filesystem::path& root) {
    Inquiry inquiry(runner, source, runs, root);
    HP_TRY(ReplicaResult varied, inquiry.vary_everything(options.nodes));
    if (!varied.divergence && !varied.uses_npl) {
        HP_TRY(varied, inquiry.repeat());
    }
    if (!varied.divergence) {
        return std::optional<Disagreement>();
    }
    HP_TRY(std::vector<Cause> causes, inquiry.find_causes(varied.uses_npl));
    const bool all_allowed = std::ranges::all_of(
        causes, [&options](const Cause& cause) { return options.allowed.contains(cause.factor); });
    if (all_allowed) {
        return std::optional<Disagreement>();
    }
    return std::optional(Disagreement{std::move(*varied.divergence), std::move(causes)});
}

} // namespace hp::dev
