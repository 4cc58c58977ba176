// SPDX-License-Identifier: Apache-2.0
#include "benchmarks.hpp"
#include "hp/base/time.hpp"
#include "process_tree.hpp"
#include "sessions.hpp"

#include <algorithm>
#include <map>

namespace hp::bench {
namespace {

constexpr std::int64_t read_patience_us = 15'000'000; // without any answer, the rest is lost

class ReadsRun {
public:
    explicit ReadsRun(const ReadsOptions& options)
        : options_(options), timer_(reactor_), next_timer_(reactor_),
          sessions_(reactor_, options.url, 1,
                    {[this] { begin(); },
                     [this](std::size_t, const proto::ServerMessage& m) { on_message(m); }}) {}

    Result<Report> execute() {
        sessions_.open();
        reactor_.run();
        if (sessions_.failure()) {
            return fail(Errc::io, *sessions_.failure());
        }
        if (latencies_.count() == 0) {
            return fail(Errc::timeout, "no read request was answered");
        }
        return report();
    }

private:
    void begin() {
        cpu_at_start_us_ = node_cpu_us();
        start_us_ = clock_.now().mono_us;
        last_answer_us_ = start_us_;
        for (std::size_t i = 0; i < std::min(options_.outstanding, options_.count); ++i) {
            send_next();
        }
        watch();
    }

    void send_next() {
        const std::string id = std::to_string(next_++);
        sent_us_[id] = clock_.now().mono_us;
        sessions_.send(0, proto::ReadRequest{id, Bytes(options_.payload_bytes, 'r')});
    }

    void on_message(const proto::ServerMessage& message) {
        const auto* response = std::get_if<proto::ReadResponse>(&message);
        const auto sent = response != nullptr ? sent_us_.find(response->reply_for) : sent_us_.end();
        if (sent == sent_us_.end()) {
            return;
        }
        last_answer_us_ = clock_.now().mono_us;
        latencies_.add(last_answer_us_ - sent->second);
        const std::int64_t due_us = sent->second + options_.interval_ms * 1000;
        sent_us_.erase(sent);
        if (next_ < options_.count && due_us > last_answer_us_) {
            next_timer_.arm_at(due_us, [this] { send_next(); });
        } else if (next_ < options_.count) {
            send_next();
        } else if (sent_us_.empty()) {
            reactor_.stop();
        }
    }

    void watch() {
        timer_.arm_after(read_patience_us / 10, [this] {
            if (clock_.now().mono_us - last_answer_us_ > read_patience_us) {
                reactor_.stop();
            } else {
                watch();
            }
        });
    }

    std::int64_t node_cpu_us() const {
        const auto use = measure_tree(options_.node_pid);
        return use ? use->cpu_us : 0;
    }

    Report report() const {
        Report out("reads");
        const auto elapsed_us = static_cast<double>(last_answer_us_ - start_us_);
        out.add("outstanding", std::uint64_t{options_.outstanding});
        out.add("answered", std::uint64_t{latencies_.count()});
        out.add("lost", std::uint64_t{sent_us_.size()});
        out.add("seconds", elapsed_us / 1e6);
        out.add("reads_per_s", static_cast<double>(latencies_.count()) * 1e6 / elapsed_us);
        out.add("read", latencies_);
        if (options_.node_pid > 0) {
            out.add("node_cpu_percent",
                    static_cast<double>(node_cpu_us() - cpu_at_start_us_) * 100.0 / elapsed_us);
        }
        return out;
    }

    ReadsOptions options_;
    SystemClock clock_;
    net::Reactor reactor_;
    net::Timer timer_;
    net::Timer next_timer_;
    Sessions sessions_;
    std::size_t next_ = 0;
    std::map<std::string, std::int64_t> sent_us_; // unanswered ones, by id
    Samples latencies_;
    std::int64_t start_us_ = 0;
    std::int64_t last_answer_us_ = 0;
    std::int64_t cpu_at_start_us_ = 0;
};

} // namespace

Result<Report> measure_reads(const ReadsOptions& options) {
    return ReadsRun(options).execute();
}

} // namespace hp::bench
