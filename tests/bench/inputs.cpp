// SPDX-License-Identifier: Apache-2.0
// The clock starts when all inputs are signed. Sending ends with the time or with the inputs, and
// what is on its way then still counts: rates are over the time to the last answer.
#include "benchmarks.hpp"
#include "hp/base/time.hpp"
#include "inputs_prepared.hpp"
#include "process_tree.hpp"
#include "sessions.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>

namespace hp::bench {
namespace {

constexpr std::int64_t settle_us = 500'000;      // after signing, which kept a processor busy
constexpr std::int64_t pacer_us = 1'000;         // between looks at which inputs are due
constexpr std::int64_t patience_us = 10'000'000; // without any answer, the rest is lost

struct Sent {
    net::SharedBytes message;
    std::size_t session = 0;
    std::int64_t due_us = 0; // when it was, or should have been, sent
    bool answered = false;
    bool echoed = false;
};

class InputsRun {
public:
    explicit InputsRun(const InputsOptions& options)
        : options_(options), timer_(reactor_),
          sessions_(reactor_, options.url, options.connections,
                    {[this] { sessions_.send(0, proto::LclRequest{}); },
                     [this](std::size_t session, const proto::ServerMessage& m) {
                         on_message(session, m);
                     }}) {}

    Result<Report> execute() {
        sessions_.open();
        reactor_.run();
        if (sessions_.failure()) {
            return fail(Errc::io, *sessions_.failure());
        }
        if (accepted_ == 0) {
            return fail(Errc::invalid,
                        rejections_.empty()
                            ? "no input was answered"
                            : "all inputs were rejected: " +
                                  std::string(to_string(rejections_.begin()->first)));
        }
        return report();
    }

private:
    // --- before the clock ---
    void on_lcl(LedgerSeq lcl) {
        const auto wanted = static_cast<std::size_t>(
            options_.per_second
                ? std::ceil(*options_.per_second * static_cast<double>(options_.seconds))
                : static_cast<double>(options_.prepared));
        inputs_.reserve(wanted);
        by_hash_.reserve(wanted);
        const auto first_nonce = static_cast<std::uint64_t>(clock_.now().wall_ms);
        for (std::size_t i = 0; i < wanted; ++i) {
            const std::size_t session = i % sessions_.count();
            PreparedInput input =
                prepare_input(sessions_.keys(session), i, first_nonce + i,
                              lcl + options_.expire_after, options_.payload_bytes);
            by_hash_.emplace(input.hash, i);
            inputs_.push_back({std::move(input.message), session, 0, false, false});
        }
        to_accepted_.reserve(wanted);
        to_output_.reserve(wanted);
        next_of_session_.resize(sessions_.count());
        for (std::size_t i = 0; i < sessions_.count(); ++i) {
            next_of_session_[i] = i;
        }
        timer_.arm_after(settle_us, [this] { begin(); });
    }

    void begin() {
        start_us_ = clock_.now().mono_us;
        last_answer_us_ = start_us_;
        cpu_at_start_us_ = node_cpu_us();
        if (options_.per_second) {
            send_due();
            return;
        }
        for (std::size_t session = 0; session < sessions_.count(); ++session) {
            for (std::size_t i = 0; i < options_.window; ++i) {
                send_next_of(session);
            }
        }
        timer_.arm_after(options_.seconds * 1'000'000, [this] { end_sending(); });
    }

    // --- sending ---
    void send(std::size_t index, std::int64_t due_us) {
        Sent& input = inputs_[index];
        input.due_us = due_us;
        sessions_.send(input.session, std::move(input.message));
        ++sent_;
    }

    // Every session has its own share, every count()-th input.
    void send_next_of(std::size_t session) {
        std::size_t& next = next_of_session_[session];
        if (!sending_ || next >= inputs_.size()) {
            end_sending();
            return;
        }
        send(next, clock_.now().mono_us);
        next += sessions_.count();
    }

    void send_due() {
        const std::int64_t now_us = clock_.now().mono_us;
        const double interval_us = 1e6 / *options_.per_second;
        while (sent_ < inputs_.size()) {
            const std::int64_t due_us =
                start_us_ + static_cast<std::int64_t>(static_cast<double>(sent_) * interval_us);
            if (due_us > now_us) {
                timer_.arm_at(std::min(due_us, now_us + pacer_us), [this] { send_due(); });
                return;
            }
            late_.add(now_us - due_us);
            send(sent_, due_us);
        }
        end_sending();
    }

    void end_sending() {
        if (sending_) {
            sending_ = false;
            wait_for_rest();
        }
    }

    // --- answers ---
    void on_message(std::size_t session, const proto::ServerMessage& message) {
        if (const auto* status = std::get_if<proto::InputStatus>(&message)) {
            on_status(session, *status);
        } else if (const auto* output = std::get_if<proto::ContractOutput>(&message)) {
            on_output(*output);
        } else if (const auto* lcl = std::get_if<proto::LclResponse>(&message)) {
            on_lcl(lcl->ledger.seq);
        }
    }

