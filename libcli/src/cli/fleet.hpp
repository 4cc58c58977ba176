// SPDX-License-Identifier: Apache-2.0
// The same question to every server at once. Each member succeeds or fails by itself; the fleet is
// done when all are, when time is up, or by a signal. One thread.
#pragma once

#include "cli/args.hpp"
#include "cli/trust.hpp"
#include "hp/client/client.hpp"

#include <functional>
#include <memory>
#include <vector>

namespace hp::cli {

class Fleet {
public:
    struct Member {
        std::string url;
        std::optional<Pin> pin;
        std::unique_ptr<client::Client> client; // for server(): also after the end
        std::int64_t connected_mono_us = 0;     // 0: never
        std::optional<Failure> problem;         // of connecting or of the task
        bool done = false;
    };

    Fleet(const Args& args, const client::Signer& signer, std::int64_t timeout_ms);

    // `on_ready` gets each member that is connected; it ends with succeed() or fail(). An error
    // only for what is wrong with all of them.
    tl::expected<void, Failure> run(std::function<void(std::size_t)> on_ready);

    void succeed(std::size_t member);
    void fail(std::size_t member, Failure problem);
    void fail(std::size_t member, const Error& error);

    const std::vector<Member>& members() const { return members_; }
    client::Client& client(std::size_t member) { return *members_[member].client; }
    net::Reactor& reactor() { return reactor_; }
    std::int64_t elapsed_us(std::size_t member) const; // since connected

private:
    tl::expected<void, Failure> connect(std::size_t member);
    void end(std::size_t member);

    const Args& args_;
    const client::Signer signer_;
    const std::int64_t timeout_ms_;
    net::Reactor reactor_;
    net::Timer deadline_;
    std::function<void(std::size_t)> on_ready_;
    std::vector<Member> members_;
    int signal_exit_ = 0;
};

} // namespace hp::cli
