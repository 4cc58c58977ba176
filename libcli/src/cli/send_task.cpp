// SPDX-License-Identifier: Apache-2.0
#include "cli/send_task.hpp"

#include "cli/agent_keys.hpp"
#include "cli/output.hpp"
#include "cli/output_proof.hpp"
#include "cli/render.hpp"
#include "hp/client/ledger_check.hpp"
#include "hp/os/files.hpp"

#include <algorithm>
#include <filesystem>

namespace hp::cli {
namespace {

constexpr std::int64_t send_timeout_ms = 60'000;
constexpr std::int64_t upload_look_us = 100'000;

client::Receipt make_receipt(const SendOptions& options, LedgerSeq max_ledger) {
    if (options.outputs == 0 && !options.awaits_some()) {
        return client::Receipt(max_ledger, options.rounds);
    }
    return client::Receipt(
        max_ledger, options.rounds, [&options](const std::vector<client::Output>& outputs) {
            std::uint64_t messages = 0;
            bool fits = !options.awaits_some();
            for (const client::Output& output : outputs) {
                messages += output.message.outputs.size();
                fits = fits || std::ranges::any_of(output.message.outputs, [&](const Bytes& one) {
                           return options.is_awaited(one);
                       });
            }
            return fits && messages >= options.outputs;
        });
}

} // namespace

SendTask::SendTask(const Args& args, const SendOptions& options, const client::Signer& signer,
                   Nonces nonces)
    : args_(args), options_(options), signer_(signer), nonces_(std::move(nonces)),
      timeout_ms_(args.connection.timeout_ms.value_or(options.stream ? 0 : send_timeout_ms)),
      session_(args, signer, timeout_ms_), deadline_(session_.reactor()),
      upload_timer_(session_.reactor()) {
    session_.events.on_output = [this](const client::Output& output) { on_output(output); };
    session_.events.on_ledger = [this](const proto::LedgerHeader& ledger) { on_ledger(ledger); };
    session_.on_lost = [this](const std::string& why) { return on_lost(why); };
}

Outcome SendTask::run(Source source) {
    source_ = std::move(source);
    if (!options_.stream) { // whose results show how far it is
        progress_.emplace(args_, "waiting for the answer", "bytes");
    }
    Outcome out = session_.run([this] { on_ready(); });
    progress_.reset();
    return out;
}

void SendTask::on_ready() {
    if (timeout_ms_ > 0 && last_number_ == 0) {
        deadline_.arm_after(timeout_ms_ * 1000, [this] { on_deadline(); });
    }
    if (options_.wait != SendWait::sent) {
        session_.client().subscribe(proto::Channel::ledger_event, true);
    }
    session_.client().lcl([this](const Result<LedgerId>& lcl) {
        if (lcl) {
            on_lcl(lcl->seq);
        } else if (lcl.err().code != Errc::closed) {
            session_.finish(lcl.err());
        }
    });
}

// Now everything in flight can be looked for, and more can be sent.
void SendTask::on_lcl(LedgerSeq seq) {
    ready_ = true;
    lcl_ = std::max(lcl_, seq);
    for (SendJob& job : jobs_) {
        if (job.result) {
            continue;
        }
        if (!job.sent) {
            send(job);
        } else if (job.receipt->state() == client::Receipt::State::pending) {
            session_.client().await_outcome(
                job.sent->hash,
                [this, number = job.number](const auto& outcome) { on_outcome(number, outcome); });
            search(job, std::min(lcl_, job.sent->max_ledger_seq));
        } else if (lcl_ > job.receipt->outcome().ledger.seq) {
            fetch_outputs(job);
        }
    }
    pump();
}

bool SendTask::on_lost(const std::string& why) {
    ready_ = false;
    for (SendJob& job : jobs_) {
        job.adopted = job.sent.has_value();
        job.searching = false;
    }
    if (!args_.quiet) {
        write_note(note_head(args_) + why + "; connecting again\n");
    }
    return true;
}

void SendTask::pump() {
    const auto open = static_cast<std::uint64_t>(
        std::ranges::count_if(jobs_, [](const SendJob& job) { return !job.result.has_value(); }));
    if (!ready_ || asked_ || source_done_ || open >= (options_.stream ? options_.inflight : 1)) {
        return;
    }
    asked_ = true;
    source_([this](Payload payload) { on_payload(std::move(payload)); });
}

void SendTask::on_payload(Payload payload) {
    asked_ = false;
    if (!payload) {
        source_done_ = true;
        end_if_done();
        return;
    }
    SendJob& job = jobs_.emplace_back();
    job.number = ++last_number_;
    if (!*payload) {
        finish(job, tl::unexpected(std::move(payload->error())));
    } else {
        job.payload = std::move(**payload);
        send(job);
    }
    pump();
}

void SendTask::send(SendJob& job) {
    if (!ready_) { // lost just now: on_lcl() sends it
        return;
    }
    tl::expected<std::uint64_t, Failure> nonce = options_.nonce.value_or(0);
    if (!options_.nonce || job.tries > 0) {
        nonce = nonces_();
    }
    if (!nonce) {
        finish(job, tl::unexpected(std::move(nonce.error())));
        return;
    }
    const LedgerSeq last =
        options_.expires.absolute ? options_.expires.value : lcl_ + options_.expires.value;
    const auto input =
        client::sign_input(signer_, args_.connection.encoding, job.payload, *nonce, last);
    if (!input) {
        finish(job, failure(ErrorId::agent, input.err().context, std::string(agent_hint)));
        return;
    }
    job.sent = input->info;
    job.receipt.emplace(make_receipt(options_, last));
    job.sent_after = job.searched = lcl_;
    job.searching = job.unreadable = job.adopted = job.from_ledger = false;
    ++job.tries;
    session_.client().submit(
        *input, [this, number = job.number](const auto& outcome) { on_outcome(number, outcome); });
    if (options_.progress) {
        show_upload();
    }
    if (options_.wait == SendWait::sent) { // closing sends what is queued first
        finish(job, agreed(job, job.sent->hash.hex()));
    }
}

// Until the kernel has taken everything; the rest is waiting.
void SendTask::show_upload() {
    const std::size_t total = jobs_.empty() ? 0 : jobs_.front().payload.size();
    const std::size_t unsent = ready_ ? session_.client().unsent_bytes() : 0;
    if (unsent == 0) {
        progress_->describe("waiting for the answer");
        progress_->step(0);
        return;
    }
    progress_->describe("sending");
    progress_->step(total - std::min(unsent, total), total);
    upload_timer_.arm_after(upload_look_us, [this] { show_upload(); });
}

SendJob* SendTask::find(std::uint64_t number) {
    const auto found = std::ranges::find(jobs_, number, &SendJob::number);
    return found == jobs_.end() || found->result ? nullptr : &*found;
}

void SendTask::on_outcome(std::uint64_t number, const Result<client::InputOutcome>& outcome) {
    SendJob* job = find(number);
    if (job == nullptr || !outcome) { // a lost connection is on_lost's
        return;
    }
    job->receipt->on_outcome(*outcome);
    if (outcome->rejected && retry(*job, *outcome->rejected)) {
        return;
    }
    settle(*job);
}

bool SendTask::retry(SendJob& job, proto::RejectReason reason) {
    if (!options_.retry.contains(reason) || job.tries > options_.retries) {
        return false;
    }
    if (!args_.quiet) {
        write_note(note_head(args_) + std::string(to_string(reason)) + ", trying again\n");
    }
    session_.client().lcl([this, number = job.number](const Result<LedgerId>& lcl) {
        SendJob* again = find(number);
        if (again != nullptr && lcl) {
            lcl_ = std::max(lcl_, lcl->seq);
            send(*again);
        }
    });
    return true;
}

void SendTask::on_ledger(const proto::LedgerHeader& ledger) {
    lcl_ = std::max(lcl_, ledger.seq);
    // Results are added to jobs only, so indices stay good while jobs finish.
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
        SendJob& job = jobs_[i];
        if (job.receipt && !job.result) {
            job.receipt->on_ledger(ledger);
            settle(job);
        }
    }
    print_finished();
    pump();
}

