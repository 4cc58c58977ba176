// SPDX-License-Identifier: Apache-2.0
#include "hp/client/client.hpp"

#include "calls.hpp"
#include "handshake.hpp"
#include "hp/base/check.hpp"
#include "hp/base/limits.hpp"
#include "hp/proto/user_codec.hpp"

#include <algorithm>

namespace hp::client {

Result<SignedInput> sign_input(const Signer& signer, proto::Encoding encoding, Bytes input,
                               std::uint64_t nonce, LedgerSeq max_ledger_seq) {
    SignedInput out;
    out.request.container =
        proto::encode_container(encoding, {std::move(input), nonce, max_ledger_seq});
    HP_TRY(out.request.signature, signer.sign(out.request.container));
    out.info = {proto::input_hash(out.request.signature), nonce, max_ledger_seq};
    return out;
}

struct Client::Impl : std::enable_shared_from_this<Client::Impl> {
    enum class Phase : std::uint8_t { idle, opening, challenge, response, connected, closed };

    Impl(net::Reactor& r, Options o, Events e, Log l)
        : reactor(r), options(std::move(o)), events(std::move(e)), log(std::move(l)),
          setup_timer(r), handshake(options), id_prefix(crypto::random_hex16() + ".") {}

    // --- connecting ---
    void open();
    void arm_setup_timer(std::int64_t left_us);
    void on_stream(Result<std::shared_ptr<net::Stream>> opened);
    void on_setup_message(ByteView message);
    void on_connected(ServerInfo info);
    void fail_setup(ConnectError error);

    // --- the session ---
    void on_message(ByteView message);
    void on_close(const net::CloseInfo& info);
    void handle(const proto::InputStatus& message);
    void handle(proto::ContractOutput message);
    void handle(proto::ReadResponse message);
    void handle(const proto::StatResponse& message);
    void handle(const proto::LclResponse& message);
    void handle(const proto::UnlChange& message);
    void handle(const proto::LedgerCreated& message);
    void handle(const proto::VoteStatusEvent& message);
    void handle(const proto::ProposalHealth& message);
    void handle(const proto::ConnectivityHealth& message);
    void handle(proto::LedgerQueryResult message);

    void submit(Submission submission, LedgerSeq max_ledger_seq, Callback<SentInput> on_sent,
                Callback<InputOutcome> on_outcome);
    struct Query {
        LedgerSeq seq = 0;
        bool inputs = false;
        bool outputs = false;
    };
    void query(const Query& wanted, Callback<std::optional<proto::QueriedLedger>> on_done);
    void query_safely(const Query& wanted, Callback<std::optional<proto::QueriedLedger>> on_done);
    void send(const proto::UserRequest& request) { send_bytes(encode(request)); }
    Bytes encode(const proto::UserRequest& request) const {
        return proto::encode_request(options.encoding, request);
    }
    void send_bytes(Bytes message) {
        emit(options.on_message, true, ByteView(message));
        stream->send(std::make_shared<const Bytes>(std::move(message)));
    }
    std::uint64_t next_nonce();
    std::string next_id() { return id_prefix + std::to_string(++last_id); }

    // A new call, already failing when the session is over. Silent once the owner is gone.
    template <class T>
    std::shared_ptr<Call<T>> call(const char* what, std::int64_t timeout_ms, Callback<T> on_done) {
        HP_CHECK(phase == Phase::connected || phase == Phase::closed, "not connected");
        auto guarded = [weak = weak_from_this(), done = std::move(on_done)](Result<T> result) {
            if (const auto self = weak.lock(); self && !self->abandoned) {
                done(std::move(result));
            }
        };
        auto made = make_call<T>(reactor, timeout_ms, what, std::move(guarded));
        if (phase == Phase::closed) {
            reactor.post([made, error = closed_error()] { made->answer(fail(error)); });
        }
        return made;
    }
    bool has_fixed_validators() const {
        return !options.trusted_keys.empty() || !options.validators.empty();
    }
    bool is_connected() const { return phase == Phase::connected; }
    Error closed_error() const { return {Errc::closed, "the connection is closed" + close_text}; }

    // Calls an event handler unless the owner is gone.
    template <class F, class... Args>
    void emit(const F& handler, const Args&... args) {
        if (!abandoned && handler) {
            handler(args...);
        }
    }

