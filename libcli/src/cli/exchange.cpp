// SPDX-License-Identifier: Apache-2.0
#include "cli/exchange.hpp"

#include "cli/payload.hpp"
#include "cli/render.hpp"
#include "cli/script.hpp"

namespace hp::cli {
namespace {

constexpr std::string_view help_text =
    "TEXT or name=value...   send an input\n?TEXT                   send a read request\n"
    ".as NAME                be another user\n.status  .ledger        ask about the node\n"
    ".watch on|off           show ledgers as they close\n.quit                   leave\n";

Failure misunderstood(const std::string& line) {
    return {ErrorId::usage, "not understood: " + line, ".help lists what is"};
}

// Items when all words are some, otherwise the whole line as it is.
tl::expected<Bytes, Failure> line_payload(const std::string& line) {
    const auto words = split_words(line);
    if (words && !words->empty() && std::ranges::all_of(*words, [](const std::string& word) {
            return parse_item(word).has_value();
        })) {
        return make_payload(*words, false);
    }
    return to_bytes(line);
}

} // namespace

std::string_view to_word(Exchange::Op op) {
    switch (op) {
    case Exchange::Op::send:
        return "send";
    case Exchange::Op::read:
        return "read";
    case Exchange::Op::as_user:
        return "as";
    case Exchange::Op::other:
        break;
    }
    return "other";
}

void LineTalk::say(const std::string& line, std::function<void(Exchange)> on_done) {
    Exchange what;
    what.user = talk_.user();
    if (line.starts_with('.')) {
        const auto words = split_words(line);
        if (words && (*words)[0] == ".as" && words->size() == 2) {
            what.op = Exchange::Op::as_user;
            what.word = (*words)[1];
            repeat(std::move(what), std::move(on_done));
        } else {
            command(words.value_or(std::vector<std::string>{line}), std::move(what),
                    std::move(on_done));
        }
        return;
    }
    const bool is_read = line.starts_with('?');
    what.op = is_read ? Exchange::Op::read : Exchange::Op::send;
    auto payload = line_payload(is_read ? line.substr(1) : line);
    if (!payload) {
        what.problem = payload.error();
        on_done(std::move(what));
        return;
    }
    what.payload = std::move(*payload);
    repeat(std::move(what), std::move(on_done));
}

void LineTalk::repeat(Exchange what, std::function<void(Exchange)> on_done) {
    auto done = [what, on_done](auto fill) {
        Exchange out = what;
        fill(out);
        for (const Bytes& content : out.outputs) {
            out.text += hp::to_text(content) + "\n";
        }
        on_done(std::move(out));
    };
    if (what.op == Exchange::Op::as_user) {
        talk_.use(what.word, [done](const tl::expected<void, Failure>& result) {
            done([&result](Exchange& out) {
                if (!result) {
                    out.problem = result.error();
                }
            });
        });
    } else if (what.op == Exchange::Op::read) {
        talk_.read(what.payload, [done](const tl::expected<Bytes, Failure>& reply) {
            done([&reply](Exchange& out) {
                if (reply) {
                    out.outputs = {*reply};
                } else {
                    out.problem = reply.error();
                }
            });
        });
    } else {
        talk_.send(what.payload, {false, 8}, [done](const tl::expected<SendResult, Failure>& sent) {
            done([&sent](Exchange& out) {
                if (!sent) {
                    out.problem = sent.error();
                } else if (sent->rejected) {
                    const std::string reason(to_string(*sent->rejected));
                    out.problem = Failure{ErrorId::rejected, "the input was rejected: " + reason};
                    out.problem->reason = reason;
                } else {
                    out.outputs = sent->outputs;
                }
            });
        });
    }
}

void LineTalk::command(const std::vector<std::string>& words, Exchange what,
                       std::function<void(Exchange)> on_done) {
    const std::string& name = words[0];
    if (name == ".status" && words.size() == 1) {
        talk_.status([what, on_done](const tl::expected<proto::StatResponse, Failure>& stat) {
            Exchange out = what;
            if (stat) {
                out.text = std::string(to_string(stat->vote_status)) + ", ledger " +
                           to_text(stat->ledger) + "\n";
            } else {
                out.problem = stat.error();
            }
            on_done(std::move(out));
        });
        return;
    }
    if (name == ".ledger" && words.size() == 1) {
        what.text = std::to_string(talk_.lcl()) + "\n";
    } else if (name == ".help" && words.size() == 1) {
        what.text = help_text;
    } else if (name == ".quit" && words.size() == 1) {
        what.quit = true;
    } else if (name == ".watch" && words.size() == 2 && (words[1] == "on" || words[1] == "off")) {
        watches_ = words[1] == "on";
    } else {
        what.problem = misunderstood(words[0]);
    }
    on_done(std::move(what));
}

} // namespace hp::cli
