// SPDX-License-Identifier: Apache-2.0
#include "cli/fleet.hpp"

#include "cli/session.hpp"

#include <algorithm>
#include <csignal>

namespace hp::cli {

Fleet::Fleet(const Args& args, const client::Signer& signer, std::int64_t timeout_ms)
    : args_(args), signer_(signer), timeout_ms_(timeout_ms), deadline_(reactor_) {
    for (const std::string& url : args.connection.servers) {
        members_.emplace_back().url = url;
    }
}

tl::expected<void, Failure> Fleet::run(std::function<void(std::size_t)> on_ready) {
    on_ready_ = std::move(on_ready);
    reactor_.on_signals({SIGINT, SIGTERM}, [this](int signal) {
        signal_exit_ = signal == SIGINT ? exit_interrupted : exit_terminated;
        reactor_.stop();
    });
    if (timeout_ms_ > 0) {
        deadline_.arm_after(timeout_ms_ * 1000, [this] {
            for (std::size_t i = 0; i < members_.size(); ++i) {
                fail(i, Failure{ErrorId::timed_out,
                                "no answer within " + std::to_string(timeout_ms_) + " ms"});
            }
        });
    }
    for (std::size_t i = 0; i < members_.size(); ++i) {
        if (auto started = connect(i); !started) {
            return started;
        }
    }
    reactor_.run();
    if (signal_exit_ != 0) {
        return tl::unexpected(silent(signal_exit_));
    }
    return {};
}

tl::expected<void, Failure> Fleet::connect(std::size_t member) {
    Member& self = members_[member];
    auto pin = pin_for(args_, self.url);
    if (!pin) {
        return tl::unexpected(std::move(pin.error()));
    }
    self.pin = std::move(*pin);
    client::Events events;
    events.on_closed = [this, member](const net::CloseInfo& info) {
        fail(member,
             Error{Errc::closed, "the server closed the connection" +
                                     (info.reason.empty() ? "" : " (" + info.reason + ")")});
    };
    self.client = std::make_unique<client::Client>(
        reactor_,
        client_options(args_, self.url, signer_, self.pin ? &*self.pin : nullptr, timeout_ms_),
        std::move(events), args_.log);
    self.client->connect(
        [this, member](const client::ServerInfo& server) {
            Member& here = members_[member];
            here.connected_mono_us = SystemClock().now().mono_us;
            note_server(args_, here.url, server, here.pin);
            on_ready_(member);
        },
        [this, member](const client::ConnectError& error) {
            fail(member, connect_failure(members_[member].url, error));
        });
    return {};
}

void Fleet::succeed(std::size_t member) {
    end(member);
}

void Fleet::fail(std::size_t member, Failure problem) {
    if (!members_[member].done) {
        members_[member].problem = std::move(problem);
        end(member);
    }
}

void Fleet::fail(std::size_t member, const Error& error) {
    fail(member, call_failure(error));
}

void Fleet::end(std::size_t member) {
    members_[member].done = true;
    if (members_[member].connected_mono_us != 0) {
        members_[member].client->close();
    }
    if (std::ranges::all_of(members_, &Member::done)) {
        deadline_.arm_after(50'000, [this] { reactor_.stop(); }); // the close frames go out first
    }
}

std::int64_t Fleet::elapsed_us(std::size_t member) const {
    return SystemClock().now().mono_us - members_[member].connected_mono_us;
}

} // namespace hp::cli
