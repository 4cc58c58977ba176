// SPDX-License-Identifier: Apache-2.0
// hpbench_engine: what agreeing on a ledger costs each member, by message, and what checking the
// signatures of messages costs on top (docs/performance.md). No node is needed.
#include <string>

#include <benchmark/benchmark.h>

#include "consensus/message_signatures.hpp"
#include "hp/crypto/keys.hpp"
#include "lock_step.hpp"

namespace {

using namespace hp;
using benchmark::State;

double us(std::int64_t ns) {
    return static_cast<double>(ns) / 1000;
}

// Average of a kind since `before`.
double us_each(const bench::Spent& before, const bench::Spent& after) {
    const std::uint64_t events = after.events - before.events;
    return events == 0 ? 0 : us(after.ns - before.ns) / static_cast<double>(events);
}

std::string counter_name(std::size_t kind) {
    return kind == bench::own_events ? "own" : std::string(sim::message_kind_names[kind]);
}

// One ledger an iteration. The time is that of one member, all its events, without what it took to
// hand in the inputs, which "inputs" has (a message of one input).
void agree(State& state) {
    const auto members = static_cast<std::size_t>(state.range(0));
    const auto inputs = static_cast<std::size_t>(state.range(1));
    bench::LockStep cluster(members);
    if (!cluster.close_ledger()) {
        state.SkipWithError("no ledger");
        return;
    }
    bench::SpentByKind sums{};
    std::int64_t message_ns = 0;
    std::uint64_t messages = 0;
    std::uint64_t nonce = 0;
    for ([[maybe_unused]] auto _ : state) {
        const bench::SpentByKind at_first = cluster.spent();
        cluster.give(bench::make_inputs(inputs, ++nonce), members);
        const bench::SpentByKind before = cluster.spent();
        if (!cluster.close_ledger() || cluster.inputs_of_last_ledger() != inputs) {
            state.SkipWithError("not the ledger that was expected");
            return;
        }
        std::int64_t ledger_ns = 0;
        for (std::size_t kind = 0; kind < bench::event_kinds; ++kind) {
            const bench::Spent& after = cluster.spent()[kind];
            const bool handed_in = kind == static_cast<std::size_t>(sim::MessageKind::inputs);
            const bench::Spent& from = handed_in ? at_first[kind] : before[kind];
            sums[kind].events += after.events - from.events;
            sums[kind].ns += after.ns - from.ns;
            ledger_ns += after.ns - before[kind].ns;
            if (!handed_in && kind != bench::own_events) {
                messages += after.events - from.events;
                message_ns += after.ns - from.ns;
            }
        }
        state.SetIterationTime(us(ledger_ns) / 1e6 / static_cast<double>(members));
    }
    const auto ledgers = static_cast<double>(state.iterations());
    state.counters["messages"] =
        static_cast<double>(messages) / ledgers / static_cast<double>(members);
    state.counters["message_us"] = us_each({}, {messages, message_ns});
    for (std::size_t kind = 0; kind < bench::event_kinds; ++kind) {
        if (sums[kind].events > 0) {
            state.counters[counter_name(kind) + "_us"] = us_each({}, sums[kind]);
        }
    }
}

void scopes(benchmark::internal::Benchmark* benchmark) {
    for (const std::int64_t members : {5, 20, 100}) {
        for (const std::int64_t inputs : {0, 100, 10'000}) {
            benchmark->Args({members, inputs});
        }
    }
}
BENCHMARK(agree)
    ->ArgNames({"n", "inputs"})
    ->Apply(scopes)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond)
    ->Iterations(5);

// One member has none of the inputs and has to fetch them all: the time is that of these messages
// and verdicts, for each input.
void fetch_inputs(State& state) {
    const auto inputs = static_cast<std::size_t>(state.range(0));
    const std::size_t members = 5;
    bench::LockStep cluster(members);
    bool good = cluster.close_ledger();
    std::uint64_t nonce = 0;
    const auto fetching_ns = [&cluster] {
        const auto kind = static_cast<std::size_t>(sim::MessageKind::inputs);
        return cluster.spent()[kind].ns + cluster.spent()[bench::own_events].ns;
    };
    for ([[maybe_unused]] auto _ : state) {
        cluster.give(bench::make_inputs(inputs, ++nonce), members - 1);
        const std::int64_t before_ns = fetching_ns();
        good = good && cluster.close_ledger() && cluster.inputs_of_last_ledger() == inputs;
        state.SetIterationTime(us(fetching_ns() - before_ns) / 1e6 / static_cast<double>(inputs));
    }
    if (!good) {
        state.SkipWithError("not the ledgers that were expected");
    }
}
BENCHMARK(fetch_inputs)
    ->ArgName("inputs")
    ->Arg(100)
    ->Arg(1000)
    ->Arg(10'000)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond)
    ->Iterations(3);

// --- signatures ----------------------------------------------------------------------------------

using namespace consensus;

// A cluster's keys, and what its members sign about one height.
class Signers {
public:
    explicit Signers(std::size_t members) {
        for (std::size_t i = 0; i < members; ++i) {
            keys_.push_back(crypto::make_key_pair());
        }
    }
    std::size_t quorum() const { return consensus::quorum(keys_.size(), 80); }
    const Domain& domain() const { return domain_; }

    Vote vote() const {
        Vote vote{StatementKind::prepare, 5, 0, digest_, {}};
        vote.by = sign(0, vote.kind, vote_digest(5, 0, digest_));
        return vote;
    }
    SharedCertificate certificate() const {
        auto out = std::make_shared<Certificate>();
        out->kind = StatementKind::commit;
        out->height = 5;
        out->digest = digest_;
        for (std::size_t i = 0; i < quorum(); ++i) {
            out->votes.push_back(sign(i, out->kind, vote_digest(5, 0, digest_)));
        }
        return out;
    }
    // `outputs`: the ledger before had some, so that each result has a second signature.
    Propose propose(bool outputs) const {
        auto block = std::make_shared<Block>();
        block->digest = digest_;
        for (std::size_t i = 0; i < quorum(); ++i) {
            SignedResult result;
            result.claim.ledger.seq = 4;
            if (outputs) {
                result.claim.output_root.data.fill(1);
                result.root_signature = crypto::sign(keys_[i], result.claim.output_root.view());
            }
            result.by = sign(i, StatementKind::result, result_digest(result.claim));
            block->evidence.push_back(result);
        }
        return {5, 0, block, {}, sign(0, StatementKind::propose, vote_digest(5, 0, digest_))};
    }

private:
    Signed sign(std::size_t member, StatementKind kind, const Hash32& digest) const {
        const Bytes bytes = statement_bytes(domain_, kind, digest);
        return {keys_[member].public_key, crypto::sign(keys_[member], bytes)};
    }

    std::vector<crypto::KeyPair> keys_;
    Domain domain_;
    Hash32 digest_{{7}};
};

void verify(State& state, const Signers& signers, const Message& message) {
    for ([[maybe_unused]] auto _ : state) {
        if (!verify_signatures(signers.domain(), message)) {
            state.SkipWithError("a good signature was refused");
            return;
        }
    }
}

void verify_vote(State& state) {
    const Signers signers(1);
    verify(state, signers, signers.vote());
}
void verify_certificate(State& state) {
    const Signers signers(static_cast<std::size_t>(state.range(0)));
    verify(state, signers, signers.certificate());
}
void verify_propose(State& state) {
    const Signers signers(static_cast<std::size_t>(state.range(0)));
    verify(state, signers, signers.propose(false));
}
void verify_propose_with_outputs(State& state) {
    const Signers signers(static_cast<std::size_t>(state.range(0)));
    verify(state, signers, signers.propose(true));
}
void members(benchmark::internal::Benchmark* benchmark) {
    benchmark->ArgName("n")->Arg(5)->Arg(20)->Arg(100)->Unit(benchmark::kMicrosecond);
}
BENCHMARK(verify_vote)->Unit(benchmark::kMicrosecond);
BENCHMARK(verify_certificate)->Apply(members);
BENCHMARK(verify_propose)->Apply(members);
BENCHMARK(verify_propose_with_outputs)->Apply(members);

} // namespace

int main(int argc, char** argv) {
    hp::crypto::init();
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
        return 2;
    }
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
