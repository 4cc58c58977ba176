// SPDX-License-Identifier: Apache-2.0
#include "options.hpp"

#include <sstream>

#include "consensus/validators.hpp"
#include "random.hpp"

namespace hp::sim {
namespace {

// Checking them takes ten times as long as all the rest of a simulation.
constexpr double real_signatures_share = 0.02;

std::int64_t percent(Random& random, double chance, std::int64_t max) {
    return random.chance(chance) ? random.between(1, max) : 0;
}

void draw_network(Random& random, Options& out) {
    out.delay_us_max = random.between(500, random.chance(0.3) ? 150'000 : 20'000);
    out.loss_percent = percent(random, 0.5, 30);
    out.duplicate_percent = percent(random, 0.4, 30);
    out.late_percent = percent(random, 0.4, 20);
    out.encoded = random.chance(0.02);
}

void draw_lies(Random& random, Options& out) {
    for (std::size_t i = 0; i < lie_count; ++i) {
        if (!is_about_signatures(static_cast<Lie>(i)) && random.chance(0.15)) {
            out.lies.add(static_cast<Lie>(i));
        }
    }
    if (random.chance(0.5)) {
        out.lies.add(Lie::sign_all);
    }
}

} // namespace

const std::array<OptionName, 28>& option_names() {
    static constexpr std::int64_t day_ms = 24LL * 3600 * 1000;
    static constexpr std::int64_t any = 1'000'000'000'000'000;
    static const std::array<OptionName, 28> names{{
        {"seed", &Options::seed, any},
        {"nodes", &Options::nodes, 100},
        {"byzantine", &Options::byzantine, 100},
        {"threshold", &Options::threshold, 100},
        {"roundtime_ms", &Options::roundtime_ms, 3'600'000},
        {"eager", &Options::eager, 1},
        {"observers", &Options::observers, 20},
        {"fault_ms", &Options::fault_ms, day_ms},
        {"calm_ms", &Options::calm_ms, day_ms},
        {"delay_us_min", &Options::delay_us_min, any},
        {"delay_us_max", &Options::delay_us_max, any},
        {"loss_percent", &Options::loss_percent, 100},
        {"duplicate_percent", &Options::duplicate_percent, 100},
        {"late_percent", &Options::late_percent, 100},
        {"encoded", &Options::encoded, 1},
        {"real_signatures", &Options::real_signatures, 1},
        {"disk_us_max", &Options::disk_us_max, any},
        {"slow_disk_percent", &Options::slow_disk_percent, 100},
        {"crash_in_boot_percent", &Options::crash_in_boot_percent, 100},
        {"disk_failures_permille", &Options::disk_failures_permille, 1000},
        {"clock_offset_ms", &Options::clock_offset_ms, any},
        {"ledgers_kept", &Options::ledgers_kept, any},
        {"run_ms_max", &Options::run_ms_max, day_ms},
        {"differs_percent", &Options::differs_percent, 100},
        {"unl_changes_percent", &Options::unl_changes_percent, 100},
        {"offset_max", &Options::offset_max, 65535},
        {"user_input_bytes", &Options::user_input_bytes, any},
        {"inputs_per_minute", &Options::inputs_per_minute, 1'000'000},
    }};
    return names;
}

Options draw_options(std::uint64_t seed, std::int64_t nodes) {
    Random random(seed);
    Options out;
    out.seed = static_cast<std::int64_t>(seed);
    const std::vector<std::int64_t> sizes{1, 2, 3, 3, 4, 4, 4, 5, 5, 5, 5, 6, 7, 7, 10};
    const std::int64_t drawn = random.pick(sizes);
    out.nodes = nodes == 0 ? drawn : nodes;
    out.threshold = random.chance(0.7)
                        ? random.pick(std::vector<std::int64_t>{51, 60, 66, 67, 67, 80, 80, 100})
                        : random.between(51, 100);
    const auto quorum = static_cast<std::int64_t>(consensus::quorum(
        static_cast<std::size_t>(out.nodes), static_cast<unsigned>(out.threshold)));
    if (random.chance(0.5)) {
        out.byzantine = random.between(0, std::min(2 * quorum - out.nodes, out.nodes) - 1);
        draw_lies(random, out);
    }
    out.observers = random.chance(0.25) ? random.between(1, 2) : 0;
    out.roundtime_ms = random.pick(std::vector<std::int64_t>{500, 1000, 1000, 1000, 2000});
    out.fault_ms = 40 * out.roundtime_ms;
    out.calm_ms = 20 * out.roundtime_ms;
    out.eager = random.chance(0.5);
    draw_network(random, out);
    out.disk_us_max = random.between(300, 20'000);
    out.slow_disk_percent = percent(random, 0.3, 10);
    out.crash_in_boot_percent = percent(random, 0.3, 30);
    out.disk_failures_permille = percent(random, 0.2, 50);
    out.clock_offset_ms = random.chance(0.4) ? random.between(0, 3'600'000) : 0;
    out.ledgers_kept = random.chance(0.3) ? random.between(2, 8) : 0;
    out.run_ms_max = random.chance(0.2) ? out.roundtime_ms * 3 / 2 : random.between(1, 50);
    out.differs_percent = percent(random, 0.3, 30);
    out.unl_changes_percent = out.nodes > 2 ? percent(random, 0.25, 20) : 0;
    out.offset_max = random.pick(std::vector<std::int64_t>{0, 3, 10, 10, 10});
    out.user_input_bytes = random.chance(0.2) ? random.between(10, 60) : 0;
    out.inputs_per_minute = random.between(0, 20) * 30;
    out.real_signatures = random.chance(real_signatures_share);
    if (out.real_signatures && out.byzantine > 0) {
        out.lies.add(Lie::impersonate);
        out.lies.add(Lie::sign_ahead);
    }
    return out;
}

std::string to_text(const Options& options) {
    const Options usual;
    std::ostringstream out;
    for (const OptionName& option : option_names()) {
        if (const auto* flag = std::get_if<bool Options::*>(&option.member)) {
            out << (options.*(*flag) ? std::string(option.name) + "\n" : "");
        } else if (const auto member = std::get<0>(option.member);
                   options.*member != usual.*member || option.name == "nodes") {
            out << option.name << " " << options.*member << "\n";
        }
    }
    for (std::size_t i = 0; i < lie_count; ++i) {
        if (options.lies.has(static_cast<Lie>(i))) {
            out << "lie " << lie_names[i] << "\n";
        }
    }
    return out.str();
}

} // namespace hp::sim
