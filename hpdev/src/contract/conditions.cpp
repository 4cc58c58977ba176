// SPDX-License-Identifier: Apache-2.0
#include "contract/conditions.hpp"

#include <algorithm>

namespace hp::dev {
namespace {

constexpr bool factors_are_in_order() {
    for (std::size_t i = 0; i < factor_table.size(); ++i) {
        if (static_cast<std::size_t>(factor_table[i].factor) != i) {
            return false;
        }
    }
    return true;
}
static_assert(factors_are_in_order());

// Other seconds, minutes, hours, days, months and years than now, in both directions.
constexpr std::array<std::int64_t, 6> time_shifts_s = {
    37 * 86'400 + 5 * 3600 + 61, -400 * 86'400 - 7,  3, 3600 * 11 + 59,
    -86'400 * 2 - 3600 * 3,      86'400 * 800 + 1234};

// In the form that needs no files: with half hours, and on both sides of the date line.
constexpr std::array<const char*, 5> time_zones = {"AAA-13", "BBB+9", "CCC-5:30", "DDD+3", "EEE-1"};

template <class List>
auto pick(const List& list, std::uint64_t seed) {
    return list[static_cast<std::size_t>(seed) % list.size()];
}

} // namespace

std::optional<Factor> parse_factor(std::string_view name) {
    const auto found = std::ranges::find(factor_table, name, &FactorInfo::name);
    return found == factor_table.end() ? std::nullopt : std::optional(found->factor);
}

Conditions natural_conditions() {
    Conditions out;
    out.natural = true;
    return out;
}

Conditions everything_varied(std::uint64_t seed) {
    Conditions out;
    out.seed = seed;
    for (const FactorInfo& one : varied_factors) {
        out.varied.insert(one.factor);
    }
    return out;
}

Conditions only_varied(Factor factor, std::uint64_t seed) {
    Conditions out;
    out.seed = seed;
    out.varied.insert(factor);
    return out;
}

TracePlan plan_for(const ContractSource& source, const Conditions& conditions) {
    const auto varies = [&](Factor factor) { return conditions.varies(factor); };
    const std::uint64_t seed = conditions.seed;
    TracePlan plan = plan_for(source);
    plan.seed = seed;
    plan.pin_time = !varies(Factor::time);
    plan.time_shift_s = varies(Factor::time) ? pick(time_shifts_s, seed) : 0;
    plan.pin_random = !varies(Factor::random);
    if (plan.pin_random) {
        plan.seed = 0; // the same bytes for everybody
    }
    plan.pin_pid = !varies(Factor::pid);
    plan.fixed_addresses = !varies(Factor::addresses);
    plan.poison_stack = varies(Factor::memory);
    plan.cpus = varies(Factor::cpus) ? 2 + static_cast<unsigned>(seed % 7) : 1;
    plan.directories = varies(Factor::directory_order) ? TracePlan::Directories::shuffled
                                                       : TracePlan::Directories::sorted;
    plan.host_name = varies(Factor::host) ? "node-" + std::to_string(seed) : "node";
    plan.umask = varies(Factor::umask) ? 027 : 022;
    // What the contract's configuration says itself stays.
    plan.environment.emplace("TZ", varies(Factor::time_zone) ? pick(time_zones, seed) : "UTC0");
    plan.environment.emplace("MALLOC_PERTURB_",
                             varies(Factor::memory) ? std::to_string(37 + seed * 41 % 200) : "1");
    return plan;
}

} // namespace hp::dev