    net::Reactor& reactor;
    const Options options;
    const Events events;
    const Log log;
    Phase phase = Phase::idle;
    std::int64_t started_mono_us = 0; // connect()
    bool abandoned = false;           // the Client was destroyed
    bool closing = false;             // close() was called
    std::string close_text;           // why it ended, for errors
    std::function<void(const ServerInfo&)> on_connect_done;
    std::function<void(const ConnectError&)> on_connect_failed;
    net::Timer setup_timer;
    Handshake handshake;
    ServerInfo server;
    std::vector<PublicKey> validators; // outputs are counted against these
    std::shared_ptr<net::Stream> stream;

    std::optional<bool> is_ours; // this project's node; known from its first status
    std::string id_prefix;       // no mix-up with replies to an earlier session of the same key
    std::uint64_t last_id = 0;
    std::uint64_t last_nonce = 0;
    OrderedCalls<proto::StatResponse> stats;
    OrderedCalls<LedgerId> lcls;
    KeyedCalls<std::string, Bytes> reads;
    KeyedCalls<std::string, std::optional<proto::QueriedLedger>> queries;
    KeyedCalls<Hash32, InputOutcome> inputs;
};

// --- connecting ----------------------------------------------------------------------------------

void Client::Impl::open() {
    phase = Phase::opening;
    started_mono_us = SystemClock().now().mono_us;
    arm_setup_timer(options.connect_timeout_ms * 1000);
    net::ConnectOptions wanted;
    wanted.url = options.url;
    wanted.verify_certificate = options.verify_certificate;
    wanted.ca_file = options.ca_file;
    wanted.proxy = options.proxy;
    wanted.message_bytes_max = limits::reply_bytes_max;
    wanted.send_queue_bytes_max = limits::send_queue_bytes_max;
    wanted.timeout_ms = options.connect_timeout_ms;
    net::connect(reactor, wanted, [weak = weak_from_this()](auto opened) {
        if (const auto self = weak.lock(); self && self->phase == Phase::opening) {
            self->on_stream(std::move(opened));
        } else if (opened) {
            (*opened)->close(net::CloseCode::going_away, "");
        }
    });
}

void Client::Impl::arm_setup_timer(std::int64_t left_us) {
    setup_timer.arm_after(left_us, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) {
            self->fail_setup({ConnectProblem::transport,
                              "no handshake within " +
                                  std::to_string(self->options.connect_timeout_ms) + " ms"});
        }
    });
}

void Client::Impl::on_stream(Result<std::shared_ptr<net::Stream>> opened) {
    if (!opened) {
        fail_setup({ConnectProblem::transport, opened.err().context});
        return;
    }
    log.debug("connected, waiting for the challenge", {{"url", options.url}});
    phase = Phase::challenge;
    stream = std::move(*opened);
    server.transport_us = SystemClock().now().mono_us - started_mono_us;
    server.certificate_sha256 = stream->peer_certificate_sha256();
    // Before anything is signed for whoever this is.
    if (!options.certificate_sha256.empty() &&
        options.certificate_sha256 != server.certificate_sha256) {
        fail_setup({ConnectProblem::untrusted_server,
                    "the server's certificate has changed: expected " + options.certificate_sha256 +
                        ", got " +
                        (server.certificate_sha256.empty() ? "none" : server.certificate_sha256)});
        return;
    }
    stream->start(
        [weak = weak_from_this()](Bytes message) {
            if (const auto self = weak.lock(); self && !self->abandoned) {
                self->emit(self->options.on_message, false, ByteView(message));
                self->phase == Phase::connected ? self->on_message(message)
                                                : self->on_setup_message(message);
            }
        },
        [weak = weak_from_this()](const net::CloseInfo& info) {
            if (const auto self = weak.lock(); self && !self->abandoned) {
                self->on_close(info);
            }
        });
}

void Client::Impl::on_setup_message(ByteView message) {
    if (phase == Phase::challenge) {
        const std::int64_t asked_mono_us = SystemClock().now().mono_us;
        auto answer = handshake.on_challenge(message);
        if (!answer) {
            fail_setup(std::move(answer.error()));
            return;
        }
        // However long a user looks at the agent's question, the server has its full time.
        const std::int64_t spent_us = asked_mono_us - started_mono_us;
        arm_setup_timer(std::max<std::int64_t>(options.connect_timeout_ms * 1000 - spent_us, 0));
        phase = Phase::response;
        send_bytes(std::move(*answer));
    } else if (phase == Phase::response) {
        auto info = handshake.on_server_response(message);
        if (!info) {
            fail_setup(std::move(info.error()));
            return;
        }
        on_connected(std::move(*info));
    }
}