    void on_status(std::size_t session, const proto::InputStatus& status) {
        const auto hash = Hash32::from(status.input_hash);
        const auto known = hash ? by_hash_.find(*hash) : by_hash_.end();
        if (known == by_hash_.end() || inputs_[known->second].answered) {
            ++unexpected_;
            return;
        }
        Sent& input = inputs_[known->second];
        input.answered = true;
        last_answer_us_ = clock_.now().mono_us;
        if (status.rejected) {
            ++rejections_[*status.rejected];
            ++rejected_;
        } else {
            ++accepted_;
            last_accepted_us_ = last_answer_us_;
            to_accepted_.add(last_answer_us_ - input.due_us);
        }
        if (!options_.per_second && sending_) {
            send_next_of(session);
        }
    }

    void on_output(const proto::ContractOutput& message) {
        last_answer_us_ = clock_.now().mono_us;
        for (const Bytes& echo : message.outputs) {
            const auto number = number_of(echo);
            if (!number || *number >= inputs_.size() || inputs_[*number].echoed) {
                ++unexpected_;
                continue;
            }
            Sent& input = inputs_[*number];
            input.echoed = true;
            ++echoed_;
            last_echo_us_ = last_answer_us_;
            to_output_.add(last_answer_us_ - input.due_us);
        }
    }

    void wait_for_rest() {
        const bool complete = accepted_ + rejected_ == sent_ && echoed_ == accepted_;
        const std::int64_t now_us = clock_.now().mono_us;
        if (complete || now_us - last_answer_us_ > patience_us) {
            cpu_at_end_us_ = node_cpu_us();
            ended_us_ = now_us;
            reactor_.stop();
            return;
        }
        timer_.arm_after(pacer_us, [this] { wait_for_rest(); });
    }

    std::int64_t node_cpu_us() const {
        const auto use = measure_tree(options_.node_pid);
        return use ? use->cpu_us : 0;
    }

    double per_second(std::size_t count, std::int64_t until_us) const {
        return until_us > start_us_
                   ? static_cast<double>(count) * 1e6 / static_cast<double>(until_us - start_us_)
                   : 0;
    }

    Report report() const {
        Report out("inputs");
        out.add("connections", std::uint64_t{sessions_.count()});
        out.add("seconds", static_cast<double>(last_accepted_us_ - start_us_) / 1e6);
        out.add("sent", std::uint64_t{sent_});
        out.add("accepted", std::uint64_t{accepted_});
        out.add("rejected", std::uint64_t{rejected_});
        for (const auto& [reason, count] : rejections_) {
            out.add("rejected_" + std::string(to_string(reason)), std::uint64_t{count});
        }
        out.add("lost", std::uint64_t{sent_ - accepted_ - rejected_});
        out.add("outputs_missing", std::uint64_t{accepted_ - echoed_});
        out.add("unexpected", std::uint64_t{unexpected_});
        out.add("accepted_per_s", per_second(accepted_, last_accepted_us_));
        out.add("outputs_per_s", per_second(echoed_, last_echo_us_));
        out.add("accepted", to_accepted_);
        out.add("output", to_output_);
        if (options_.per_second) {
            out.add("asked_per_s", *options_.per_second);
            out.add("sent_late", late_);
        }
        if (options_.node_pid > 0) {
            out.add("node_cpu_percent", static_cast<double>(cpu_at_end_us_ - cpu_at_start_us_) *
                                            100.0 / static_cast<double>(ended_us_ - start_us_));
        }
        return out;
    }

    InputsOptions options_;
    SystemClock clock_;
    net::Reactor reactor_;
    net::Timer timer_;
    Sessions sessions_;

    std::vector<Sent> inputs_;
    std::unordered_map<Hash32, std::size_t, IdHash<Hash32>> by_hash_;
    std::vector<std::size_t> next_of_session_;
    bool sending_ = true;
    std::size_t sent_ = 0;
    std::size_t accepted_ = 0;
    std::size_t rejected_ = 0;
    std::size_t echoed_ = 0;
    std::size_t unexpected_ = 0;
    std::map<proto::RejectReason, std::size_t> rejections_;
    Samples to_accepted_;
    Samples to_output_;
    Samples late_;
    std::int64_t start_us_ = 0;
    std::int64_t ended_us_ = 0;
    std::int64_t last_answer_us_ = 0;
    std::int64_t last_accepted_us_ = 0;
    std::int64_t last_echo_us_ = 0;
    std::int64_t cpu_at_start_us_ = 0;
    std::int64_t cpu_at_end_us_ = 0;
};

} // namespace

Result<Report> measure_inputs(const InputsOptions& options) {
    return InputsRun(options).execute();
}

} // namespace hp::bench
