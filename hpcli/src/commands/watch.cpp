// SPDX-License-Identifier: Apache-2.0
// watch: events as they happen, one line each, until enough were seen, time is up or the reader
// has gone. Goes on after a lost connection; ledgers and outputs that were missed, or that lie
// before the start, come from the node's ledgers, and what those do not hold is reported as a gap.
#include "commands.hpp"

#include "cli/keys.hpp"
#include "cli/options.hpp"
#include "cli/output.hpp"
#include "cli/render.hpp"
#include "cli/session.hpp"
#include "hp/client/ledger_check.hpp"

#include "hp/base/utf8.hpp"

#include <algorithm>
#include <cstdio>
#include <set>

namespace hp::cli {
namespace {

struct WatchOptions {
    bool outputs = false;
    bool ledgers = false;
    bool votes = false;
    bool unl = false;
    bool health = false;
    bool connection = false;
    std::optional<std::uint64_t> count;
    std::optional<LedgerSeq> from;
    std::string exec;
};

Parsed<WatchOptions> check_watch(const Args& args) {
    WatchOptions out;
    OptionReader reader(args);
    reader.count("count", out.count).count("from", out.from).text("exec", out.exec);
    const std::array words = {
        std::pair{"outputs", &out.outputs}, std::pair{"ledgers", &out.ledgers},
        std::pair{"votes", &out.votes},     std::pair{"unl", &out.unl},
        std::pair{"health", &out.health},   std::pair{"conn", &out.connection}};
    for (const std::string& word : args.arguments) {
        const auto found = std::ranges::find(
            words, word, [](const auto& item) { return std::string(item.first); });
        if (found == words.end()) {
            return bad_value("watch", word, "outputs, ledgers, votes, unl, health or conn");
        }
        *found->second = true;
    }
    if (args.arguments.empty()) {
        out.outputs = out.ledgers = out.votes = out.unl = true;
    }
    if (out.from && !out.outputs && !out.ledgers) {
        return failure(ErrorId::usage, "--from is about ledgers and outputs");
    }
    return reader.done(out);
}

class WatchTask {
public:
    WatchTask(const Args& args, const WatchOptions& options, const client::Signer& signer);

    Outcome run();

private:
    void start();
    void listen();
    void print(const std::string& text, const JsonObject& json);
    bool run_command(const std::string& json);
    JsonObject event(std::string_view name) const;

    void on_output(const client::Output& output);
    void on_ledger(const proto::LedgerHeader& ledger);
    void on_vote_status(proto::VoteStatus status);
    void on_unl(const std::vector<PublicKey>& unl);
    void on_proposal(const proto::ProposalHealth& health);
    void on_connectivity(const proto::ConnectivityHealth& health);
    void on_connection(bool connected, const std::string& why);

    // Ledgers from next_ to `last` that no event told about.
    void fill(LedgerSeq last);
    void on_filled(LedgerSeq seq, const Result<std::optional<proto::QueriedLedger>>& ledger);
    void print_ledger(const proto::LedgerHeader& ledger);
    void print_stored_outputs(const proto::QueriedLedger& ledger);
    void print_gap(LedgerSeq seq, std::string_view what);
    bool follows_ledgers() const { return options_.ledgers || options_.outputs; }

