// SPDX-License-Identifier: Apache-2.0
// hpdev in the contract's place: it starts the contract as its child and decides what the contract
// sees of the machine. A plan says what: it is a file that an environment variable names, because
// arguments and environment are the contract's. Values; any thread.
#pragma once

#include "contract/bundle.hpp"
#include "contract/dry_run.hpp"
#include "hp/base/limits.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace hp::dev {

inline constexpr const char* trace_plan_variable = "HPDEV_TRACE_PLAN";
inline constexpr std::size_t trace_plan_bytes_max = 8 * limits::mib;

// Everything that is not set is as the machine has it.
struct TracePlan {
    enum class Directories : std::uint8_t { as_they_are, sorted, shuffled };

    std::vector<std::string> command; // program and arguments
    std::map<std::string, std::string> environment;
    bool wait_for_debugger = false; // then nothing else is done
    std::uint64_t seed = 0;
    bool pin_time = false;             // clocks begin at a fixed time and stand still...
    std::int64_t pinned_for_ms = 5000; // ... at first
    std::int64_t time_shift_s = 0;     // of the wall clock
    bool pin_random = false;           // the kernel's random bytes follow from `seed`
    bool pin_pid = false;
    bool fixed_addresses = false; // of stack, heap and libraries
    bool poison_stack = false;    // what was never written is not zero
    unsigned cpus = 0;            // that the contract sees; 0: those of the machine
    std::map<std::string, std::string> redirected; // files that are opened instead of others
    Directories directories = Directories::as_they_are;
    std::string host_name; // empty: the machine's
    unsigned umask = 022;
    std::string events_file; // what was called is written there at the end
};

// A suspicious call that the contract made.
struct TracedCall {
    std::string name;                   // of the system call
    std::string detail;                 // a path, a clock
    std::string program;                // file of the addresses
    std::vector<std::uint64_t> callers; // offsets in the file, innermost first
    std::uint64_t count = 0;
};

std::string encode_trace_plan(const TracePlan& plan);
Result<TracePlan> decode_trace_plan(ByteView text);

std::string encode_traced_call(const TracedCall& call); // one line
// Lines that are none are left out.
std::vector<TracedCall> read_traced_calls(const std::filesystem::path& file);

// Writes the plan to `file`.
Result<Wrapper> make_wrapper(const TracePlan& plan, const std::filesystem::path& file);

// The contract's own command.
TracePlan plan_for(const ContractSource& source);

// Lets the contract wait for a debugger, and says on stderr how to attach one.
Result<Wrapper> make_stopper(const ContractSource& source, const std::filesystem::path& scratch);

} // namespace hp::dev
