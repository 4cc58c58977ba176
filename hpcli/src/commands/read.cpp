// SPDX-License-Identifier: Apache-2.0
// read: asks the contract on one node, or on several to compare. Silence is the protocol's only
// error report, so the node's status is asked for beside it: a node that runs no reads is found
// out at once.
#include "commands.hpp"

#include "cli/fleet.hpp"
#include "cli/keys.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"
#include "cli/payload.hpp"
#include "cli/render.hpp"
#include "cli/session.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace hp::cli {
namespace {

struct ReadOptions {
    PayloadFormat format = PayloadFormat::as_is;
    bool text = false;
    bool raw = false;
    std::optional<double> quorum; // compare; this share must agree
    std::uint64_t repeat = 0;     // so many times; 0: once, or with `watch_ms` for ever
    std::int64_t watch_ms = 0;    // ask again after this time and print what has changed
};

Parsed<ReadOptions> check_read(const Args& args) {
    ReadOptions out;
    OptionReader reader(args);
    const auto share = [](std::string_view text) {
        return text == "all" ? std::optional(1.0) : parse_share(text);
    };
    reader.take("format", "text, json, bson, hex, base64 or file", parse_payload_format, out.format)
        .take("quorum", "all or a share such as 0.8", share, out.quorum);
    reader.count("repeat", out.repeat).duration("watch", out.watch_ms);
    out.text = reader.flag("text");
    out.raw = reader.flag("raw");
    auto checked = reader.done(out);
    if (checked && out.quorum && (out.repeat > 0 || out.watch_ms > 0)) {
        return failure(ErrorId::usage, "--quorum compares once: no --repeat, no --watch");
    }
    return checked;
}

Outcome read_answer(const Args& args, const ReadOptions& options, Session& session,
                    const Bytes& content, std::int64_t elapsed_ms) {
    if (!args.json) {
        return Answer{hp::to_text(content) + (options.raw ? "" : "\n")};
    }
    JsonObject out = document(args.schema);
    out.add("server", server_json(session));
    out.add_content("data", content);
    out.add("elapsed_ms", static_cast<std::uint64_t>(elapsed_ms));
    return Answer{out.text() + "\n"};
}

Failure read_failure(const Error& error) {
    Failure out = call_failure(error);
    if (out.id == ErrorId::timed_out) {
        out.hint = "a contract that writes nothing to a read request looks the same";
    }
    return out;
}

bool runs_reads(const Result<proto::StatResponse>& stat) {
    return !stat || (stat->read_requests_enabled && stat->contract_execution_enabled);
}

Outcome read_one(const Args& args, const ReadOptions& options, const client::Signer& signer,
                 Bytes payload) {
    Session session(args, signer, args.connection.timeout_ms.value_or(default_timeout_ms));
    return session.run([&args, &options, &session, &payload] {
        session.client().read(std::move(payload), [&args, &options,
                                                   &session](const Result<Bytes>& reply) {
            if (reply) {
                session.finish(read_answer(args, options, session, *reply, session.elapsed_ms()));
            } else {
                session.finish(tl::unexpected(read_failure(reply.err())));
            }
        });
        session.client().stat([&session](const Result<proto::StatResponse>& stat) {
            if (!runs_reads(stat)) {
                session.finish(failure(ErrorId::reads_off, "the node does not run read requests"));
            }
        });
    });
}

// --- again and again -----------------------------------------------------------------------------

// Reads in one session, each after the answer to the one before.
class ReadLoop {
public:
    ReadLoop(const Args& args, const ReadOptions& options, const client::Signer& signer,
             Bytes payload)
        : args_(args), options_(options), payload_(std::move(payload)),
          session_(args, signer, args.connection.timeout_ms.value_or(default_timeout_ms)),
          next_(session_.reactor()) {}

