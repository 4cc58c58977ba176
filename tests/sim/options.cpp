// SPDX-License-Identifier: Apache-2.0
#include "options.hpp"

#include <sstream>

#include "consensus/validators.hpp"

namespace hp::sim {
namespace {

void draw_network(Random& random, Options& out) {
    out.delay_us_max = random.between(500, random.chance(0.3) ? 150'000 : 20'000);
    if (random.chance(0.5)) {
        out.loss = static_cast<double>(random.between(0, 30)) / 100;
    }
    if (random.chance(0.4)) {
        out.duplicate = static_cast<double>(random.between(0, 30)) / 100;
    }
    if (random.chance(0.4)) {
        out.slow_message = static_cast<double>(random.between(1, 20)) / 100;
    }
    out.partitions = random.chance(0.5);
    out.one_way = random.chance(0.3);
}

void draw_nodes(Random& random, Options& out) {
    if (random.chance(0.6)) {
        out.crashes_per_minute = static_cast<double>(random.between(1, 12)) / 2;
        out.crash_all = random.chance(0.3);
    }
    out.disk_us_max = random.between(300, 20'000);
    if (random.chance(0.3)) {
        out.slow_disk = static_cast<double>(random.between(1, 10)) / 100;
    }
    if (random.chance(0.4)) {
        out.clock_offset_ms = random.between(0, 3'600'000);
    }
}

} // namespace

Options draw_options(std::uint64_t seed, std::size_t nodes) {
    Random random(seed);
    Options out;
    out.seed = seed;
    const std::vector<std::size_t> sizes{1, 2, 3, 3, 4, 4, 4, 5, 5, 5, 5, 6, 7, 7, 10};
    const std::size_t drawn = random.pick(sizes);
    out.nodes = nodes == 0 ? drawn : nodes;
    out.threshold = random.pick(std::vector<unsigned>{51, 60, 66, 67, 67, 80, 80, 80, 100});
    const std::size_t quorum = consensus::quorum(out.nodes, out.threshold);
    const std::size_t byzantine_max = 2 * quorum - out.nodes - 1;
    if (random.chance(0.5)) {
        out.byzantine = std::min(byzantine_max, out.nodes - 1);
        out.byzantine = out.byzantine == 0 ? 0 : random.below(out.byzantine + 1);
    }
    out.roundtime_ms = random.pick(std::vector<std::int64_t>{500, 1000, 1000, 1000, 2000});
    out.eager = random.chance(0.5);
    draw_network(random, out);
    draw_nodes(random, out);
    out.run_ms_max = random.chance(0.2) ? out.roundtime_ms * 3 / 2 : random.between(1, 50);
    if (random.chance(0.3)) {
        out.differs = static_cast<double>(random.between(1, 30)) / 100;
    }
    if (out.nodes > 2 && random.chance(0.25)) {
        out.unl_changes = static_cast<double>(random.between(1, 20)) / 100;
    }
    out.inputs_per_second = static_cast<double>(random.between(0, 20)) / 2;
    return out;
}

std::string Options::describe() const {
    std::ostringstream out;
    out << "nodes " << nodes << " byzantine " << byzantine << " threshold " << threshold
        << " roundtime_ms " << roundtime_ms << (eager ? " eager" : " paced") << " delay_us "
        << delay_us_min << ".." << delay_us_max << " loss " << loss << " duplicate " << duplicate
        << " slow_message " << slow_message << (partitions ? " partitions" : "")
        << (one_way ? " one_way" : "") << " crashes_per_minute " << crashes_per_minute
        << (crash_all ? " crash_all" : "") << " disk_us_max " << disk_us_max << " slow_disk "
        << slow_disk << " clock_offset_ms " << clock_offset_ms << " run_ms_max " << run_ms_max
        << " differs " << differs << " unl_changes " << unl_changes << " inputs_per_second "
        << inputs_per_second;
    return out.str();
}

} // namespace hp::sim
