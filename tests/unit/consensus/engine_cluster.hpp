// SPDX-License-Identifier: Apache-2.0
// Engines that hear each other, every message and every write at once, so that what one member says
// can be watched. One owner.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "consensus/engine.hpp"

namespace hp::consensus::test {

inline constexpr std::size_t members = 4;

inline PublicKey key_of(std::size_t member) {
    PublicKey key;
    key.data.fill(static_cast<std::uint8_t>(member + 1));
    key.data[0] = key_prefix;
    return key;
}

class NoSigner final : public Signer {
public:
    Signature sign(ByteView) const override { return {}; }
};

struct Member {
    std::unique_ptr<Engine> engine;
    std::vector<LogRecord> log;
    std::map<LedgerSeq, SharedCertifiedLedger> ledgers;
    std::vector<Message> said; // to all
    std::size_t inputs_asked_for = 0;
    bool is_deaf = false; // hears nothing
    bool hears_prepares_last = false;
    bool checks_inputs = true; // at once; else they stay in `unchecked`
    std::vector<proto::SharedInput> unchecked;
    std::int64_t wake_us = INT64_MAX;
};

class Cluster {
public:
    explicit Cluster(std::size_t count = members, unsigned threshold_percent = 66)
        : members_(count) {
        params_.eager = false;
        params_.threshold_percent = threshold_percent;
        for (std::size_t i = 0; i < count; ++i) {
            params_.unl.insert(key_of(i));
        }
    }
    Member& member(std::size_t number) { return members_[number]; }
    Engine& engine(std::size_t number) { return *members_[number].engine; }

    void start(std::size_t number, bool may_have_forgotten = false) {
        Start state{nullptr, nullptr, std::make_shared<proto::ExecutionResult>(), {}, {}};
        Identity identity{key_of(number), true, {}, {}, ++starts_, may_have_forgotten};
        identity.nonce_secret.data[0] = static_cast<std::uint8_t>(starts_);
        Effects effects;
        members_[number].engine =
            std::make_unique<Engine>(params_, identity, signer_, std::move(state), now_, effects);
        perform_all(number, effects);
        settle();
    }
    void start_all() {
        for (std::size_t i = 0; i < members_.size(); ++i) {
            start(i);
        }
    }
    void step(std::size_t number, const Event& event) {
        queue_.push_back({number, event});
        settle();
    }
    void run_ms(std::int64_t ms) {
        for (const std::int64_t end_us = now_.mono_us + ms * 1000; now_.mono_us < end_us;) {
            now_.mono_us += 1000;
            now_.wall_ms += 1;
            for (std::size_t i = 0; i < members_.size(); ++i) {
                if (members_[i].engine && members_[i].wake_us <= now_.mono_us) {
                    members_[i].wake_us = INT64_MAX;
                    step(i, Tick{});
                }
            }
        }
    }
    template <class Said>
    std::size_t count_said(std::size_t number) const {
        return static_cast<std::size_t>(std::count_if(
            members_[number].said.begin(), members_[number].said.end(),
            [](const Message& message) { return std::holds_alternative<Said>(message); }));
    }

private:
    void settle() {
        while (!queue_.empty() || !late_.empty()) {
            if (queue_.empty()) {
                queue_.swap(late_);
            }
            const auto [number, event] = std::move(queue_.front());
            queue_.pop_front();
            if (members_[number].engine) {
                Effects effects;
                members_[number].engine->step(now_, event, effects);
                perform_all(number, effects);
            }
        }
    }
    void perform_all(std::size_t number, const Effects& effects) {
        for (const Effect& effect : effects) {
            perform(number, effect);
        }
    }
    void perform(std::size_t number, const Effect& effect) {
        Member& self = members_[number];
        if (const auto* append = std::get_if<AppendLog>(&effect)) {
            self.log.insert(self.log.end(), append->records.begin(), append->records.end());
            queue_.push_back({number, Logged{append->number}});
        } else if (const auto* broadcast = std::get_if<Broadcast>(&effect)) {
            self.said.push_back(broadcast->message);
            for (std::size_t to = 0; to < members_.size(); ++to) {
                send(number, to, broadcast->message);
            }
        } else if (const auto* one = std::get_if<SendTo>(&effect)) {
            const auto* get = std::get_if<GetInputs>(&one->message);
            self.inputs_asked_for += get != nullptr ? get->hashes.size() : 0;
            send(number, static_cast<std::size_t>(one->node.data[1] - 1), one->message);
        } else if (const auto* persist = std::get_if<Persist>(&effect)) {
            const LedgerSeq seq = persist->ledger->header.seq;
            self.ledgers[seq] = persist->certified;
            queue_.push_back({number, Persisted{seq}});
        } else if (const auto* serve = std::get_if<ServeLedgers>(&effect)) {
            for (std::uint32_t i = 0; i < serve->wanted.count; ++i) {
                send(number, static_cast<std::size_t>(serve->node.data[1] - 1),
                     self.ledgers.at(serve->wanted.seq + i));
            }
        } else if (std::holds_alternative<Decided>(effect)) {
            queue_.push_back({number, ConfigInForce{params_}});
        } else if (const auto* execute = std::get_if<Execute>(&effect)) {
            finish(number, execute->ledger->header.seq);
        } else if (const auto* sync = std::get_if<SyncState>(&effect)) {
            finish(number, sync->target.ledger.seq);
        } else if (const auto* verify = std::get_if<VerifyInput>(&effect)) {
            if (self.checks_inputs) {
                queue_.push_back({number, InputVerified{verify->input, true}});
            } else {
                self.unchecked.push_back(verify->input);
            }
        } else if (const auto* wake = std::get_if<WakeAt>(&effect)) {
            self.wake_us = wake->mono_us;
        }
    }
    void finish(std::size_t number, LedgerSeq seq) {
        auto result = std::make_shared<proto::ExecutionResult>();
        result->seq = seq;
        queue_.push_back({number, ResultReady{result}});
    }
    void send(std::size_t from, std::size_t to, const Message& message) {
        if (to == from || members_[to].is_deaf) {
            return;
        }
        const auto* vote = std::get_if<Vote>(&message);
        const bool is_prepare = vote != nullptr && vote->kind == StatementKind::prepare;
        std::deque<std::pair<std::size_t, Event>>& queue =
            is_prepare && members_[to].hears_prepares_last ? late_ : queue_;
        queue.push_back({to, MessageIn{key_of(from), message}});
    }

    Params params_;
    NoSigner signer_;
    Instant now_{1'000'000, 5'000'000};
    std::uint64_t starts_ = 0;
    std::vector<Member> members_;
    std::deque<std::pair<std::size_t, Event>> queue_;
    std::deque<std::pair<std::size_t, Event>> late_;
};

} // namespace hp::consensus::test