    Outcome run() {
        if (options_.watch_ms > 0) { // which goes on when the node is back
            session_.on_lost = [this](const std::string& why) {
                next_.cancel();
                if (!args_.quiet) {
                    write_note(note_head(args_) + why + "; connecting again\n");
                }
                return true;
            };
        }
        return session_.run([this] { ask(); });
    }

private:
    void ask() {
        const TimeMs asked_ms = SystemClock().now().mono_ms();
        session_.client().read(payload_, [this, asked_ms](const Result<Bytes>& reply) {
            if (reply) {
                on_reply(*reply, SystemClock().now().mono_ms() - asked_ms);
            } else if (reply.err().code != Errc::closed || options_.watch_ms == 0) {
                session_.finish(tl::unexpected(read_failure(reply.err())));
            }
        });
        session_.client().stat([this](const Result<proto::StatResponse>& stat) {
            if (!runs_reads(stat)) {
                session_.finish(failure(ErrorId::reads_off, "the node does not run read requests"));
            }
        });
    }

    void on_reply(const Bytes& content, std::int64_t elapsed_ms) {
        ++done_;
        if (options_.watch_ms == 0 || last_ != content) {
            const Outcome answer = read_answer(args_, options_, session_, content, elapsed_ms);
            if (auto written = write_answer(args_, answer->text); !written) {
                session_.finish(tl::unexpected(std::move(written.error())));
                return;
            }
        }
        last_ = content;
        if (done_ == options_.repeat) {
            session_.finish(Answer{});
        } else if (options_.watch_ms > 0) {
            next_.arm_after(options_.watch_ms * 1000, [this] { ask(); });
        } else {
            ask();
        }
    }

