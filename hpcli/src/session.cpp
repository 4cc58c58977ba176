// SPDX-License-Identifier: Apache-2.0
#include "session.hpp"

#include "hp/os/log_sinks.hpp"
#include "json_writer.hpp"
#include "keys.hpp"
#include "output.hpp"

#include <csignal>

namespace hp::cli {
namespace {

// A node that does not answer the close is not worth more waiting.
constexpr std::int64_t close_wait_us = 1'000'000;

Log make_log(const Args& args) {
    if (args.quiet) {
        return {};
    }
    auto sink = os::make_log_sink(true, nullptr);
    return sink ? Log(*sink, args.verbose ? LogLevel::debug : LogLevel::warning, "cli") : Log();
}

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

Session::Session(const Args& args, const crypto::KeyPair& keys, std::int64_t timeout_ms)
    : args_(args), keys_(keys), timeout_ms_(timeout_ms), log_(make_log(args)),
      close_timer_(reactor_) {}

Session::~Session() = default;

Outcome Session::run(std::function<void()> on_ready) {
    on_ready_ = std::move(on_ready);
    events.on_closed = [this](const net::CloseInfo& info) {
        finish(Error{Errc::closed, "the server closed the connection" +
                                       (info.reason.empty() ? "" : " (" + info.reason + ")")});
        reactor_.stop();
    };
    reactor_.on_signals({SIGINT, SIGTERM}, [this](int signal) {
        finish(tl::unexpected(silent(signal == SIGINT ? exit_interrupted : exit_terminated)));
    });
    connect();
    reactor_.run();
    client_.reset();
    return std::move(*outcome_);
}

client::Options Session::client_options() const {
    const ConnectionArgs& wanted = args_.connection;
    client::Options out;
    out.url = wanted.servers[attempt_];
    out.keys = keys_;
    out.encoding = wanted.encoding;
    out.contract_id = wanted.contract_id;
    out.contract_version = wanted.contract_version;
    out.trusted_keys = wanted.trusted_keys;
    out.quorum = wanted.quorum;
    out.verify_certificate = wanted.verify_tls;
    out.ca_file = wanted.ca_file;
    out.connect_timeout_ms = wanted.connect_timeout_ms;
    out.request_timeout_ms = timeout_ms_;
    return out;
}

void Session::connect() {
    client_ = std::make_unique<client::Client>(reactor_, client_options(), events, log_);
    client_->connect([this](const client::ServerInfo&) { on_connected(); },
                     [this](const client::ConnectError& error) { on_connect_failed(error); });
}

void Session::on_connected() {
    connected_ = true;
    connected_mono_ms_ = SystemClock().now().mono_ms();
    on_ready_();
}

void Session::on_connect_failed(const client::ConnectError& error) {
    tried_.emplace_back(url(), error.message);
    if (may_try_next(error.problem) && attempt_ + 1 < args_.connection.servers.size()) {
        ++attempt_;
        connect();
        return;
    }
    const ErrorId id = error_id(error.problem);
    Failure out{id, error.message, hint_for(id)};
    if (id == ErrorId::cannot_connect) {
        out.message = "no connection to " + url() + ": " + error.message;
    }
    if (tried_.size() > 1) {
        out.detail = tried_;
    } else {
        out.detail = {{"server", url()}};
    }
    finish(tl::unexpected(std::move(out)));
}

void Session::finish(Outcome outcome) {
    if (outcome_) {
        return;
    }
    outcome_ = std::move(outcome);
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
    default:
        return {ErrorId::failed, error.context};
    }
}

tl::expected<crypto::KeyPair, Failure> session_key(const Args& args, std::string_view fallback) {
    auto key = choose_key(args.connection.key, fallback);
    if (!key) {
        return tl::unexpected(std::move(key.error()));
    }
    if (!key->note.empty() && !args.quiet) {
        write_note("hpcli: " + key->note + "\n");
    }
    return key->keys;
}

JsonObject server_json(Session& session) {
    const client::ServerInfo& server = session.client().server();
    JsonObject out;
    out.add("url", session.url()).add("key", server.key.hex());
    out.add("contract_id", server.contract_id).add("contract_version", server.contract_version);
    out.add("hp_version", server.hp_version);
    return out;
}

} // namespace hp::cli