    const Args& args_;
    const WatchOptions& options_;
    const PublicKey user_;
    Session session_;
    net::Timer deadline_;
    bool started_ = false;
    std::uint64_t printed_ = 0;
    std::optional<LedgerSeq> next_; // the next ledger to tell about
    LedgerSeq last_seen_ = 0;       // the last that is known to be closed
    bool filling_ = false;
    std::set<LedgerSeq> output_ledgers_; // told about, from next_ on
};

WatchTask::WatchTask(const Args& args, const WatchOptions& options, const client::Signer& signer)
    : args_(args), options_(options), user_(signer.public_key()), session_(args, signer, 0),
      deadline_(session_.reactor()), next_(options.from) {
    listen();
    session_.on_lost = [this](const std::string& why) {
        filling_ = false;
        on_connection(false, why);
        if (!args_.quiet) {
            write_note(note_head(args_) + why + "; connecting again\n");
        }
        return true;
    };
}

void WatchTask::listen() {
    client::Events& events = session_.events;
    if (options_.outputs) {
        events.on_output = [this](const client::Output& output) { on_output(output); };
    }
    if (follows_ledgers()) {
        events.on_ledger = [this](const proto::LedgerHeader& ledger) { on_ledger(ledger); };
    }
    if (options_.votes) {
        events.on_vote_status = [this](proto::VoteStatus status) { on_vote_status(status); };
    }
    if (options_.unl) {
        events.on_unl_change = [this](const std::vector<PublicKey>& unl) { on_unl(unl); };
    }
    if (options_.health) {
        events.on_proposal_health = [this](const proto::ProposalHealth& health) {
            on_proposal(health);
        };
        events.on_connectivity_health = [this](const proto::ConnectivityHealth& health) {
            on_connectivity(health);
        };
    }
}

Outcome WatchTask::run() {
    return session_.run([this] { start(); });
}

void WatchTask::start() {
    on_connection(true, {});
    if (follows_ledgers() || options_.votes) {
        session_.client().subscribe(proto::Channel::ledger_event, true);
    }
    if (options_.unl) {
        session_.client().subscribe(proto::Channel::unl_change, true);
    }
    if (options_.health) {
        session_.client().subscribe(proto::Channel::health_event, true);
    }
    if (const auto timeout_ms = args_.connection.timeout_ms;
        timeout_ms.value_or(0) > 0 && !started_) {
        deadline_.arm_after(*timeout_ms * 1000, [this] {
            session_.finish(failure(ErrorId::timed_out,
                                    "time is up after " + std::to_string(printed_) + " events"));
        });
    }
    started_ = true;
    if (next_) {
        session_.client().lcl([this](const Result<LedgerId>& lcl) {
            if (lcl) {
                fill(lcl->seq);
            }
        });
    }
}

// A failed command is told about, and the next event gets another one.
bool WatchTask::run_command(const std::string& json) {
    FILE* pipe = ::popen(options_.exec.c_str(), "we");
    if (pipe == nullptr) {
        return false;
    }
    std::fwrite(json.data(), 1, json.size(), pipe);
    return ::pclose(pipe) == 0;
}

void WatchTask::print(const std::string& text, const JsonObject& json) {
    if (options_.count && printed_ >= *options_.count) {
        return; // while closing
    }
    if (!options_.exec.empty()) {
        if (!run_command(json.text() + "\n")) {
            write_note(note_head(args_) + "the command failed: " + options_.exec + "\n");
        }
    } else if (auto written = write_answer(args_, (args_.json ? json.text() : text) + "\n");
               !written) {
        session_.finish(tl::unexpected(std::move(written.error())));
        return;
    }
    ++printed_;
    if (printed_ == options_.count) {
        session_.finish(Answer{});
    }
}

JsonObject WatchTask::event(std::string_view name) const {
    JsonObject out;
    out.add("schema", args_.schema).add("event", name);
    return out;
}

void WatchTask::on_connection(bool connected, const std::string& why) {
    if (!options_.connection) {
        return;
    }
    JsonObject json = event("connection");
    json.add("connected", connected).add("url", session_.url());
    if (!connected) {
        json.add("problem", why);
    }
    print((connected ? "connected " : "lost ") + session_.url() + (why.empty() ? "" : ": " + why),
          json);
}

std::string quoted_list(const std::vector<Bytes>& contents) {
    std::string out;
    for (const Bytes& content : contents) {
        const bool plain = is_utf8(as_text(content));
        out += " " + (plain ? json_string(as_text(content)) : "0x" + to_hex(content));
    }
    return out;
}

void WatchTask::on_output(const client::Output& output) {
    const LedgerSeq seq = output.message.ledger.seq;
    if (!output_ledgers_.insert(seq).second) {
        return; // the ledger was faster
    }
    JsonObject json = event("output");
    json.add("ledger", to_json(output.message.ledger)).add("verified", output.proof.ok());
    if (!output.proof.ok()) { // reported, but what it says is not passed on
        json.add("problem", explain(output.proof));
        print("output " + std::to_string(seq) + " withheld: " + explain(output.proof), json);
        return;
    }
    json.add("outputs", outputs_json(output.message)).add("validated", to_json(output.proof));
    print("output " + std::to_string(seq) + quoted_list(output.message.outputs), json);
}

void WatchTask::print_ledger(const proto::LedgerHeader& ledger) {
    next_ = ledger.seq + 1;
    std::erase_if(output_ledgers_, [this](LedgerSeq seq) { return seq + 1 < *next_; });
    if (options_.ledgers) {
        print("ledger " + std::to_string(ledger.seq) + " " + ledger.hash.hex() + " state " +
                  ledger.state_hash.short_hex(),
              event("ledger").add("ledger", to_json(ledger)));
    }
}

void WatchTask::on_ledger(const proto::LedgerHeader& ledger) {
    last_seen_ = std::max(last_seen_, ledger.seq);
    if (next_ && *next_ < ledger.seq) {
        fill(ledger.seq);
    } else if (!next_ || *next_ == ledger.seq) {
        print_ledger(ledger);
    }
}

void WatchTask::on_vote_status(proto::VoteStatus status) {
    print("vote " + std::string(to_string(status)),
          event("vote").add("vote_status", to_string(status)));
}

void WatchTask::on_unl(const std::vector<PublicKey>& unl) {
    std::string text = "unl";
    for (const PublicKey& key : unl) {
        text += " " + key.hex();
    }
    print(text, event("unl").add("unl", to_json(unl)));
}

JsonObject min_max_avg(const proto::MinMaxAvg& value) {
    JsonObject out;
    out.add("min", value.min).add("max", value.max).add("avg", value.avg);
    return out;
}

void WatchTask::on_proposal(const proto::ProposalHealth& health) {
    print("health proposals " + std::to_string(health.batch_size) + ", latency " +
              std::to_string(health.comm_latency_ms.avg) + " ms",
          event("health")
              .add("kind", "proposal")
              .add("comm_latency_ms", min_max_avg(health.comm_latency_ms))
              .add("read_latency_ms", min_max_avg(health.read_latency_ms))
              .add("batch_size", health.batch_size));
}

void WatchTask::on_connectivity(const proto::ConnectivityHealth& health) {
    print("health peers " + std::to_string(health.peer_count) +
              (health.weakly_connected ? ", weakly connected" : ""),
          event("health")
              .add("kind", "connectivity")
              .add("peer_count", health.peer_count)
              .add("weakly_connected", health.weakly_connected));
}

// --- what was missed -----------------------------------------------------------------------------

void WatchTask::fill(LedgerSeq last) {
    last_seen_ = std::max(last_seen_, last);
    if (filling_ || *next_ > last_seen_) {
        return;
    }
    filling_ = true;
    session_.client().query(*next_, false, options_.outputs,
                            [this, seq = *next_](const auto& ledger) { on_filled(seq, ledger); });
}

void WatchTask::on_filled(LedgerSeq seq,
                          const Result<std::optional<proto::QueriedLedger>>& ledger) {
    filling_ = false;
    if (!ledger && ledger.err().code == Errc::closed) {
        return; // the next session goes on
    }
    if (!ledger || !*ledger) {
        print_gap(seq, "ledger");
        next_ = seq + 1;
    } else {
        print_ledger((*ledger)->header);
        if (options_.outputs) {
            print_stored_outputs(**ledger);
        }
    }
    fill(last_seen_);
}

void WatchTask::print_stored_outputs(const proto::QueriedLedger& ledger) {
    const LedgerSeq seq = ledger.header.seq;
    if (!output_ledgers_.insert(seq).second) {
        return;
    }
    if (client::check_outputs(ledger) != client::ListCheck::whole) {
        print_gap(seq, "outputs");
        return;
    }
    const auto own = std::ranges::find(*ledger.outputs, user_, &proto::QueriedOutput::key);
    if (own == ledger.outputs->end()) {
        return;
    }
    JsonArray list;
    for (const Bytes& content : own->blobs) {
        list.add_raw(JsonObject().add("ledger", seq).add_content("data", content).text());
    }
    JsonObject json = event("output");
    json.add("ledger", to_json(LedgerId{seq, ledger.header.hash})).add("verified", false);
    json.add("outputs", list).add("source", "ledger");
    print("output " + std::to_string(seq) + quoted_list(own->blobs), json);
}

void WatchTask::print_gap(LedgerSeq seq, std::string_view what) {
    print("gap " + std::to_string(seq) + " " + std::string(what) + " not kept by the node",
          event("gap").add("seq", seq).add("missing", what));
}

Outcome run_watch(const Args& args) {
    const auto options = check_watch(args);
    if (!options) {
        return tl::unexpected(options.error());
    }
    const auto signer = session_signer(args, ephemeral_key);
    if (!signer) {
        return tl::unexpected(signer.error());
    }
    return WatchTask(args, *options, *signer).run();
}

constexpr std::array watch_options = {
    OptionInfo{"--count", "N", "end after N events"},
    OptionInfo{"--from", "SEQ", "begin with this ledger, from what the node keeps"},
    OptionInfo{"--exec", "COMMAND", "run it for every event, with its JSON on standard input"},
};

constexpr std::array watch_table = {
    CommandInfo{"watch", "[outputs] [ledgers] [votes] [unl] [health] [conn]", 0, any_number,
                Scope::online, "Print events as they happen; without words: all but the last two",
                "hpcli watch ledgers --count 3", "hpcli watch outputs -k alice --from 120 --json",
                watch_options,
                "event:output|ledger|vote|unl|health|connection|gap connected?:bool url?:text "
                "ledger?:any verified?:bool problem?:text "
                "outputs?:[output] validated?:validated source?:ledger vote_status?:text "
                "unl?:[key] kind?:proposal|connectivity comm_latency_ms?:{min:int max:int avg:int} "
                "read_latency_ms?:{min:int max:int avg:int} batch_size?:int peer_count?:int "
                "weakly_connected?:bool seq?:int missing?:ledger|outputs",
                run_watch},
};

} // namespace

Commands watch_commands() {
    return watch_table;
}

} // namespace hp::cli
