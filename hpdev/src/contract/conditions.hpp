// SPDX-License-Identifier: Apache-2.0
// What differs between the machines that run a contract, as things that can be varied one by one
// or held still: how check finds out what a result depends on. Values; any thread.
#pragma once

#include "contract/trace_plan.hpp"

#include <array>
#include <optional>
#include <set>
#include <span>
#include <string_view>

namespace hp::dev {

enum class Factor : std::uint8_t {
    time,
    random,
    pid,
    addresses,
    memory,
    directory_order,
    file_times,
    host,
    cpus,
    time_zone,
    umask,
    path,
    node,
    repeat,
    npl,
    other, // cannot be held still; what is left when all others make no difference
};

struct FactorInfo {
    Factor factor;
    std::string_view name;    // as --allow takes it
    std::string_view meaning; // "the result depends on ..."
    std::string_view cure;
};

inline constexpr std::array factor_table = {
    FactorInfo{Factor::time, "time", "the machine's clock",
               "use the ledger's timestamp, which all nodes share"},
    FactorInfo{Factor::random, "random", "random numbers of the system",
               "derive them from the ledger's hash, or agree on them by NPL"},
    FactorInfo{Factor::pid, "pid", "numbers of processes", "leave them out of state and outputs"},
    FactorInfo{Factor::addresses, "addresses", "where things lie in memory",
               "do not order or print by address: pointers as keys, hashes of pointers"},
    FactorInfo{Factor::memory, "memory", "memory that was never written",
               "initialise every variable and buffer; a build with -fsanitize=memory finds it"},
    FactorInfo{Factor::directory_order, "directory-order", "the order in which directories list",
               "sort the names"},
    FactorInfo{Factor::file_times, "file-times", "times of files", "keep times in the files"},
    FactorInfo{Factor::host, "host", "the machine's name", "leave it out of state and outputs"},
    FactorInfo{Factor::cpus, "cpus", "the number of processors",
               "use a fixed number of threads, and join their results in a fixed order"},
    FactorInfo{Factor::time_zone, "time-zone", "the machine's time zone",
               "compute with UTC: gmtime, toISOString"},
    FactorInfo{Factor::umask, "umask", "the umask", "leave modes of files out of the result"},
    FactorInfo{Factor::path, "path", "where the node keeps its files",
               "use relative paths only, and do not print the directory"},
    FactorInfo{Factor::node, "node", "which node it is: its keys, when others were active",
               "keep it out of state and outputs, or agree on it by NPL"},
    FactorInfo{Factor::repeat, "repeat", "files beside the state that an earlier attempt has left",
               "a run may be repeated after a crash: keep what counts in the state"},
    FactorInfo{Factor::npl, "npl", "what other nodes say, and when it arrives",
               "wait for all or for a fixed time, sort what came by sender, decide by majority"},
    FactorInfo{Factor::other, "other",
               "something that cannot be held still: threads, random numbers of the processor "
               "(std::random_device), inode numbers",
               "see the calls below"},
};

constexpr const FactorInfo& info(Factor factor) {
    return factor_table[static_cast<std::size_t>(factor)];
}
std::optional<Factor> parse_factor(std::string_view name);

inline constexpr std::span<const FactorInfo> varied_factors =
    std::span(factor_table).first(static_cast<std::size_t>(Factor::other));

struct Conditions {
    bool natural = false;    // as on this machine, untraced; nothing else counts then
    std::set<Factor> varied; // with `seed`; all others are held still
    std::uint64_t seed = 0;

    bool varies(Factor factor) const { return varied.contains(factor); }
    // What other nodes say arrives after a while only.
    bool hears_late() const { return varies(Factor::npl) && seed % 2 == 1; }
};

Conditions natural_conditions();
Conditions everything_varied(std::uint64_t seed);
Conditions only_varied(Factor factor, std::uint64_t seed);

// For a run under these conditions.
TracePlan plan_for(const ContractSource& source, const Conditions& conditions);

} // namespace hp::dev