void Client::Impl::on_connected(ServerInfo info) {
    setup_timer.cancel();
    phase = Phase::connected;
    info.certificate_sha256 = server.certificate_sha256;
    info.transport_us = server.transport_us;
    info.handshake_us = SystemClock().now().mono_us - started_mono_us - info.transport_us;
    server = std::move(info);
    log.debug("handshake done", {{"server_key", server.key.short_hex()},
                                 {"contract", server.contract_id},
                                 {"unl", server.unl.size()}});
    const bool pinned = has_fixed_validators();
    if (pinned) {
        validators = options.validators.empty() ? options.trusted_keys : options.validators;
    } else {
        validators = server.unl;
    }
    if (!pinned) { // keep up with the set that outputs are counted against
        send(proto::SubscriptionRequest{proto::Channel::unl_change, true});
    }
    const auto done = std::exchange(on_connect_done, nullptr);
    on_connect_failed = nullptr;
    done(server);
}

void Client::Impl::fail_setup(ConnectError error) {
    setup_timer.cancel();
    phase = Phase::closed;
    if (stream) {
        stream->close(net::CloseCode::normal, "");
    }
    const auto failed = std::exchange(on_connect_failed, nullptr);
    on_connect_done = nullptr;
    if (!abandoned && failed) {
        failed(error);
    }
}

namespace {

ConnectProblem problem_of(const net::CloseInfo& info) {
    switch (static_cast<net::CloseCode>(info.code)) {
    case net::CloseCode::policy:
        return ConnectProblem::refused;
    case net::CloseCode::try_later:
    case net::CloseCode::going_away:
        return ConnectProblem::busy;
    default:
        return ConnectProblem::handshake;
    }
}

std::string describe(const net::CloseInfo& info) {
    return "close code " + std::to_string(info.code) +
           (info.reason.empty() ? "" : ", " + info.reason);
}

} // namespace

// --- the session ---------------------------------------------------------------------------------

void Client::Impl::on_close(const net::CloseInfo& info) {
    if (phase != Phase::connected) {
        if (phase != Phase::closed) {
            fail_setup(
                {problem_of(info), "the server ended the handshake (" + describe(info) + ")"});
        }
        return;
    }
    phase = Phase::closed;
    close_text = closing ? "" : " by the server (" + describe(info) + ")";
    log.debug("connection closed", {{"code", info.code}, {"reason", info.reason}});
    const Error error = closed_error();
    stats.fail_all(error);
    lcls.fail_all(error);
    reads.fail_all(error);
    queries.fail_all(error);
    inputs.fail_all(error);
    emit(events.on_closed, info);
}

void Client::Impl::on_message(ByteView message) {
    emit(events.on_raw, message);
    auto decoded = proto::decode_message(options.encoding, message);
    if (!decoded) {
        if (decoded.err().code == Errc::unsupported) { // a newer server; not for us
            log.debug("message ignored", {{"why", decoded.err().context}});
        } else {
            log.warning("message from the server not understood", {{"why", decoded.err().context}});
        }
        return;
    }
    std::visit([this](auto&& value) { handle(std::forward<decltype(value)>(value)); },
               std::move(*decoded));
}

void Client::Impl::handle(const proto::InputStatus& message) {
    const auto hash = Hash32::from(message.input_hash);
    const InputOutcome outcome{message.rejected, message.ledger};
    if (!hash || !inputs.answer(*hash, outcome)) {
        log.debug("status of an unknown input",
                  {{"status", message.rejected ? to_string(*message.rejected) : "accepted"}});
    }
}

void Client::Impl::handle(proto::ContractOutput message) {
    OutputProof proof =
        verify_output(message, options.signer.public_key(), validators, options.quorum);
    emit(events.on_output, Output{std::move(message), proof});
}

void Client::Impl::handle(proto::ReadResponse message) {
    if (!reads.answer(message.reply_for, std::move(message.content))) {
        log.debug("further or late reply to a read request");
    }
}

void Client::Impl::handle(const proto::StatResponse& message) {
    if (!stats.answer(message)) {
        log.warning("stat response without a request");
    }
}