void SendTask::on_output(const client::Output& output) {
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
        SendJob& job = jobs_[i];
        if (job.receipt && !job.result) {
            job.receipt->on_output(output);
            settle(job);
        }
    }
    print_finished();
    pump();
}

void SendTask::settle(SendJob& job) {
    using State = client::Receipt::State;
    switch (job.receipt->state()) {
    case State::pending:
        if (job.adopted && lcl_ > job.searched) {
            search(job, std::min(lcl_, job.sent->max_ledger_seq));
        }
        return;
    case State::status_missing:
        search(job, job.sent->max_ledger_seq);
        return;
    case State::rejected:
        finish(job, rejected(job, *job.receipt->outcome().rejected, false));
        return;
    case State::accepted:
        if (options_.wait == SendWait::ledger) {
            finish(job, agreed(job, to_text(job.receipt->outcome().ledger)));
        }
        return;
    case State::outputs:
        finish(job, with_outputs(job));
        return;
    case State::no_outputs:
        finish(job, without_outputs(job));
        return;
    case State::outputs_missed:
        fetch_outputs(job);
        return;
    }
}

// --- what the ledgers know -----------------------------------------------------------------------

void SendTask::search(SendJob& job, LedgerSeq last) {
    if (job.searching || !ready_) {
        return;
    }
    if (last <= job.searched) { // nothing new to read
        on_searched(job.number, last, client::FoundInput{client::Presence::absent, {}});
        return;
    }
    job.searching = true;
    client::search_input(
        session_.client(), job.sent->hash, job.searched + 1, last,
        [this, number = job.number, last](const auto& found) { on_searched(number, last, found); });
}