    const Args& args_;
    const ReadOptions& options_;
    const Bytes payload_;
    Session session_;
    net::Timer next_;
    std::uint64_t done_ = 0;
    std::optional<Bytes> last_; // answer
};

// --- several nodes -------------------------------------------------------------------------------

using Replies = std::map<std::size_t, Bytes>; // by member

// The members with the same answer, the largest group first.
std::vector<std::vector<std::size_t>> group(const Replies& replies) {
    std::map<Bytes, std::vector<std::size_t>> groups;
    for (const auto& [member, reply] : replies) {
        groups[reply].push_back(member);
    }
    std::vector<std::vector<std::size_t>> out;
    for (auto& [reply, members] : groups) {
        out.push_back(std::move(members));
    }
    std::ranges::stable_sort(out, std::greater<>(), &std::vector<std::size_t>::size);
    return out;
}

JsonArray answers_json(const Fleet& fleet, const Replies& replies) {
    JsonArray out;
    for (std::size_t i = 0; i < fleet.members().size(); ++i) {
        const Fleet::Member& member = fleet.members()[i];
        JsonObject item;
        item.add("url", member.url);
        if (const auto reply = replies.find(i); reply != replies.end()) {
            item.add("key", member.client->server().key.hex()).add_content("data", reply->second);
        } else {
            item.add("problem", member.problem ? member.problem->message : "no answer");
        }
        out.add_raw(item.text());
    }
    return out;
}

std::string differences(const Fleet& fleet, const Replies& replies,
                        const std::vector<std::vector<std::size_t>>& groups) {
    std::string out;
    for (const auto& members : groups) {
        for (const std::size_t member : members) {
            out += fleet.members()[member].url + "\n";
        }
        out += "    " + JsonObject().add_content("data", replies.at(members.front())).text() + "\n";
    }
    for (const Fleet::Member& member : fleet.members()) {
        if (member.problem) {
            out += member.url + "\n    no answer: " + member.problem->message + "\n";
        }
    }
    return out;
}

Outcome compare(const Args& args, const ReadOptions& options, const Fleet& fleet,
                const Replies& replies) {
    const auto groups = group(replies);
    const std::size_t servers = fleet.members().size();
    const std::size_t agreeing = groups.empty() ? 0 : groups.front().size();
    const auto needed =
        static_cast<std::size_t>(std::ceil(*options.quorum * static_cast<double>(servers) - 1e-9));
    JsonObject members;
    members.add("agreed", std::uint64_t{agreeing}).add("asked", std::uint64_t{servers});
    members.add("answers", answers_json(fleet, replies));
    const bool differ = groups.size() > 1;
    if (agreeing >= needed && !(differ && *options.quorum == 1.0)) {
        const Bytes& content = replies.at(groups.front().front());
        if (!args.json) {
            return Answer{hp::to_text(content) + (options.raw ? "" : "\n")};
        }
        JsonObject out = document(args.schema);
        return Answer{out.add_content("data", content).add_all(members).text() + "\n"};
    }
    Failure out{differ ? ErrorId::nodes_differ : ErrorId::no_quorum,
                std::to_string(agreeing) + " of " + std::to_string(servers) +
                    " nodes gave the same answer, " + std::to_string(needed) + " must"};
    out.answer = differences(fleet, replies, groups);
    out.members = std::move(members);
    return tl::unexpected(std::move(out));
}

Outcome read_several(const Args& args, const ReadOptions& options, const client::Signer& signer,
                     const Bytes& payload) {
    Fleet fleet(args, signer, args.connection.timeout_ms.value_or(default_timeout_ms));
    Replies replies;
    const auto done = fleet.run([&](std::size_t member) {
        fleet.client(member).read(payload, [&, member](const Result<Bytes>& reply) {
            if (reply) {
                replies.emplace(member, *reply);
                fleet.succeed(member);
            } else {
                fleet.fail(member, read_failure(reply.err()));
            }
        });
        fleet.client(member).stat([&, member](const Result<proto::StatResponse>& stat) {
            if (!runs_reads(stat)) {
                fleet.fail(member,
                           Failure{ErrorId::reads_off, "the node does not run read requests"});
            }
        });
    });
    return done ? compare(args, options, fleet, replies) : tl::unexpected(done.error());
}

Outcome run_read(const Args& args) {
    const auto options = check_read(args);
    if (!options) {
        return tl::unexpected(options.error());
    }
    auto payload = make_payload(args.arguments, options->text, options->format);
    if (!payload) {
        return tl::unexpected(std::move(payload.error()));
    }
    const auto signer = session_signer(args, ephemeral_key);
    if (!signer) {
        return tl::unexpected(signer.error());
    }
    if (options->repeat > 0 || options->watch_ms > 0) {
        return ReadLoop(args, *options, *signer, std::move(*payload)).run();
    }
    return options->quorum ? read_several(args, *options, *signer, *payload)
                           : read_one(args, *options, *signer, std::move(*payload));
}

constexpr std::array read_options = {
    OptionInfo{"--text", "", "the argument is text, whatever it looks like"},
    OptionInfo{"--format", "text|json|bson|hex|base64|file",
               "what the payload is or shall be; file: its name is given"},
    OptionInfo{"--raw", "", "print the answer's bytes and nothing behind them"},
    OptionInfo{"--quorum", "all|SHARE", "ask every server; so many must agree (exit 8)"},
    OptionInfo{"--repeat", "N", "ask so often, one after the other"},
    OptionInfo{"--watch", "DUR", "ask again after this time, print what has changed"},
};

constexpr std::array read_table = {
    CommandInfo{"read", "TEXT | @FILE | - | ITEM...", 0, any_number, Scope::online,
                "Ask the contract on one node, outside consensus",
                "hpcli read -s wss://127.0.0.1:8080 balance",
                "hpcli read --quorum all -s wss://n1:8080 -s wss://n2:8080 @request.json",
                read_options,
                "ok:bool server?:server data:content elapsed_ms?:int agreed?:int asked?:int "
                "answers?:[{url:text key?:key data:content problem?:text}]",
                run_read},
};

} // namespace

Commands read_commands() {
    return read_table;
}

} // namespace hp::cli