void Client::Impl::handle(const proto::LclResponse& message) {
    if (!lcls.answer(message.ledger)) {
        log.warning("lcl response without a request");
    }
}

void Client::Impl::handle(const proto::UnlChange& message) {
    server.unl = message.unl;
    if (!has_fixed_validators()) {
        validators = message.unl;
    }
    emit(events.on_unl_change, message.unl);
}

void Client::Impl::handle(const proto::LedgerCreated& message) {
    emit(events.on_ledger, message.ledger);
}

void Client::Impl::handle(const proto::VoteStatusEvent& message) {
    emit(events.on_vote_status, message.status);
}

void Client::Impl::handle(const proto::ProposalHealth& message) {
    emit(events.on_proposal_health, message);
}

void Client::Impl::handle(const proto::ConnectivityHealth& message) {
    emit(events.on_connectivity_health, message);
}

void Client::Impl::handle(proto::LedgerQueryResult message) {
    Result<std::optional<proto::QueriedLedger>> ledger;
    if (message.exec_failure) {
        ledger = fail(Errc::unavailable, "the node could not answer the ledger query");
    } else if (!message.results.empty()) {
        ledger = std::move(message.results.front());
    }
    if (!queries.answer(message.reply_for, std::move(ledger))) {
        log.debug("late reply to a ledger query");
    }
}

std::uint64_t Client::Impl::next_nonce() {
    const auto now = static_cast<std::uint64_t>(std::max<TimeMs>(SystemClock().now().wall_ms, 1));
    return std::max(now, last_nonce + 1);
}

void Client::Impl::submit(Submission submission, LedgerSeq max_ledger_seq,
                          Callback<SentInput> on_sent, Callback<InputOutcome> on_outcome) {
    if (!is_connected()) {
        on_sent(fail(closed_error()));
        return;
    }
    const std::uint64_t nonce = submission.nonce.value_or(next_nonce());
    last_nonce = std::max(last_nonce, nonce);
    const auto input = sign_input(options.signer, options.encoding, std::move(submission.input),
                                  nonce, max_ledger_seq);
    if (!input) {
        on_sent(fail(Errc::denied, input.err().context));
        return;
    }
    inputs.add(input->info.hash, call<InputOutcome>("input", 0, std::move(on_outcome)));
    send(input->request);
    on_sent(input->info);
}

// The original engine (0.6.4) crashes when asked in BSON for the inputs or outputs of a ledger that
// it does not have. So a node that is not known to be one of ours is asked for the ledger first.
void Client::Impl::query_safely(const Query& wanted,
                                Callback<std::optional<proto::QueriedLedger>> on_done) {
    const bool is_risky =
        options.encoding == proto::Encoding::bson && (wanted.inputs || wanted.outputs);
    if (!is_risky || is_ours == true || !is_connected()) {
        query(wanted, std::move(on_done));
        return;
    }
    if (!is_ours) {
        const auto stat =
            call<proto::StatResponse>("stat request", options.request_timeout_ms,
                                      [this, wanted, done = std::move(on_done)](const auto& reply) {
                                          if (!reply) {
                                              done(fail(reply.err()));
                                              return;
                                          }
                                          is_ours = !reply->node_version.empty();
                                          query_safely(wanted, done);
                                      });
        stats.add(stat);
        send(proto::StatRequest{});
        return;
    }
    query({wanted.seq, false, false}, [this, wanted, done = std::move(on_done)](auto ledger) {
        if (ledger && *ledger) {
            query(wanted, done);
        } else {
            done(std::move(ledger));
        }
    });
}

void Client::Impl::query(const Query& wanted,
                         Callback<std::optional<proto::QueriedLedger>> on_done) {
    const auto made = call<std::optional<proto::QueriedLedger>>(
        "ledger query", options.request_timeout_ms,
        [seq = wanted.seq,
         done = std::move(on_done)](Result<std::optional<proto::QueriedLedger>> ledger) {
            const bool wrong = ledger && *ledger && (*ledger)->header.seq != seq;
            done(wrong ? fail(Errc::corrupt, "the node answered with another ledger")
                       : std::move(ledger));
        });
    if (is_connected()) {
        std::string id = next_id();
        queries.add(id, made);
        send(proto::LedgerQuery{std::move(id), wanted.seq, wanted.inputs, wanted.outputs});
    }
}

// --- Client --------------------------------------------------------------------------------------

