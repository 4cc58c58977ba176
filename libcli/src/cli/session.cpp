// SPDX-License-Identifier: Apache-2.0
#include "cli/session.hpp"

#include "cli/agent_keys.hpp"
#include "cli/json_writer.hpp"
#include "cli/keys.hpp"
#include "cli/min_connections.hpp"
#include "cli/output.hpp"
#include "cli/protocol_trace.hpp"

#include <algorithm>
#include <csignal>

namespace hp::cli {
namespace {

constexpr std::int64_t backoff_first_us = 100'000;
constexpr std::int64_t backoff_max_us = 5'000'000;

// A node that does not answer the close is not worth more waiting.
constexpr std::int64_t close_wait_us = 1'000'000;

// A signal may be what ended the wait for an agent. It is told within this time, and counts more.
constexpr std::int64_t signal_grace_us = 20'000;

ErrorId error_id(client::ConnectProblem problem) {
    switch (problem) {
    case client::ConnectProblem::transport:
        return ErrorId::cannot_connect;
    case client::ConnectProblem::handshake:
        return ErrorId::handshake;
    case client::ConnectProblem::version:
        return ErrorId::wrong_version;
    case client::ConnectProblem::contract:
        return ErrorId::wrong_contract;
    case client::ConnectProblem::untrusted_server:
        return ErrorId::untrusted_server;
    case client::ConnectProblem::refused:
        return ErrorId::refused;
    case client::ConnectProblem::no_signature:
        return ErrorId::agent;
    case client::ConnectProblem::busy:
        break;
    }
    return ErrorId::busy;
}

std::string hint_for(ErrorId id) {
    switch (id) {
    case ErrorId::cannot_connect:
        return "is the node running, and is the address its user port?";
    case ErrorId::refused:
        return "a key can have one session on a node; use another with --key";
    case ErrorId::untrusted_server:
        return "somebody may be in between; if the change is known: hpcli trust rm URL";
    case ErrorId::agent:
        return std::string(agent_hint);
    case ErrorId::wrong_contract:
        return "compare --contract-id and --contract-version with the node's configuration";
    default:
        return {};
    }
}

// Another server may do better after these; a server that must not be trusted ends the command.
bool may_try_next(client::ConnectProblem problem) {
    return problem == client::ConnectProblem::transport || problem == client::ConnectProblem::busy;
}

} // namespace

Session::Session(const Args& args, const client::Signer& signer, std::int64_t timeout_ms)
    : args_(args), signer_(signer), timeout_ms_(timeout_ms), close_timer_(reactor_),
      connect_timer_(reactor_), signal_timer_(reactor_) {}

Session::~Session() = default;

Outcome Session::run(std::function<void()> on_ready) {
    on_ready_ = std::move(on_ready);
    events.on_closed = [this](const net::CloseInfo& info) { on_closed(info); };
    reactor_.on_signals({SIGINT, SIGTERM}, [this](int signal) {
        finish(tl::unexpected(silent(signal == SIGINT ? exit_interrupted : exit_terminated)));
    });
    connect();
    reactor_.run();
    client_.reset();
    return std::move(*outcome_);
}

client::Options client_options(const Args& args, const std::string& url,
                               const client::Signer& signer, const Pin* pin,
                               std::int64_t timeout_ms) {
    const ConnectionArgs& wanted = args.connection;
    client::Options out;
    out.url = url;
    out.signer = signer;
    out.encoding = wanted.encoding;
    out.contract_id = wanted.contract_id;
    out.contract_version = wanted.contract_version;
    out.trusted_keys = wanted.trusted_keys;
    out.quorum = wanted.quorum;
    out.verify_certificate = wanted.verify_tls;
    out.ca_file = wanted.ca_file;
    out.connect_timeout_ms = wanted.connect_timeout_ms;
    out.request_timeout_ms = timeout_ms;
    out.proxy = wanted.proxy;
    if (args.trace) {
        out.on_message = [trace = args.trace, url](bool is_ours, ByteView message) {
            trace->on_message(url, is_ours, message);
        };
    }
    if (pin != nullptr) {
        out.server_key = pin->key;
        out.certificate_sha256 = pin->certificate_sha256;
        if (wanted.trusted_keys.empty()) {
            out.validators = pin->unl;
        }
    }
    return out;
}

void Session::connect() {
    auto pin = pin_for(args_, url());
    if (!pin) {
        finish(tl::unexpected(std::move(pin.error())));
        reactor_.post([this] { reactor_.stop(); }); // run() has not begun
        return;
    }
    pin_ = std::move(*pin);
    const auto options =
        client_options(args_, url(), signer_, pin_ ? &*pin_ : nullptr, timeout_ms_);
    client_ = std::make_unique<client::Client>(reactor_, options, events, args_.log);
    client_->connect([this](const client::ServerInfo&) { on_connected(); },
                     [this](const client::ConnectError& error) { on_connect_failed(error); });
}

void Session::connect_later() {
    backoff_us_ = std::clamp(backoff_us_ * 2, backoff_first_us, backoff_max_us);
    connect_timer_.arm_after(backoff_us_, [this] { connect(); });
}

void Session::on_connected() {
    connected_ = true;
    was_connected_ = true;
    backoff_us_ = 0;
    tried_.clear();
    connected_mono_ms_ = SystemClock().now().mono_ms();
    note_server(args_, url(), client_->server(), pin_);
    on_ready_();
}

void Session::on_closed(const net::CloseInfo& info) {
    const std::string why =
        "the server closed the connection" + (info.reason.empty() ? "" : " (" + info.reason + ")");
    connected_ = false;
    if (!outcome_ && on_lost && on_lost(why)) {
        connect_later();
        return;
    }
    finish(Error{Errc::closed, why});
    reactor_.stop();
}

Failure connect_failure(const std::string& url, const client::ConnectError& error) {
    const ErrorId id = error_id(error.problem);
    Failure out{id, error.message, hint_for(id)};
    if (id == ErrorId::cannot_connect) {
        out.message = "no connection to " + url + ": " + error.message;
    }
    out.detail = {{"server", url}};
    return out;
}

void Session::on_connect_failed(const client::ConnectError& error) {
    tried_.emplace_back(url(), error.message);
    const std::size_t servers = args_.connection.servers.size();
    // A key that the old session still holds is free again soon.
    const bool goes_on = was_connected_ || patient;
    const bool passing = may_try_next(error.problem) ||
                         (goes_on && error.problem == client::ConnectProblem::refused);
    if (goes_on && passing) {
        attempt_ = (attempt_ + 1) % servers;
        connect_later();
        return;
    }
    if (passing && attempt_ + 1 < servers) {
        ++attempt_;
        connect();
        return;
    }
    Failure out = connect_failure(url(), error);
    if (tried_.size() > 1) {
        out.detail = tried_;
    }
    finish(tl::unexpected(std::move(out)));
}

void Session::finish(Outcome outcome) {
    if (outcome_) {
        return;
    }
    if (!outcome && outcome.error().id == ErrorId::agent && !agent_failed_) {
        agent_failed_ = true;
        signal_timer_.arm_after(signal_grace_us, [this, outcome] { finish(outcome); });
        return;
    }
    outcome_ = std::move(outcome);
    connect_timer_.cancel();
    if (!connected_) {
        reactor_.stop();
        return;
    }
    // An orderly end frees the key on the node before this process is gone.
    close_timer_.arm_after(close_wait_us, [this] { reactor_.stop(); });
    client_->close();
}

void Session::finish(const Error& error) {
    finish(tl::unexpected(call_failure(error)));
}

std::int64_t Session::elapsed_ms() const {
    return SystemClock().now().mono_ms() - connected_mono_ms_;
}

Failure call_failure(const Error& error) {
    switch (error.code) {
    case Errc::closed:
        return {ErrorId::connection_lost, error.context};
    case Errc::timeout:
        return {ErrorId::timed_out, error.context};
    case Errc::unavailable:
        return {ErrorId::query_failed, error.context};
    case Errc::corrupt:
        return {ErrorId::wrong_ledger, error.context};
    case Errc::denied:
        return {ErrorId::agent, error.context, hint_for(ErrorId::agent)};
    default:
        return {ErrorId::failed, error.context};
    }
}

tl::expected<client::Signer, Failure> session_signer(const Args& args, std::string_view fallback) {
    if (auto enough = require_connections(args); !enough) {
        return tl::unexpected(std::move(enough.error()));
    }
    return key_signer(args, fallback);
}

tl::expected<client::Signer, Failure> key_signer(const Args& args, std::string_view fallback) {
    auto key = choose_key(args, args.connection.key, fallback);
    if (!key) {
        return tl::unexpected(std::move(key.error()));
    }
    if (!key->note.empty() && !args.quiet) {
        write_note(note_head(args) + key->note + "\n");
    }
    return key->signer;
}

JsonObject server_json(const std::string& url, const client::ServerInfo& server) {
    JsonObject out;
    out.add("url", url).add("key", server.key.hex());
    out.add("contract_id", server.contract_id).add("contract_version", server.contract_version);
    out.add("hp_version", server.hp_version);
    return out;
}

JsonObject server_json(Session& session) {
    return server_json(session.url(), session.client().server());
}

} // namespace hp::cli
