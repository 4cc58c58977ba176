// SPDX-License-Identifier: Apache-2.0
#include "benchmarks.hpp"
#include "hp/base/time.hpp"
#include "process_tree.hpp"

#include <chrono>
#include <thread>

namespace hp::bench {

Result<Report> measure_idle(const IdleOptions& options) {
    const SystemClock clock;
    HP_TRY(const TreeUse before, measure_tree(options.node_pid));
    const std::int64_t start_us = clock.now().mono_us;
    std::this_thread::sleep_for(std::chrono::seconds(options.seconds));
    HP_TRY(const TreeUse after, measure_tree(options.node_pid));
    const auto elapsed_us = static_cast<double>(clock.now().mono_us - start_us);

    Report out("idle");
    out.add("seconds", elapsed_us / 1e6);
    out.add("processes", std::uint64_t{after.processes});
    out.add("rss_kib", after.rss_kib);
    out.add("pss_kib", after.pss_kib);
    out.add("root_rss_kib", after.root_rss_kib);
    out.add("cpu_percent", static_cast<double>(after.cpu_us - before.cpu_us) * 100.0 / elapsed_us);
    return out;
}

} // namespace hp::bench