Client::Client(net::Reactor& reactor, Options options, Events events, Log log)
    : impl_(
          std::make_shared<Impl>(reactor, std::move(options), std::move(events), std::move(log))) {}

Client::~Client() {
    impl_->abandoned = true;
    impl_->setup_timer.cancel();
    if (impl_->stream) {
        impl_->stream->close(net::CloseCode::normal, "");
    }
}

void Client::connect(std::function<void(const ServerInfo&)> on_connected,
                     std::function<void(const ConnectError&)> on_failed) {
    HP_CHECK(impl_->phase == Impl::Phase::idle, "connect() twice");
    impl_->on_connect_done = std::move(on_connected);
    impl_->on_connect_failed = std::move(on_failed);
    impl_->open();
}

const ServerInfo& Client::server() const {
    return impl_->server;
}

void Client::close() {
    impl_->closing = true;
    if (impl_->phase != Impl::Phase::connected) {
        impl_->fail_setup({ConnectProblem::transport, "given up"});
    } else if (impl_->stream) {
        impl_->stream->close(net::CloseCode::normal, "");
    }
}

void Client::submit(Submission submission, Callback<SentInput> on_sent,
                    Callback<InputOutcome> on_outcome) {
    if (submission.max_ledger_seq) {
        impl_->reactor.post([weak = impl_->weak_from_this(), submission = std::move(submission),
                             on_sent = std::move(on_sent),
                             on_outcome = std::move(on_outcome)]() mutable {
            if (const auto self = weak.lock(); self && !self->abandoned) {
                const LedgerSeq last = *submission.max_ledger_seq;
                self->submit(std::move(submission), last, std::move(on_sent),
                             std::move(on_outcome));
            }
        });
        return;
    }
    lcl([self = impl_.get(), submission = std::move(submission), on_sent = std::move(on_sent),
         on_outcome = std::move(on_outcome)](Result<LedgerId> lcl) mutable {
        if (!lcl) {
            on_sent(fail(std::move(lcl.error())));
            return;
        }
        const LedgerSeq last = lcl->seq + submission.expire_after;
        self->submit(std::move(submission), last, std::move(on_sent), std::move(on_outcome));
    });
}

void Client::submit(const SignedInput& input, Callback<InputOutcome> on_outcome) {
    await_outcome(input.info.hash, std::move(on_outcome));
    if (impl_->is_connected()) {
        impl_->send(input.request);
    }
}

void Client::await_outcome(const Hash32& input, Callback<InputOutcome> on_outcome) {
    const auto call = impl_->call<InputOutcome>("input", 0, std::move(on_outcome));
    if (impl_->is_connected()) {
        impl_->inputs.add(input, call);
    }
}

void Client::read(Bytes content, Callback<Bytes> on_done) {
    const auto call =
        impl_->call<Bytes>("read request", impl_->options.request_timeout_ms, std::move(on_done));
    if (impl_->is_connected()) {
        std::string id = impl_->next_id();
        impl_->reads.add(id, call);
        impl_->send(proto::ReadRequest{std::move(id), std::move(content)});
    }
}

void Client::stat(Callback<proto::StatResponse> on_done) {
    const auto call = impl_->call<proto::StatResponse>(
        "stat request", impl_->options.request_timeout_ms, std::move(on_done));
    if (impl_->is_connected()) {
        impl_->stats.add(call);
        impl_->send(proto::StatRequest{});
    }
}

void Client::lcl(Callback<LedgerId> on_done) {
    const auto call =
        impl_->call<LedgerId>("lcl request", impl_->options.request_timeout_ms, std::move(on_done));
    if (impl_->is_connected()) {
        impl_->lcls.add(call);
        impl_->send(proto::LclRequest{});
    }
}

void Client::query(LedgerSeq seq, bool inputs, bool outputs,
                   Callback<std::optional<proto::QueriedLedger>> on_done) {
    impl_->query_safely({seq, inputs, outputs}, std::move(on_done));
}

void Client::send_raw(Bytes message) {
    if (impl_->is_connected()) {
        impl_->send_bytes(std::move(message));
    }
}

std::size_t Client::unsent_bytes() const {
    return impl_->stream ? impl_->stream->queued_bytes() : 0;
}

void Client::subscribe(proto::Channel channel, bool enabled) {
    if (impl_->is_connected()) {
        impl_->send(proto::SubscriptionRequest{channel, enabled});
    }
}

} // namespace hp::client
