// SPDX-License-Identifier: Apache-2.0
// watch: events as they happen, one line each, until enough were seen, time is up or the reader
// has gone.
#include "commands.hpp"

#include "keys.hpp"
#include "output.hpp"
#include "render.hpp"
#include "session.hpp"

#include "hp/base/utf8.hpp"

namespace hp::cli {
namespace {

class WatchTask {
public:
    WatchTask(const Args& args, const crypto::KeyPair& keys);

    Outcome run();

private:
    void start();
    void listen();
    void print(const std::string& text, const JsonObject& json);
    JsonObject event(std::string_view name) const;

    void on_output(const client::Output& output);
    void on_ledger(const proto::LedgerHeader& ledger);
    void on_vote_status(proto::VoteStatus status);
    void on_unl(const std::vector<PublicKey>& unl);
    void on_proposal(const proto::ProposalHealth& health);
    void on_connectivity(const proto::ConnectivityHealth& health);

    const Args& args_;
    Session session_;
    net::Timer deadline_;
    std::uint64_t printed_ = 0;
};

WatchTask::WatchTask(const Args& args, const crypto::KeyPair& keys)
    : args_(args), session_(args, keys, 0), deadline_(session_.reactor()) {
    listen();
}

void WatchTask::listen() {
    client::Events& events = session_.events;
    const WatchArgs& wanted = args_.watch;
    if (wanted.outputs) {
        events.on_output = [this](const client::Output& output) { on_output(output); };
    }
    if (wanted.ledgers) {
        events.on_ledger = [this](const proto::LedgerHeader& ledger) { on_ledger(ledger); };
    }
    if (wanted.votes) {
        events.on_vote_status = [this](proto::VoteStatus status) { on_vote_status(status); };
    }
    if (wanted.unl) {
        events.on_unl_change = [this](const std::vector<PublicKey>& unl) { on_unl(unl); };
    }
    if (wanted.health) {
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
    const WatchArgs& wanted = args_.watch;
    if (wanted.ledgers || wanted.votes) {
        session_.client().subscribe(proto::Channel::ledger_event, true);
    }
    if (wanted.unl) {
        session_.client().subscribe(proto::Channel::unl_change, true);
    }
    if (wanted.health) {
        session_.client().subscribe(proto::Channel::health_event, true);
    }
    if (const auto timeout_ms = args_.connection.timeout_ms) {
        deadline_.arm_after(*timeout_ms * 1000, [this] {
            session_.finish(failure(ErrorId::timed_out,
                                    "time is up after " + std::to_string(printed_) + " events"));
        });
    }
}

void WatchTask::print(const std::string& text, const JsonObject& json) {
    if (args_.watch.count && printed_ >= *args_.watch.count) {
        return; // while closing
    }
    if (auto written = write_answer((args_.json ? json.text() : text) + "\n"); !written) {
        session_.finish(tl::unexpected(std::move(written.error())));
        return;
    }
    ++printed_;
    if (printed_ == args_.watch.count) {
        session_.finish(Answer{});
    }
}

JsonObject WatchTask::event(std::string_view name) const {
    JsonObject out;
    out.add("schema", args_.schema).add("event", name);
    return out;
}

void WatchTask::on_output(const client::Output& output) {
    const std::string seq = std::to_string(output.message.ledger.seq);
    JsonObject json = event("output");
    json.add("ledger", to_json(output.message.ledger)).add("verified", output.proof.ok());
    if (!output.proof.ok()) { // reported, but what it says is not passed on
        json.add("problem", explain(output.proof));
        print("output " + seq + " withheld: " + explain(output.proof), json);
        return;
    }
    json.add("outputs", outputs_json(output.message)).add("validated", to_json(output.proof));
    std::string text = "output " + seq;
    for (const Bytes& content : output.message.outputs) {
        const bool plain = is_utf8(as_text(content));
        text += " " + (plain ? json_string(as_text(content)) : "0x" + to_hex(content));
    }
    print(text, json);
}

void WatchTask::on_ledger(const proto::LedgerHeader& ledger) {
    print("ledger " + std::to_string(ledger.seq) + " " + ledger.hash.hex() + " state " +
              ledger.state_hash.short_hex(),
          event("ledger").add("ledger", to_json(ledger)));
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

} // namespace

Outcome run_watch(const Args& args) {
    const auto keys = session_key(args, ephemeral_key);
    if (!keys) {
        return tl::unexpected(keys.error());
    }
    return WatchTask(args, *keys).run();
}

} // namespace hp::cli
