// SPDX-License-Identifier: Apache-2.0
// exec: one run of the contract exactly as a node would make it, and what came of it.
#include "commands.hpp"

#include "cli/json_writer.hpp"
#include "cli/options.hpp"
#include "contract/dry_run.hpp"
#include "contract/find_contract.hpp"
#include "contract/npl_file.hpp"
#include "contract/order_options.hpp"
#include "contract/outcome_text.hpp"
#include "contract/trace_plan.hpp"
#include "hp/base/limits.hpp"

#include <algorithm>
#include <array>

namespace hp::dev {
namespace {

using cli::Args;
using cli::ErrorId;
using cli::Failure;
using cli::JsonObject;
using cli::OptionInfo;
using cli::Parsed;

constexpr std::array option_table = {
    OptionInfo{"-u,--user", "NAME...", "a connected user; the first one sends ITEM (alice)"},
    OptionInfo{"-i,--input", "TEXT...", "one more input: \"op=add n:=5\" or \"bob: op=add n:=5\""},
    OptionInfo{"--read", "", "as a read request"},
    OptionInfo{"--bundle", "DIR", "the contract's bundle (default: the project's)"},
    OptionInfo{"--state", "DIR", "run on a copy of this state instead of the bundle's files"},
    OptionInfo{"--seq", "N", "sequence number of the ledger just closed (1)"},
    OptionInfo{"--time", "MS", "its time in milliseconds since 1970 (from 2026-01-01)"},
    OptionInfo{"--lcl-hash", "HEX", "its hash (follows from --seq)"},
    OptionInfo{"--unl", "N", "nodes in the UNL, this one included (3)"},
    OptionInfo{"--npl", "FILE", "what other nodes say: lines of {\"from\":2,\"text\":\"hello\"}"},
    OptionInfo{"--keep", "", "keep the directory of the run and say where it is"},
    OptionInfo{"--debug", "", "let the contract wait for a debugger; no limit of time"},
};

constexpr std::string_view fields =
    "ok:bool end:exited|signaled|timed_out|not_started|stopped code:int wall_us:int cpu_us:int "
    "max_rss_kib:int outputs:[{user:text data:content}] changes:[{change:added|changed|removed "
    "path:text bytes_before:int bytes_after:int}] state_hash:hash npl:[{data:content}] "
    "stdout:text stderr:text notes:[text] post_exec?:text directory?:text";

struct ExecOptions {
    RunOrder order;
    bool keep = false;
    bool debug = false;
};

Parsed<ExecOptions> take_options(const Args& args) {
    ExecOptions out;
    auto users = take_users(args);
    if (!users) {
        return tl::unexpected(std::move(users.error()));
    }
    out.order.users = std::move(*users);
    out.keep = args.options.has("keep");
    out.debug = args.options.has("debug");
    out.order.readonly = args.options.has("read");
    if (out.order.readonly &&
        (out.order.users.size() != 1 || out.order.users.front().inputs.size() != 1)) {
        return cli::failure(ErrorId::usage, "a read request has one user and one input");
    }
    std::uint64_t time_ms = 0, unl = out.order.unl;
    cli::OptionReader reader(args);
    reader.count("seq", out.order.seq).count("unl", unl).number("time", time_ms);
    reader.take(
        "lcl-hash", "64 hexadecimal digits",
        [](const std::string& text) { return Hash32::from_hex(text); }, out.order.ledger_hash);
    if (unl > limits::members_max) {
        return cli::failure(ErrorId::usage, "--unl: there are no clusters of that size");
    }
    out.order.unl = static_cast<std::size_t>(unl);
    out.order.time_ms =
        args.options.has("time")
            ? static_cast<TimeMs>(time_ms)
            : first_ledger_ms + static_cast<TimeMs>(out.order.seq - 1) * ledger_interval_ms;
    out.order.active_on = out.order.time_ms;
    if (const auto file = args.options.text("npl")) {
        auto messages = read_npl_file(*file);
        if (!messages) {
            return tl::unexpected(std::move(messages.error()));
        }
        out.order.npl = std::move(*messages);
    }
    return reader.done(std::move(out));
}

JsonObject to_members(const RunOutcome& run, const RunOrder& order, const std::string& kept) {
    JsonObject out;
    add_outcome(out, run, order);
    if (!kept.empty()) {
        out.add("directory", kept);
    }
    return out;
}

cli::Outcome answer(const Args& args, const ExecOptions& options, const RunOutcome& run,
                    const std::string& kept) {
    std::string text = outcome_text(run, options.order);
    if (!kept.empty()) {
        text += "directory   " + kept + "\n";
    }
    JsonObject members = to_members(run, options.order, kept);
    if (const auto broken = broken_run(run)) {
        Failure failure{*broken, "the contract ended with " + contract::describe(run.result)};
        failure.answer = std::move(text);
        failure.members = std::move(members);
        return tl::unexpected(std::move(failure));
    }
    if (!args.json) {
        return cli::Answer{std::move(text)};
    }
    return cli::Answer{cli::document(args.schema).add_all(members).text() + "\n"};
}

cli::Outcome run_exec(const Args& args) {
    auto options = take_options(args);
    if (!options) {
        return tl::unexpected(std::move(options.error()));
    }
    auto source = find_contract(args);
    if (!source) {
        return tl::unexpected(std::move(source.error()));
    }
    auto scratch = Scratch::make();
    if (!scratch) {
        return tl::unexpected(machine_failure(scratch.err()));
    }
    auto runner = ContractRunner::start(scratch->path(), source->sandbox);
    if (!runner) {
        return tl::unexpected(machine_failure(runner.err()));
    }
    RunPlace place{scratch->path() / "seed", scratch->path() / "log"};
    const Status laid_out = lay_out_seed(*source, options->order.node, place.seed);
    if (!laid_out) {
        return tl::unexpected(machine_failure(laid_out.err()));
    }
    std::optional<Wrapper> stopper;
    if (options->debug) {
        auto made = make_stopper(*source, scratch->path());
        if (!made) {
            return tl::unexpected(machine_failure(made.err()));
        }
        stopper = std::move(*made);
        place.wrapper = &*stopper;
        place.free = true;
        place.logs.clear(); // to the terminal, as it comes
    }
    const auto run = (*runner)->run(*source, options->order, place);
    if (!run) {
        return tl::unexpected(machine_failure(run.err()));
    }
    if (options->keep) {
        scratch->keep();
    }
    return answer(args, *options, *run, options->keep ? scratch->path().string() : "");
}

constexpr std::array exec_table = {
    cli::CommandInfo{
        "exec", "[ITEM... | TEXT | @FILE | -]", 0, cli::any_number, cli::Scope::on_demand,
        "Run the contract once as a node would, without any node", "hpdev exec op=add n:=5",
        "hpdev exec --user bob --read op=get --json | jq .outputs", option_table, fields, run_exec},
};

} // namespace

cli::Commands exec_commands() {
    return exec_table;
}

} // namespace hp::dev
