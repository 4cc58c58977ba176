// SPDX-License-Identifier: Apache-2.0
// wait: returns when something is true of a node, also of one that is still starting. For scripts.
#include "commands.hpp"

#include "cli/json_match.hpp"
#include "cli/keys.hpp"
#include "cli/min_connections.hpp"
#include "cli/options.hpp"
#include "cli/progress.hpp"
#include "cli/render.hpp"
#include "cli/session.hpp"

#include <algorithm>

namespace hp::cli {
namespace {

constexpr std::int64_t wait_timeout_ms = 60'000;
constexpr std::int64_t ask_again_us = 200'000;

struct Condition {
    enum class Kind : std::uint8_t { synced, ledger, nodes, unl, output };
    Kind kind = Kind::synced;
    std::uint64_t number = 0; // ledger, nodes
    bool relative = false;    // ledger +N
    PublicKey key;            // unl
    std::optional<Match> match;
};

Parsed<Condition> check_condition(const Args& args) {
    const std::string& word = args.arguments.front();
    const std::string value = args.arguments.size() > 1 ? args.arguments[1] : "";
    Condition out;
    const auto wrong = [&word, &value](std::string_view want) {
        return bad_value("wait " + word, value, want);
    };
    if (word == "synced" && value.empty()) {
        return out;
    }
    if (word == "ledger") {
        out.kind = Condition::Kind::ledger;
        out.relative = value.starts_with('+');
        const auto number = parse_number(value.substr(out.relative ? 1 : 0));
        out.number = number.value_or(0);
        return number ? Parsed<Condition>(out) : wrong("a ledger number or +N");
    }
    if (word == "nodes") {
        out.kind = Condition::Kind::nodes;
        out.number = parse_count(value).value_or(0);
        return out.number > 0 ? Parsed<Condition>(out) : wrong("a number above 0");
    }
    if (word == "unl") {
        out.kind = Condition::Kind::unl;
        const auto key = parse_public_key_hex(value);
        out.key = key.value_or(PublicKey{});
        return key ? Parsed<Condition>(out) : wrong("a node's public key");
    }
    if (word == "output") {
        out.kind = Condition::Kind::output;
        out.match = parse_match(value);
        return out.match ? Parsed<Condition>(out) : wrong("PATH=VALUE such as $.total=5");
    }
    return bad_value("wait", word, "synced, ledger N, ledger +N, nodes N, unl KEY, output MATCH");
}

class WaitTask {
public:
    WaitTask(const Args& args, const Condition& condition, const client::Signer& signer)
        : args_(args), condition_(condition),
          session_(args, signer, args.connection.timeout_ms.value_or(wait_timeout_ms)),
          deadline_(session_.reactor()), again_(session_.reactor()) {}

    Outcome run() {
        session_.patient = true;
        session_.on_lost = [](const std::string&) { return true; };
        session_.events.on_output = [this](const client::Output& output) { on_output(output); };
        const std::int64_t limit_ms = args_.connection.timeout_ms.value_or(wait_timeout_ms);
        if (limit_ms > 0) {
            deadline_.arm_after(limit_ms * 1000, [this, limit_ms] {
                Failure out{ErrorId::timed_out,
                            "not so after " + std::to_string(limit_ms) + " ms: " + last_};
                session_.finish(tl::unexpected(std::move(out)));
            });
        }
        progress_.emplace(args_, "waiting for the node");
        Outcome out = session_.run([this] { ask(); });
        progress_.reset();
        return out;
    }

private:
    void ask() {
        if (condition_.kind == Condition::Kind::output) {
            last_ = "no such output";
            progress_->describe("waiting for the output");
            return;
        }
        session_.client().stat([this](const Result<proto::StatResponse>& stat) {
            if (stat) {
                on_stat(*stat);
            }
        });
    }

    void on_stat(const proto::StatResponse& stat) {
        if (condition_.relative && !goal_) {
            goal_ = stat.ledger.seq + condition_.number;
        }
        if (is_met(stat)) {
            finish(stat.ledger.seq);
            return;
        }
        last_ = std::string(to_string(stat.vote_status)) + ", ledger " +
                std::to_string(stat.ledger.seq) + ", " + std::to_string(stat.peers.size()) +
                " peers";
        progress_->describe("waiting: " + last_);
        again_.arm_after(ask_again_us, [this] { ask(); });
    }

    bool is_met(const proto::StatResponse& stat) const {
        switch (condition_.kind) {
        case Condition::Kind::synced:
            return stat.vote_status == proto::VoteStatus::synced;
        case Condition::Kind::ledger:
            return stat.ledger.seq >= goal_.value_or(condition_.number);
        case Condition::Kind::nodes:
            return stat.peers.size() + 1 >= condition_.number;
        case Condition::Kind::unl:
            return std::ranges::find(stat.current_unl, condition_.key) != stat.current_unl.end();
        case Condition::Kind::output:
            break;
        }
        return false;
    }

    void on_output(const client::Output& output) {
        if (!condition_.match || !output.proof.ok()) {
            return;
        }
        if (std::ranges::any_of(output.message.outputs, [this](const Bytes& content) {
                return condition_.match->fits(content);
            })) {
            finish(output.message.ledger.seq);
        }
    }

    void finish(LedgerSeq seq) {
        if (!args_.json) {
            session_.finish(Answer{});
            return;
        }
        JsonObject out = document(args_.schema);
        out.add("ledger_seq", seq);
        session_.finish(Answer{out.text() + "\n"});
    }

    const Args& args_;
    const Condition& condition_;
    Session session_;
    net::Timer deadline_;
    net::Timer again_;
    std::optional<Progress> progress_;
    std::optional<LedgerSeq> goal_; // of a relative ledger number
    std::string last_ = "no connection";
};

// With --min-connections, this is waited for, too; what is left of the time is for the rest.
tl::expected<void, Failure> wait_for_servers(Args& args) {
    if (args.connection.min_connections <= 1) {
        return {};
    }
    const std::int64_t limit_ms = args.connection.timeout_ms.value_or(wait_timeout_ms);
    const std::int64_t started_ms = SystemClock().now().mono_ms();
    auto done = await_connections(args, limit_ms);
    if (done && limit_ms > 0) {
        const std::int64_t passed_ms = SystemClock().now().mono_ms() - started_ms;
        args.connection.timeout_ms = std::max<std::int64_t>(limit_ms - passed_ms, 1);
    } else if (!done && done.error().id == ErrorId::cannot_connect) {
        done.error().id = ErrorId::timed_out;
        done.error().message.insert(0, "not so after " + std::to_string(limit_ms) + " ms: ");
    }
    return done;
}

Outcome run_wait(const Args& args) {
    const auto condition = check_condition(args);
    if (!condition) {
        return tl::unexpected(condition.error());
    }
    Args rest = args;
    if (auto done = wait_for_servers(rest); !done) {
        return tl::unexpected(std::move(done.error()));
    }
    const auto signer = key_signer(rest, ephemeral_key);
    if (!signer) {
        return tl::unexpected(signer.error());
    }
    return WaitTask(rest, *condition, *signer).run();
}

constexpr std::array wait_table = {
    CommandInfo{"wait",
                "synced | ledger N | ledger +N | nodes N | unl KEY | output PATH=VALUE",
                1,
                2,
                Scope::online,
                "Wait until something is true, silently (default 60s, exit 6)",
                "hpcli wait synced --timeout 30s",
                "hpcli wait ledger +3 && echo three more",
                {},
                "ok:bool ledger_seq:int",
                run_wait},
};

} // namespace

Commands wait_commands() {
    return wait_table;
}

} // namespace hp::cli
