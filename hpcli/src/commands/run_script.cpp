// SPDX-License-Identifier: Apache-2.0
// run: a script of steps and expectations (script.hpp) on open sessions.
#include "commands.hpp"

#include "cli/conversation.hpp"
#include "cli/keys.hpp"
#include "cli/min_connections.hpp"
#include "cli/payload.hpp"
#include "cli/render.hpp"
#include "cli/script.hpp"

#include <csignal>

namespace hp::cli {
namespace {

class ScriptRun {
public:
    ScriptRun(const Args& args, std::vector<ScriptStep> steps)
        : args_(args), steps_(std::move(steps)), talk_(args, reactor_) {}

    Outcome run() {
        if (auto enough = require_connections(args_); !enough) {
            return tl::unexpected(std::move(enough.error()));
        }
        reactor_.on_signals({SIGINT, SIGTERM}, [this](int signal) {
            finish(tl::unexpected(silent(signal == SIGINT ? exit_interrupted : exit_terminated)));
        });
        const std::string key =
            args_.connection.key.empty() ? std::string(ephemeral_key) : args_.connection.key;
        talk_.use(key, [this](const tl::expected<void, Failure>& done) {
            if (done) {
                next();
            } else {
                finish(tl::unexpected(done.error()));
            }
        });
        reactor_.run();
        return std::move(*outcome_);
    }

private:
    void finish(Outcome outcome) {
        if (!outcome_) {
            outcome_ = std::move(outcome);
            reactor_.stop();
        }
    }

    void next() {
        if (at_ == steps_.size()) {
            finish(Answer{args_.json ? document(args_.schema)
                                               .add("steps", std::uint64_t{steps_.size()})
                                               .add("results", results_)
                                               .text() +
                                           "\n"
                                     : text_});
            return;
        }
        start(steps_[at_++]);
    }

    void start(const ScriptStep& step) {
        using Verb = ScriptStep::Verb;
        switch (step.verb) {
        case Verb::print:
            text_ += step.word + "\n";
            next();
            return;
        case Verb::timeout:
            talk_.timeout_ms = static_cast<std::int64_t>(step.number);
            next();
            return;
        case Verb::as_user:
            talk_.use(step.word, [this, &step](const auto& done) {
                done ? next() : fail(step, done.error());
            });
            return;
        case Verb::at_ledger:
            talk_.wait_ledger(step.number, step.relative, [this, &step](const auto& done) {
                done ? next() : fail(step, done.error());
            });
            return;
        case Verb::send:
        case Verb::read:
            break;
        }
        auto payload = make_payload(step.items, false);
        if (!payload) {
            fail(step, payload.error());
        } else if (step.verb == Verb::send) {
            talk_.send(std::move(*payload), step.expires,
                       [this, &step](const auto& result) { on_sent(step, result); });
        } else {
            talk_.read(std::move(*payload), [this, &step](const auto& reply) {
                reply ? judge(step, {*reply}) : fail(step, reply.error());
            });
        }
    }

    void on_sent(const ScriptStep& step, const tl::expected<SendResult, Failure>& result) {
        if (!result) {
            fail(step, result.error());
            return;
        }
        const std::string rejected(result->rejected ? to_string(*result->rejected) : "");
        if (rejected != step.reject) {
            fail(step, {step.reject.empty() ? ErrorId::rejected : ErrorId::expectation,
                        rejected.empty() ? "accepted, but a rejection was expected"
                                         : "the input was rejected: " + rejected});
            return;
        }
        if (step.no_output && !result->outputs.empty()) {
            fail(step, {ErrorId::expectation,
                        "there is output: " + hp::to_text(result->outputs.front())});
            return;
        }
        judge(step, result->outputs);
    }

    void judge(const ScriptStep& step, const std::vector<Bytes>& contents) {
        if (step.condition) {
            if (const std::string found = step.condition->check(contents); !found.empty()) {
                fail(step, {ErrorId::expectation, "found " + found});
                return;
            }
        }
        JsonArray outputs;
        for (const Bytes& content : contents) {
            text_ += hp::to_text(content) + "\n";
            outputs.add_raw(JsonObject().add_content("data", content).text());
        }
        JsonObject item;
        item.add("line", std::uint64_t{step.line}).add("outputs", outputs);
        results_.add_raw(item.text());
        next();
    }

    // With a mark under the place.
    void fail(const ScriptStep& step, Failure problem) {
        const std::size_t column =
            step.condition && problem.id == ErrorId::expectation ? step.condition->column : 0;
        problem.message = "line " + std::to_string(step.line) + ": " + problem.message;
        problem.detail.emplace_back("line", step.text);
        problem.detail.emplace_back("here", std::string(column, ' ') + "^");
        problem.answer = text_;
        finish(tl::unexpected(std::move(problem)));
    }

    const Args& args_;
    const std::vector<ScriptStep> steps_;
    net::Reactor reactor_;
    Conversation talk_;
    std::size_t at_ = 0;
    std::string text_;
    JsonArray results_;
    std::optional<Outcome> outcome_;
};

Outcome run_run(const Args& args) {
    const std::string& path = args.arguments.front();
    const auto text = read_input_file(path == "-" ? "/dev/stdin" : path);
    if (!text) {
        return tl::unexpected(text.error());
    }
    auto steps = parse_script(as_text(*text));
    if (!steps) {
        return tl::unexpected(std::move(steps.error()));
    }
    return ScriptRun(args, std::move(*steps)).run();
}

constexpr std::array run_script_table = {
    CommandInfo{"run",
                "SCRIPT | -",
                1,
                1,
                Scope::online,
                "Run a script of sends, reads and expectations (exit 12)",
                "hpcli run demo.hps -s wss://127.0.0.1:8080",
                "echo 'send op=add n:=5 -> $.total == 5' | hpcli run -",
                {},
                "ok:bool steps:int results:[{line:int outputs:[{data:content}]}]",
                run_run},
};

} // namespace

Commands script_commands() {
    return run_script_table;
}

} // namespace hp::cli