void SendTask::on_searched(std::uint64_t number, LedgerSeq last,
                           const Result<client::FoundInput>& found) {
    SendJob* job = find(number);
    if (job == nullptr || !found) { // the next session searches again
        return;
    }
    job->searching = false;
    if (job->receipt->outcome().ledger.seq != 0) {
        return; // the status was faster
    }
    if (found->presence == client::Presence::present) {
        const bool next_closed = lcl_ > found->ledger.seq;
        job->receipt->on_outcome({std::nullopt, found->ledger});
        settle(*job);
        if (job = find(number); job != nullptr && next_closed) {
            fetch_outputs(*job);
        }
        return;
    }
    job->unreadable = job->unreadable || found->presence == client::Presence::unknown;
    job->searched = std::max(job->searched, last);
    if (lcl_ < job->sent->max_ledger_seq) {
        return; // it may still come
    }
    if (job->searched < job->sent->max_ledger_seq) {
        search(*job, job->sent->max_ledger_seq);
        return;
    }
    if (job->unreadable) {
        finish(*job, tl::unexpected(about_input(
                         *job, ErrorId::fate_unknown,
                         "the last ledger that could hold the input has closed, but the node "
                         "never said what became of it and does not keep the inputs of ledgers",
                         "ask a node that keeps them: hpcli ledger find --hash HASH")));
    } else if (!retry(*job, proto::RejectReason::max_ledger_expired)) {
        finish(*job, rejected(*job, proto::RejectReason::max_ledger_expired, true));
    }
}

void SendTask::fetch_outputs(SendJob& job) {
    if (options_.wait == SendWait::ledger) {
        finish(job, agreed(job, to_text(job.receipt->outcome().ledger)));
        return;
    }
    if (job.searching || !ready_) {
        return;
    }
    job.searching = true;
    session_.client().query(
        job.receipt->outcome().ledger.seq + 1, false, true,
        [this, number = job.number](const auto& ledger) { on_fetched(number, ledger); });
}

void SendTask::on_fetched(std::uint64_t number,
                          const Result<std::optional<proto::QueriedLedger>>& ledger) {
    SendJob* job = find(number);
    if (job == nullptr || (!ledger && ledger.err().code == Errc::closed)) {
        return;
    }
    job->searching = false;
    if (!ledger || !*ledger || client::check_outputs(**ledger) != client::ListCheck::whole) {
        finish(*job, outputs_missed(*job));
        return;
    }
    const auto& outputs = *(*ledger)->outputs;
    const auto own = std::ranges::find(outputs, signer_.public_key(), &proto::QueriedOutput::key);
    if (own == outputs.end() || own->blobs.empty()) {
        finish(*job, without_outputs(*job));
        return;
    }
    client::Output output;
    output.message.ledger = {(*ledger)->header.seq, (*ledger)->header.hash};
    output.message.outputs = own->blobs;
    output.message.output_hash = own->hash;
    output.proof.problem = client::OutputProblem::signatures;
    output.proof.quorum = args_.connection.quorum;
    job->from_ledger = true;
    client::Receipt receipt(job->sent->max_ledger_seq);
    receipt.on_outcome(job->receipt->outcome());
    receipt.on_output(output);
    job->receipt = receipt;
    finish(*job, with_outputs(*job));
}

// --- results -------------------------------------------------------------------------------------

void SendTask::finish(SendJob& job, Outcome result) {
    if (!job.result) {
        job.result = std::move(result);
    }
    // Not from inside a loop over the jobs.
    session_.reactor().post([this] {
        print_finished();
        pump();
        end_if_done();
    });
}

