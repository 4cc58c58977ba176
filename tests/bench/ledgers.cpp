// SPDX-License-Identifier: Apache-2.0
#include "benchmarks.hpp"
#include "hp/base/time.hpp"
#include "sessions.hpp"

namespace hp::bench {
namespace {

class LedgersRun {
public:
    explicit LedgersRun(const LedgersOptions& options)
        : options_(options), timer_(reactor_),
          sessions_(reactor_, options.url, 1,
                    {[this] { begin(); },
                     [this](std::size_t, const proto::ServerMessage& m) { on_message(m); }}) {}

    Result<Report> execute() {
        sessions_.open();
        reactor_.run();
        if (sessions_.failure()) {
            return fail(Errc::io, *sessions_.failure());
        }
        if (intervals_.count() == 0) {
            return fail(Errc::timeout, "fewer than two ledgers closed in the time given");
        }
        return report();
    }

private:
    void begin() {
        sessions_.send(0, proto::SubscriptionRequest{proto::Channel::ledger_event, true});
        timer_.arm_after(options_.seconds * 1'000'000, [this] { reactor_.stop(); });
    }

    void on_message(const proto::ServerMessage& message) {
        const auto* created = std::get_if<proto::LedgerCreated>(&message);
        if (created == nullptr) {
            return;
        }
        const std::int64_t now_us = clock_.now().mono_us;
        if (intervals_.count() == 0 && first_us_ == 0) {
            first_us_ = now_us;
            first_seq_ = created->ledger.seq;
        } else {
            intervals_.add(now_us - last_us_);
        }
        last_us_ = now_us;
        last_seq_ = created->ledger.seq;
    }

    Report report() const {
        Report out("ledgers");
        const double seconds = static_cast<double>(last_us_ - first_us_) / 1e6;
        out.add("seconds", seconds);
        out.add("ledgers", last_seq_ - first_seq_);
        out.add("ledgers_per_s", static_cast<double>(last_seq_ - first_seq_) / seconds);
        out.add("interval", intervals_);
        out.add("interval_deviation_ms", intervals_.summarise().deviation_ms);
        return out;
    }

    LedgersOptions options_;
    SystemClock clock_;
    net::Reactor reactor_;
    net::Timer timer_;
    Sessions sessions_;
    Samples intervals_;
    std::int64_t first_us_ = 0;
    std::int64_t last_us_ = 0;
    LedgerSeq first_seq_ = 0;
    LedgerSeq last_seq_ = 0;
};

} // namespace

Result<Report> measure_ledgers(const LedgersOptions& options) {
    return LedgersRun(options).execute();
}

} // namespace hp::bench
