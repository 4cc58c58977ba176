// SPDX-License-Identifier: Apache-2.0
#include "benchmarks.hpp"
#include "hp/base/time.hpp"
#include "inputs_prepared.hpp"
#include "sessions.hpp"

#include <algorithm>

namespace hp::bench {
namespace {

// Within the default limit of 10, with room for ledgers that close while the input is on its way.
constexpr LedgerSeq expire_after = 8;

constexpr std::int64_t answer_timeout_us = 30'000'000;

class LatencyRun {
public:
    explicit LatencyRun(const LatencyOptions& options)
        : options_(options), timer_(reactor_),
          sessions_(reactor_, options.url, 1,
                    {[this] { begin(); },
                     [this](std::size_t, const proto::ServerMessage& m) { on_message(m); }}) {}

    Result<Report> execute() {
        sessions_.open();
        reactor_.run();
        if (sessions_.failure() || problem_) {
            return fail(Errc::io, problem_ ? *problem_ : *sessions_.failure());
        }
        Report out("latency");
        out.add("inputs", to_output_.count());
        out.add("accepted", to_accepted_);
        out.add("output", to_output_);
        return out;
    }

private:
    void begin() {
        sessions_.send(0, proto::SubscriptionRequest{proto::Channel::ledger_event, true});
        sessions_.send(0, proto::LclRequest{});
    }

    void on_message(const proto::ServerMessage& message) {
        const std::int64_t now_us = clock_.now().mono_us;
        if (const auto* lcl = std::get_if<proto::LclResponse>(&message)) {
            lcl_ = std::max(lcl_, lcl->ledger.seq);
            send_next();
        } else if (const auto* created = std::get_if<proto::LedgerCreated>(&message)) {
            lcl_ = std::max(lcl_, created->ledger.seq);
        } else if (const auto* status = std::get_if<proto::InputStatus>(&message)) {
            on_status(*status, now_us);
        } else if (const auto* output = std::get_if<proto::ContractOutput>(&message)) {
            on_output(*output, now_us);
        }
    }

    void send_next() {
        const auto nonce = static_cast<std::uint64_t>(clock_.now().wall_ms);
        last_nonce_ = std::max(last_nonce_ + 1, nonce);
        const PreparedInput input =
            prepare_input(sessions_.keys(0), to_output_.count(), last_nonce_, lcl_ + expire_after,
                          options_.payload_bytes);
        timer_.arm_after(answer_timeout_us, [this] { give_up("no answer to an input"); });
        sent_us_ = clock_.now().mono_us;
        sessions_.send(0, input.message);
    }

    void on_status(const proto::InputStatus& status, std::int64_t now_us) {
        if (status.rejected) {
            give_up("an input was rejected: " + std::string(to_string(*status.rejected)));
            return;
        }
        to_accepted_.add(now_us - sent_us_);
    }

    void on_output(const proto::ContractOutput& output, std::int64_t now_us) {
        const auto is_ours = [this](const Bytes& echo) {
            return number_of(echo) == std::uint64_t{to_output_.count()};
        };
        if (std::none_of(output.outputs.begin(), output.outputs.end(), is_ours)) {
            return;
        }
        to_output_.add(now_us - sent_us_);
        if (to_output_.count() == options_.count) {
            reactor_.stop();
            return;
        }
        const std::int64_t due_us = sent_us_ + options_.interval_ms * 1000;
        timer_.arm_at(std::max(due_us, now_us), [this] { send_next(); });
    }

    void give_up(std::string why) {
        problem_ = std::move(why);
        reactor_.stop();
    }

    LatencyOptions options_;
    SystemClock clock_;
    net::Reactor reactor_;
    net::Timer timer_;
    Sessions sessions_;
    LedgerSeq lcl_ = 0;
    std::uint64_t last_nonce_ = 0;
    std::int64_t sent_us_ = 0;
    Samples to_accepted_;
    Samples to_output_;
    std::optional<std::string> problem_;
};

} // namespace

Result<Report> measure_latency(const LatencyOptions& options) {
    return LatencyRun(options).execute();
}

} // namespace hp::bench