// In the order of the inputs; a single input's result is the command's.
void SendTask::print_finished() {
    while (options_.stream && !jobs_.empty() && jobs_.front().result) {
        const Outcome& result = *jobs_.front().result;
        std::string text = result ? result->text : "";
        if (!result) {
            worst_exit_ = worst_exit_ != 0 ? worst_exit_ : result.error().exit_code();
            const bool as_json = args_.output == OutputFormat::json;
            text = as_json ? to_json(result.error(), args_.schema) : "";
            if (!as_json) {
                write_note(note_head(args_) + "input " + std::to_string(jobs_.front().number) +
                           "\n" + describe(args_.program->name, result.error(), args_.color));
            }
        }
        jobs_.pop_front();
        if (auto written = write_answer(args_, text); !written) {
            session_.finish(tl::unexpected(std::move(written.error())));
            return;
        }
    }
}

void SendTask::end_if_done() {
    if (!options_.stream && !jobs_.empty() && jobs_.front().result) {
        session_.finish(*jobs_.front().result);
    } else if (options_.stream && source_done_ && jobs_.empty()) {
        session_.finish(worst_exit_ == 0 ? Outcome(Answer{}) : tl::unexpected(silent(worst_exit_)));
    }
}

void SendTask::on_deadline() {
    for (SendJob& job : jobs_) {
        if (!job.result) {
            finish(job, tl::unexpected(about_input(
                            job, ErrorId::timed_out,
                            "the input was sent, but its fate is not known after " +
                                std::to_string(timeout_ms_) + " ms",
                            "it may still be accepted; do not repeat it before its last ledger "
                            "has closed")));
        }
    }
    source_done_ = true;
    if (jobs_.empty()) {
        session_.finish(failure(ErrorId::timed_out, "no connection and nothing sent in time"));
    }
}

// Outputs for all inputs of a user in a ledger come together; they are told once.
bool SendTask::is_last_of_ledger(const SendJob& job) const {
    return std::ranges::none_of(jobs_, [&job](const SendJob& other) {
        return other.number > job.number && other.receipt && !other.receipt->outcome().rejected &&
               other.receipt->outcome().ledger == job.receipt->outcome().ledger;
    });
}

Outcome SendTask::rejected(const SendJob& job, proto::RejectReason reason,
                           bool from_ledgers) const {
    const std::string word(to_string(reason));
    Failure out = about_input(job, ErrorId::rejected,
                              from_ledgers ? "the input is in none of the ledgers that could "
                                             "hold it: " +
                                                 word
                                           : "the input was rejected: " + word);
    out.reason = word;
    return tl::unexpected(std::move(out));
}

JsonObject SendTask::answer(const SendJob& job, std::string_view status) const {
    JsonObject input;
    input.add("hash", job.sent->hash.hex()).add("nonce", job.sent->nonce);
    input.add("max_ledger", job.sent->max_ledger_seq);
    JsonObject out = document(args_.schema);
    if (options_.stream) {
        out.add("number", job.number);
    }
    out.add("input", input).add("status", status);
    if (status == "accepted") {
        out.add("ledger", to_json(job.receipt->outcome().ledger));
    }
    return out;
}

Outcome SendTask::agreed(const SendJob& job, const std::string& text) const {
    if (!args_.json) {
        return Answer{text + "\n"};
    }
    const bool is_accepted = job.receipt->state() != client::Receipt::State::pending;
    JsonObject out = answer(job, is_accepted ? "accepted" : "sent");
    out.add("elapsed_ms", static_cast<std::uint64_t>(session_.elapsed_ms()));
    return Answer{out.text() + "\n"};
}

// --print all: what is known beside the outputs.
std::string SendTask::about_text(const SendJob& job) const {
    if (options_.print != SendPrint::all) {
        return {};
    }
    const auto& outputs = job.receipt->outputs();
    std::string out = text_row("input", job.sent->hash.hex());
    out += text_row("nonce", std::to_string(job.sent->nonce));
    out += text_row("ledger", to_text(job.receipt->outcome().ledger));
    if (!outputs.empty() && !job.from_ledger) {
        out += text_row("signed", std::to_string(outputs.front().proof.signed_by) + " of " +
                                      std::to_string(outputs.front().proof.validators));
    }
    return out;
}

namespace {

// "125-1", "125-2": the ledger and the place in it.
tl::expected<std::string, Failure> save_output(const std::string& dir, LedgerSeq ledger,
                                               std::size_t number, const Bytes& content) {
    const std::filesystem::path path =
        std::filesystem::path(dir) / (std::to_string(ledger) + "-" + std::to_string(number));
    if (const auto made = os::make_directories(dir); !made) {
        return failure(ErrorId::cannot_write, "--save: " + made.err().context);
    }
    if (const auto stored = os::replace_file(path, content, 0644); !stored) {
        return failure(ErrorId::cannot_write, "--save: " + stored.err().context);
    }
    return path.string();
}

} // namespace

