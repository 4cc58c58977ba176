// SPDX-License-Identifier: Apache-2.0
// Inputs on their way: sends them with a window, follows each until what the user wants to know
// about it is certain, and gives the results in the order of the inputs. Ledgers decide
// (hp/client/receipt.hpp); the clock only ends the waiting. When the connection is lost, the
// ledgers that closed meanwhile are searched for what was in flight. One thread.
#pragma once

#include "cli/progress.hpp"
#include "cli/send_options.hpp"
#include "cli/session.hpp"
#include "hp/client/input_search.hpp"
#include "hp/client/receipt.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <optional>

namespace hp::cli {

struct SendJob {
    std::uint64_t number = 0; // from 1
    Bytes payload;
    std::optional<client::SentInput> sent;
    std::optional<client::Receipt> receipt; // once sent
    LedgerSeq sent_after = 0;               // the last ledger when it was sent
    LedgerSeq searched = 0;                 // the last ledger known not to hold it
    bool searching = false;
    bool unreadable = false;  // a ledger that may hold it was not kept
    bool adopted = false;     // sent in an earlier session
    bool from_ledger = false; // outputs without signatures
    std::uint64_t tries = 0;
    std::optional<Outcome> result;
};

class SendTask {
public:
    // The next payload, later; absent when there are no more. An error becomes that input's result.
    using Payload = std::optional<tl::expected<Bytes, Failure>>;
    using Source = std::function<void(std::function<void(Payload)>)>;
    // Gives the next nonce of the key.
    using Nonces = std::function<tl::expected<std::uint64_t, Failure>()>;

    SendTask(const Args& args, const SendOptions& options, const client::Signer& signer,
             Nonces nonces);

    Session& session() { return session_; }
    Outcome run(Source source);

private:
    void on_ready();
    void on_lcl(LedgerSeq seq);
    bool on_lost(const std::string& why);
    void pump();
    void on_payload(Payload payload);
    void send(SendJob& job);
    void on_outcome(std::uint64_t number, const Result<client::InputOutcome>& outcome);
    void on_ledger(const proto::LedgerHeader& ledger);
    void on_output(const client::Output& output);

    void settle(SendJob& job);
    void search(SendJob& job, LedgerSeq last);
    void on_searched(std::uint64_t number, LedgerSeq last, const Result<client::FoundInput>& found);
    void fetch_outputs(SendJob& job);
    void on_fetched(std::uint64_t number,
                    const Result<std::optional<proto::QueriedLedger>>& ledger);
    bool retry(SendJob& job, proto::RejectReason reason);
    void finish(SendJob& job, Outcome result);
    void print_finished();
    void end_if_done();
    void on_deadline();

    SendJob* find(std::uint64_t number);
    bool is_last_of_ledger(const SendJob& job) const;

    Outcome rejected(const SendJob& job, proto::RejectReason reason, bool from_ledgers) const;
    Outcome agreed(const SendJob& job, const std::string& text) const;
    void show_upload();
    std::string about_text(const SendJob& job) const;
    Outcome with_outputs(const SendJob& job) const;
    Outcome without_outputs(const SendJob& job) const;
    Outcome outputs_missed(const SendJob& job) const;
    JsonObject answer(const SendJob& job, std::string_view status) const;
    Failure about_input(const SendJob& job, ErrorId id, std::string message,
                        std::string hint = {}) const;

    const Args& args_;
    const SendOptions& options_;
    const client::Signer signer_;
    const Nonces nonces_;
    const std::int64_t timeout_ms_; // 0: none
    Session session_;
    net::Timer deadline_;
    net::Timer upload_timer_;
    std::optional<Progress> progress_;
    Source source_;
    std::deque<SendJob> jobs_; // not printed yet, by number
    std::uint64_t last_number_ = 0;
    bool asked_ = false; // the source
    bool source_done_ = false;
    bool ready_ = false; // connected, and lcl_ is known
    LedgerSeq lcl_ = 0;
    int worst_exit_ = 0; // of a stream
};

} // namespace hp::cli
