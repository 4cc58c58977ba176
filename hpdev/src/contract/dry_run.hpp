// SPDX-License-Identifier: Apache-2.0
// One run of a contract without any node: the node's own layers start the process, give it the
// document and the channels, and hash the state before and after. What goes in is a RunOrder and a
// seed directory (state/ and what is private beside it), what comes out a RunOutcome; the seed
// directory is then as the run has left it.
//
// Thread rule: ContractRunner::start() while the program has one thread; run() from any thread.
#pragma once

#include "contract/bundle.hpp"
#include "contract/launcher.hpp"
#include "contract/npl_links.hpp"
#include "contract/run.hpp"
#include "contract/stop_source.hpp"
#include "state/tree.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace hp::dev {

struct OrderUser {
    std::string name;
    std::vector<Bytes> inputs;
};

struct OrderNpl {
    std::size_t from = 1; // number of a node
    Bytes message;
};

inline constexpr TimeMs first_ledger_ms = 1'767'225'600'000; // 2026-01-01T00:00:00Z
inline constexpr TimeMs ledger_interval_ms = 1000;

struct RunOrder {
    bool readonly = false;
    std::vector<OrderUser> users; // of one name once; a read request has one with one input
    LedgerSeq seq = 1;
    TimeMs time_ms = first_ledger_ms;
    std::optional<Hash32> ledger_hash; // absent: one that follows from seq
    std::size_t node = 1;              // who runs it
    std::size_t unl = 3;               // nodes 1 to this one
    TimeMs active_on = first_ledger_ms;
    std::vector<OrderNpl> npl; // what other nodes say, there from the start
};

struct StateChange {
    enum class Kind : std::uint8_t { added, changed, removed };
    Kind kind = Kind::changed;
    std::string path; // "state/total.txt", "patch.cfg"
    std::uint64_t bytes_before = 0, bytes_after = 0;
};

struct RunOutcome {
    contract::RunResult result;
    std::string printed, complained; // stdout and stderr
    std::vector<StateChange> changes;
    state::Trees before, after;
    std::vector<Bytes> npl; // what it said to other nodes
};

// A program in the contract's place, which is to start it (trace_plan.hpp).
struct Wrapper {
    std::string program;
    std::map<std::string, std::string> environment; // instead of the contract's
};

struct RunPlace {
    std::filesystem::path seed;
    std::filesystem::path logs;       // a directory for this run alone; empty: nothing is captured
    const Wrapper* wrapper = nullptr; // then outside of any sandbox
    bool free = false;                // outside of any sandbox, without a limit of time
    NplLinks* links = nullptr;        // to runs of other nodes
};

std::string_view to_string(StateChange::Kind kind);

class ContractRunner {
public:
    // `root`: everything runs work on lies below it.
    static Result<std::unique_ptr<ContractRunner>> start(const std::filesystem::path& root,
                                                         config::Sandbox sandbox);

    // An error: this machine could not run it. Everything about the contract is in the outcome.
    Result<RunOutcome> run(const ContractSource& source, const RunOrder& order,
                           const RunPlace& place);

    const contract::StopSource& stop() const { return stop_; }

private:
    ContractRunner(contract::StopSource stop) : stop_(std::move(stop)) {}
    contract::Launcher& launcher(const RunOrder& order, const RunPlace& place);
    contract::RunResult run_connected(contract::Launcher& launcher, const contract::RunSpec& spec,
                                      const RunOrder& order, const RunPlace& place,
                                      std::vector<Bytes>& said);

    contract::StopSource stop_;
    std::unique_ptr<contract::Launcher> writes_, reads_, free_;
};

// Walks the state and patch.cfg in `seed`.
Result<state::Trees> walk_seed(const std::filesystem::path& seed);

std::vector<StateChange> list_state_changes(const state::Trees& before, const state::Trees& after);

} // namespace hp::dev