Outcome SendTask::with_outputs(const SendJob& job) const {
    const auto& outputs = job.receipt->outputs();
    const bool told = is_last_of_ledger(job);
    JsonArray list;
    std::string text;
    for (const client::Output& output : outputs) {
        const bool trusts_node = job.from_ledger && args_.connection.trusted_keys.empty();
        if (!output.proof.ok() && !trusts_node) {
            const bool json_content = output.proof.problem == client::OutputProblem::content &&
                                      args_.connection.encoding == proto::Encoding::json;
            return tl::unexpected(about_input(
                job, ErrorId::unproven_output, "outputs withheld: " + explain(output.proof),
                json_content ? "JSON cannot carry every output faithfully; use --protocol bson"
                             : "the node may be lying, or --trusted-key and --quorum do not fit"));
        }
        std::size_t number = 0;
        for (const Bytes& content : output.message.outputs) {
            JsonObject item;
            item.add("ledger", output.message.ledger.seq);
            ++number;
            if (options_.save_dir.empty() || !told) {
                list.add_raw(item.add_content("data", content).text());
                text += hp::to_text(content) + (options_.raw ? "" : "\n");
                continue;
            }
            auto path = save_output(options_.save_dir, output.message.ledger.seq, number, content);
            if (!path) {
                return tl::unexpected(std::move(path.error()));
            }
            item.add("file", *path).add("bytes", std::uint64_t{content.size()});
            list.add_raw(item.text());
            text += *path + "\n";
        }
    }
    if (options_.awaits_some() &&
        std::ranges::none_of(outputs, [this](const client::Output& output) {
            return std::ranges::any_of(output.message.outputs, [this](const Bytes& content) {
                return options_.is_awaited(content);
            });
        })) {
        return tl::unexpected(about_input(job, ErrorId::expectation,
                                          "accepted, but no output is what was waited for"));
    }
    if (!options_.proof_file.empty() && !job.from_ledger) {
        const client::ServerInfo& server = session_.client().server();
        const auto written = write_proof(options_.proof_file,
                                         {server.contract_id, signer_.public_key(), job.sent,
                                          job.receipt->outcome().ledger, outputs.front().message});
        if (!written) {
            return tl::unexpected(written.error());
        }
    }
    if (!args_.json) {
        const bool silent = !told || options_.print == SendPrint::none;
        return Answer{about_text(job) + (silent ? "" : text)};
    }
    JsonObject out = answer(job, "accepted");
    out.add("outputs", told ? list : JsonArray());
    if (!job.from_ledger) {
        out.add("validated", to_json(outputs.front().proof));
    }
    out.add("elapsed_ms", static_cast<std::uint64_t>(session_.elapsed_ms()));
    return Answer{out.text() + "\n"};
}

Outcome SendTask::without_outputs(const SendJob& job) const {
    const std::string seq = std::to_string(job.receipt->outcome().ledger.seq);
    if (options_.require_output || options_.awaits_some() || options_.outputs > 0) {
        return tl::unexpected(
            about_input(job, ErrorId::no_output,
                        "accepted in ledger " + seq + ", but the contract gave no output"));
    }
    if (!args_.json) {
        if (options_.print == SendPrint::all) {
            return Answer{about_text(job)};
        }
        if (!args_.quiet && !options_.stream) {
            write_note(note_head(args_) + "accepted in ledger " + seq + ", no output\n");
        }
        return Answer{};
    }
    JsonObject out = answer(job, "accepted");
    out.add("outputs", JsonArray());
    out.add("elapsed_ms", static_cast<std::uint64_t>(session_.elapsed_ms()));
    return Answer{out.text() + "\n"};
}

Outcome SendTask::outputs_missed(const SendJob& job) const {
    return tl::unexpected(about_input(
        job, ErrorId::outputs_missed,
        "the input was accepted, but its outputs were delivered while nobody listened, and the "
        "node does not keep them",
        "ask another node: hpcli ledger outputs SEQ"));
}

Failure SendTask::about_input(const SendJob& job, ErrorId id, std::string message,
                              std::string hint) const {
    Failure out{id, std::move(message), std::move(hint)};
    if (!job.sent) {
        out.hint.clear(); // not even sent
        return out;
    }
    out.detail = {{"input", job.sent->hash.hex()},
                  {"nonce", std::to_string(job.sent->nonce)},
                  {"max_ledger", std::to_string(job.sent->max_ledger_seq)}};
    const LedgerId& ledger = job.receipt->outcome().ledger;
    if (ledger.seq != 0) {
        out.detail.emplace_back("ledger", std::to_string(ledger.seq));
    }
    return out;
}

} // namespace hp::cli
