// SPDX-License-Identifier: Apache-2.0
#include "cli/min_connections.hpp"

#include "cli/fleet.hpp"
#include "cli/progress.hpp"
#include "hp/base/time.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

namespace hp::cli {
namespace {

constexpr std::int64_t look_again_ms = 200;

// Done as soon as there are enough: one that is slow or gone holds nobody up then.
class Count {
public:
    explicit Count(const Args& args)
        : args_(quiet(args)), fleet_(args_, crypto::make_key_pair(), 0) {}

    tl::expected<void, Failure> run() {
        if (auto done = fleet_.run([this](std::size_t member) { on_ready(member); }); !done) {
            return done;
        }
        const std::uint64_t wanted = args_.connection.min_connections;
        if (up_ >= wanted) {
            return {};
        }
        Failure out{ErrorId::cannot_connect,
                    std::to_string(up_) + " of " + std::to_string(fleet_.members().size()) +
                        " servers can be connected to, --min-connections wants " +
                        std::to_string(wanted)};
        for (const Fleet::Member& member : fleet_.members()) {
            out.detail.emplace_back(member.url, member.problem ? member.problem->message : "up");
        }
        return tl::unexpected(std::move(out));
    }

private:
    // What there is to tell about a server, the command itself will tell.
    static Args quiet(const Args& args) {
        Args out = args;
        out.quiet = true;
        return out;
    }

    void on_ready(std::size_t member) {
        ++up_;
        fleet_.succeed(member);
        if (up_ < args_.connection.min_connections) {
            return;
        }
        for (std::size_t i = 0; i < fleet_.members().size(); ++i) {
            fleet_.fail(i, Failure{ErrorId::cannot_connect, "not waited for"});
        }
    }

    const Args args_;
    Fleet fleet_;
    std::uint64_t up_ = 0;
};

tl::expected<bool, Failure> is_wanted(const Args& args) {
    const std::uint64_t wanted = args.connection.min_connections;
    if (wanted > std::max<std::size_t>(args.connection.servers.size(), 1)) {
        return failure(ErrorId::usage,
                       "--min-connections " + std::to_string(wanted) +
                           " cannot be met: the number of servers is " +
                           std::to_string(args.connection.servers.size()),
                       "name more with --server, or with a context");
    }
    return wanted > 1;
}

} // namespace

tl::expected<void, Failure> require_connections(const Args& args) {
    const auto wanted = is_wanted(args);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    if (!*wanted) {
        return {};
    }
    const Progress progress(args, "connecting");
    return Count(args).run();
}

tl::expected<void, Failure> await_connections(const Args& args, std::int64_t patience_ms) {
    const auto wanted = is_wanted(args);
    if (!wanted) {
        return tl::unexpected(wanted.error());
    }
    const Progress progress(args, "waiting for the servers");
    const std::int64_t started_ms = SystemClock().now().mono_ms();
    for (;;) {
        auto done = *wanted ? Count(args).run() : tl::expected<void, Failure>();
        const std::int64_t passed_ms = SystemClock().now().mono_ms() - started_ms;
        if (done || done.error().id != ErrorId::cannot_connect ||
            (patience_ms > 0 && passed_ms + look_again_ms > patience_ms)) {
            return done;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(look_again_ms));
    }
}

} // namespace hp::cli
