// SPDX-License-Identifier: Apache-2.0
// One connection and one task on it: connects (servers in the order given), runs the task's
// callbacks on the reactor, closes in good order, and gives back what the task ended with. A task
// that can go on after a lost connection gets a new one, to the next server that answers. SIGINT
// and SIGTERM end it too. One thread.
#pragma once

#include "cli/args.hpp"
#include "cli/trust.hpp"
#include "hp/client/client.hpp"

#include <functional>
#include <memory>

namespace hp::cli {

class Session {
public:
    // Set the event handlers that the task needs in `events` before run().
    Session(const Args& args, const client::Signer& signer, std::int64_t timeout_ms);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    client::Events events; // on_closed is the session's own
    // The connection is lost. True: connect again and call on_ready again. Unset: give up.
    std::function<bool(const std::string& why)> on_lost;

    // Servers that are not there yet are tried again, too.
    bool patient = false;

    // `on_ready` starts the task once connected; it ends with finish().
    Outcome run(std::function<void()> on_ready);

    // The first call counts.
    void finish(Outcome outcome);
    void finish(const Error& error); // of a client call

    client::Client& client() { return *client_; }
    const client::Client& client() const { return *client_; }
    net::Reactor& reactor() { return reactor_; }
    const std::string& url() const { return args_.connection.servers[attempt_]; }
    std::int64_t elapsed_ms() const; // since connected

private:
    void connect();
    void connect_later();
    void on_connected();
    void on_closed(const net::CloseInfo& info);
    void on_connect_failed(const client::ConnectError& error);

    const Args& args_;
    net::Reactor reactor_;
    client::Signer signer_;
    std::int64_t timeout_ms_;
    std::function<void()> on_ready_;
    std::size_t attempt_ = 0;
    std::vector<std::pair<std::string, std::string>> tried_; // server, what went wrong
    std::optional<Pin> pin_;                                 // of the server at hand
    TimeMs connected_mono_ms_ = 0;
    bool connected_ = false;
    bool was_connected_ = false;  // ever
    std::int64_t backoff_us_ = 0; // before the next attempt
    std::optional<Outcome> outcome_;
    net::Timer close_timer_;
    net::Timer connect_timer_;
    net::Timer signal_timer_;
    bool agent_failed_ = false;
    std::unique_ptr<client::Client> client_;
};

// What `args` say about connecting to `url`; `pin` may be null.
client::Options client_options(const Args& args, const std::string& url,
                               const client::Signer& signer, const Pin* pin,
                               std::int64_t timeout_ms);

// What a server that could not be connected to means for the command.
Failure connect_failure(const std::string& url, const client::ConnectError& error);

// An error of a client call as the user sees it.
Failure call_failure(const Error& error);

// Who signs, or the end of the command. Tells about a key that was made for it.
tl::expected<client::Signer, Failure> key_signer(const Args& args, std::string_view fallback);
// The same for a session that can begin: as many servers are up as the command wants.
tl::expected<client::Signer, Failure> session_signer(const Args& args, std::string_view fallback);

// For answers that name their server: {"url":..,"key":..}.
class JsonObject;
JsonObject server_json(const std::string& url, const client::ServerInfo& server);
JsonObject server_json(Session& session);

inline constexpr std::int64_t default_timeout_ms = 15'000;

} // namespace hp::cli
