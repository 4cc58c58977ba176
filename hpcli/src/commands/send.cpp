// SPDX-License-Identifier: Apache-2.0
// send: one input, followed until what the user wants to know about it is certain. Ledgers decide
// (hp/client/receipt.hpp); the clock only ends the waiting.
#include "commands.hpp"

#include "hp/client/receipt.hpp"
#include "keys.hpp"
#include "output.hpp"
#include "payload.hpp"
#include "render.hpp"
#include "session.hpp"

namespace hp::cli {
namespace {

constexpr std::int64_t send_timeout_ms = 60'000;

class SendTask {
public:
    SendTask(const Args& args, const crypto::KeyPair& keys, Bytes payload,
             std::optional<std::uint64_t> nonce);

    Outcome run();

private:
    void start();
    void on_sent(const Result<client::SentInput>& sent);
    void on_status(const Result<client::InputOutcome>& outcome);
    void settle(); // ends the command once the receipt says enough
    Outcome verdict() const;

    Outcome rejected() const;
    Outcome agreed(const std::string& text) const;
    Outcome with_outputs() const;
    Outcome without_outputs() const;
    JsonObject answer(std::string_view status) const;
    Failure about_input(ErrorId id, std::string message, std::string hint = {}) const;

    const Args& args_;
    const std::int64_t timeout_ms_;
    Session session_;
    net::Timer deadline_;
    Bytes payload_;
    std::optional<std::uint64_t> nonce_;
    client::SentInput sent_;
    std::optional<client::Receipt> receipt_; // once sent
};

SendTask::SendTask(const Args& args, const crypto::KeyPair& keys, Bytes payload,
                   std::optional<std::uint64_t> nonce)
    : args_(args), timeout_ms_(args.connection.timeout_ms.value_or(send_timeout_ms)),
      session_(args, keys, timeout_ms_), deadline_(session_.reactor()),
      payload_(std::move(payload)), nonce_(nonce) {
    session_.events.on_output = [this](const client::Output& output) {
        if (receipt_) {
            receipt_->on_output(output);
            settle();
        }
    };
    session_.events.on_ledger = [this](const proto::LedgerHeader& ledger) {
        if (receipt_) {
            receipt_->on_ledger(ledger);
            settle();
        }
    };
}

Outcome SendTask::run() {
    return session_.run([this] { start(); });
}

void SendTask::start() {
    deadline_.arm_after(timeout_ms_ * 1000, [this] {
        session_.finish(tl::unexpected(about_input(
            ErrorId::timed_out,
            "the input was sent, but its fate is not known after " + std::to_string(timeout_ms_) +
                " ms",
            "it may still be accepted; do not repeat it before its last ledger has closed")));
    });
    if (args_.send.wait != SendWait::sent) {
        session_.client().subscribe(proto::Channel::ledger_event, true);
    }
    client::Submission submission;
    submission.input = std::move(payload_);
    submission.nonce = nonce_;
    if (args_.send.expires.absolute) {
        submission.max_ledger_seq = args_.send.expires.value;
    } else {
        submission.expire_after = args_.send.expires.value;
    }
    session_.client().submit(
        std::move(submission), [this](const Result<client::SentInput>& sent) { on_sent(sent); },
        [this](const Result<client::InputOutcome>& outcome) { on_status(outcome); });
}

void SendTask::on_sent(const Result<client::SentInput>& sent) {
    if (!sent) {
        session_.finish(sent.err());
        return;
    }
    sent_ = *sent;
    receipt_.emplace(sent_.max_ledger_seq);
    if (args_.send.wait == SendWait::sent) { // closing sends what is queued first
        session_.finish(agreed(sent_.hash.hex()));
    }
}

void SendTask::on_status(const Result<client::InputOutcome>& outcome) {
    if (outcome) {
        receipt_->on_outcome(*outcome);
        settle();
        return;
    }
    session_.finish(tl::unexpected(
        about_input(ErrorId::connection_lost, outcome.err().context,
                    "the input may still be accepted; look for its hash in the ledgers")));
}

void SendTask::settle() {
    const bool agreed_is_enough = args_.send.wait == SendWait::ledger &&
                                  receipt_->state() == client::Receipt::State::accepted;
    if (receipt_->is_final() || agreed_is_enough) {
        session_.finish(verdict());
    }
}

Outcome SendTask::verdict() const {
    using State = client::Receipt::State;
    switch (receipt_->state()) {
    case State::rejected:
        return rejected();
    case State::status_missing:
        return tl::unexpected(
            about_input(ErrorId::fate_unknown,
                        "the last ledger that could hold the input has closed, but the "
                        "node never said what became of it",
                        "look for its hash with: hpcli ledger get SEQ --inputs"));
    default:
        break;
    }
    if (args_.send.wait == SendWait::ledger) {
        return agreed(to_text(receipt_->outcome().ledger));
    }
    switch (receipt_->state()) {
    case State::outputs:
        return with_outputs();
    case State::outputs_missed:
        return tl::unexpected(
            about_input(ErrorId::outputs_missed,
                        "the input was accepted, but the node missed the ledger that "
                        "delivers its outputs",
                        "ask another node: hpcli ledger get SEQ --outputs"));
    default:
        return without_outputs();
    }
}

Outcome SendTask::rejected() const {
    const std::string reason(to_string(*receipt_->outcome().rejected));
    Failure out = about_input(ErrorId::rejected, "the input was rejected: " + reason);
    out.reason = reason;
    return tl::unexpected(std::move(out));
}

JsonObject SendTask::answer(std::string_view status) const {
    JsonObject input;
    input.add("hash", sent_.hash.hex()).add("nonce", sent_.nonce);
    input.add("max_ledger", sent_.max_ledger_seq);
    JsonObject out = document(args_.schema);
    out.add("input", input).add("status", status);
    if (status == "accepted") {
        out.add("ledger", to_json(receipt_->outcome().ledger));
    }
    return out;
}

Outcome SendTask::agreed(const std::string& text) const {
    if (!args_.json) {
        return Answer{text + "\n"};
    }
    const bool accepted = receipt_->state() == client::Receipt::State::accepted;
    JsonObject out = answer(accepted ? "accepted" : "sent");
    out.add("elapsed_ms", static_cast<std::uint64_t>(session_.elapsed_ms()));
    return Answer{out.text() + "\n"};
}

Outcome SendTask::with_outputs() const {
    const client::Output& output = receipt_->output();
    if (!output.proof.ok()) {
        const bool json_content = output.proof.problem == client::OutputProblem::content &&
                                  args_.connection.encoding == proto::Encoding::json;
        return tl::unexpected(about_input(
            ErrorId::unproven_output, "outputs withheld: " + explain(output.proof),
            json_content ? "JSON cannot carry every output faithfully; use --protocol bson"
                         : "the node may be lying, or --trusted-key and --quorum do not fit"));
    }
    if (!args_.json) {
        return Answer{outputs_text(output.message)};
    }
    JsonObject out = answer("accepted");
    out.add("outputs", outputs_json(output.message)).add("validated", to_json(output.proof));
    out.add("elapsed_ms", static_cast<std::uint64_t>(session_.elapsed_ms()));
    return Answer{out.text() + "\n"};
}

Outcome SendTask::without_outputs() const {
    const std::string seq = std::to_string(receipt_->outcome().ledger.seq);
    if (args_.send.require_output) {
        return tl::unexpected(about_input(
            ErrorId::no_output, "accepted in ledger " + seq + ", but the contract gave no output"));
    }
    if (!args_.json) {
        if (!args_.quiet) {
            write_note("hpcli: accepted in ledger " + seq + ", no output\n");
        }
        return Answer{};
    }
    JsonObject out = answer("accepted");
    out.add("outputs", JsonArray());
    out.add("elapsed_ms", static_cast<std::uint64_t>(session_.elapsed_ms()));
    return Answer{out.text() + "\n"};
}

Failure SendTask::about_input(ErrorId id, std::string message, std::string hint) const {
    Failure out{id, std::move(message), std::move(hint)};
    if (!receipt_) {
        out.hint.clear(); // not even sent
        return out;
    }
    out.detail = {{"input", sent_.hash.hex()},
                  {"nonce", std::to_string(sent_.nonce)},
                  {"max_ledger", std::to_string(sent_.max_ledger_seq)}};
    const LedgerId& ledger = receipt_->outcome().ledger;
    if (ledger.seq > 0) {
        out.detail.emplace_back("ledger", std::to_string(ledger.seq));
    }
    return out;
}

// Nonces of a stored key go on increasing over processes and clock steps.
tl::expected<std::uint64_t, Failure> stored_nonce(const crypto::KeyPair& keys) {
    const auto store = open_key_store();
    if (!store) {
        return tl::unexpected(store.error());
    }
    const auto nonce = store->next_nonce(keys.public_key, SystemClock().now().wall_ms);
    return nonce ? tl::expected<std::uint64_t, Failure>(*nonce)
                 : tl::unexpected(key_failure(nonce.err()));
}

} // namespace

Outcome run_send(const Args& args) {
    auto payload = make_payload(args.payload, args.payload_is_text);
    if (!payload) {
        return tl::unexpected(std::move(payload.error()));
    }
    const auto keys = session_key(args, default_key);
    if (!keys) {
        return tl::unexpected(keys.error());
    }
    std::optional<std::uint64_t> nonce = args.send.nonce;
    if (!nonce && args.connection.key != ephemeral_key) {
        const auto stored = stored_nonce(*keys);
        if (!stored) {
            return tl::unexpected(stored.error());
        }
        nonce = *stored;
    }
    return SendTask(args, *keys, std::move(*payload), nonce).run();
}

} // namespace hp::cli
