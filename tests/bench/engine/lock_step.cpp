// SPDX-License-Identifier: Apache-2.0
#include "lock_step.hpp"

#include <algorithm>
#include <chrono>

#include "hp/base/check.hpp"
#include "hp/proto/user_codec.hpp"

namespace hp::bench {

using namespace consensus;

namespace {

// Wakes until a ledger must be there: without faults it takes a tick, a grace and a few repeats.
constexpr int wakes_per_ledger_max = 100;

PublicKey user_key(std::size_t number) {
    PublicKey key = sim::user_key(0);
    key.data[2] = static_cast<std::uint8_t>(number >> 16);
    key.data[3] = static_cast<std::uint8_t>(number >> 8);
    key.data[4] = static_cast<std::uint8_t>(number);
    return key;
}

std::size_t kind_of(const Event& event) {
    const auto* message = std::get_if<MessageIn>(&event);
    return message == nullptr ? own_events
                              : static_cast<std::size_t>(sim::kind_of(message->message));
}

} // namespace

LockStep::LockStep(std::size_t members) {
    for (std::size_t i = 0; i < members; ++i) {
        params_.unl.insert(sim::node_key(i));
    }
    params_.eager = false;
    params_.max_input_ledger_offset = 0;
    const auto genesis = std::make_shared<proto::ExecutionResult>();
    std::vector<Effects> first(members);
    for (std::size_t i = 0; i < members; ++i) {
        Identity identity;
        identity.self = sim::node_key(i);
        identity.nonce_secret.data[0] = static_cast<std::uint8_t>(i);
        identity.incarnation = 1;
        Member& member = members_.emplace_back();
        member.signer = std::make_unique<sim::FakeSigner>(identity.self);
        member.engine =
            std::make_unique<Engine>(params_, identity, *member.signer,
                                     Start{nullptr, nullptr, genesis, {}, {}}, now_, first[i]);
    }
    // Not before all are there: nothing may be lost.
    for (std::size_t i = 0; i < members; ++i) {
        carry_out(i, first[i]);
    }
    deliver();
}

void LockStep::give(const std::vector<proto::SharedInput>& inputs, std::size_t members) {
    for (std::size_t to = 0; to < members; ++to) {
        for (const proto::SharedInput& input : inputs) {
            send((to + 1) % members_.size(), to, Inputs{{input}});
        }
        deliver();
    }
}

bool LockStep::close_ledger() {
    const LedgerSeq wanted = height() + 1;
    for (int wakes = 0; height() < wanted && wakes < wakes_per_ledger_max; ++wakes) {
        if (!wake_next()) {
            return false;
        }
        deliver();
    }
    return height() == wanted;
}

LedgerSeq LockStep::height() const {
    LedgerSeq lowest = UINT64_MAX;
    for (const Member& member : members_) {
        lowest = std::min(lowest, member.engine->lcl().seq);
    }
    return lowest;
}

void LockStep::step(std::size_t to, const Event& event) {
    using SteadyClock = std::chrono::steady_clock;
    Effects effects;
    const auto begin = SteadyClock::now();
    members_[to].engine->step(now_, event, effects);
    const auto end = SteadyClock::now();
    Spent& spent = spent_[kind_of(event)];
    ++spent.events;
    spent.ns += std::chrono::duration_cast<std::chrono::nanoseconds>(end - begin).count();
    carry_out(to, effects);
}

void LockStep::deliver() {
    while (!due_.empty()) {
        const Due next = std::move(due_.front());
        due_.pop_front();
        step(next.to, next.event);
    }
}

// Everybody whose time is next.
bool LockStep::wake_next() {
    std::int64_t next_us = INT64_MAX;
    for (const Member& member : members_) {
        next_us = std::min(next_us, member.wake_us == 0 ? INT64_MAX : member.wake_us);
    }
    if (next_us == INT64_MAX) {
        return false;
    }
    HP_CHECK(next_us > now_.mono_us, "an engine wants to be woken in the past");
    now_.wall_ms += (next_us - now_.mono_us) / 1000;
    now_.mono_us = next_us;
    for (std::size_t i = 0; i < members_.size(); ++i) {
        if (members_[i].wake_us == next_us) {
            members_[i].wake_us = 0;
            due_.push_back({i, Tick{}});
        }
    }
    return true;
}

void LockStep::carry_out(std::size_t by, Effects& effects) {
    for (Effect& effect : effects) {
        carry_out(by, effect);
    }
}

void LockStep::carry_out(std::size_t by, Effect& effect) {
    if (const auto* broadcast = std::get_if<Broadcast>(&effect)) {
        for (std::size_t to = 0; to < members_.size(); ++to) {
            send(by, to, broadcast->message);
        }
    } else if (const auto* message = std::get_if<SendTo>(&effect)) {
        for (std::size_t to = 0; to < members_.size(); ++to) {
            if (sim::node_key(to) == message->node) {
                send(by, to, message->message);
            }
        }
    } else if (const auto* verify = std::get_if<VerifyInput>(&effect)) {
        due_.push_back({by, InputVerified{verify->input, true}});
    } else if (const auto* log = std::get_if<AppendLog>(&effect)) {
        due_.push_back({by, Logged{log->number}});
    } else if (const auto* persist = std::get_if<Persist>(&effect)) {
        inputs_of_last_ledger_ = persist->ledger->inputs.size();
        due_.push_back({by, Persisted{persist->ledger->header.seq}});
    } else if (std::holds_alternative<Decided>(effect)) {
        due_.push_back({by, ConfigInForce{params_}});
    } else if (const auto* execute = std::get_if<Execute>(&effect)) {
        auto result = std::make_shared<proto::ExecutionResult>();
        result->seq = execute->ledger->header.seq;
        due_.push_back({by, ResultReady{std::move(result)}});
    } else if (const auto* wake = std::get_if<WakeAt>(&effect)) {
        members_[by].wake_us = wake->mono_us;
    }
}

void LockStep::send(std::size_t from, std::size_t to, const Message& message) {
    if (from != to) {
        due_.push_back({to, MessageIn{sim::node_key(from), message}});
    }
}

std::vector<proto::SharedInput> make_inputs(std::size_t count, std::uint64_t nonce) {
    std::vector<proto::SharedInput> out;
    for (std::size_t i = 0; i < count; ++i) {
        const PublicKey user = user_key(i);
        const Bytes container = proto::encode_container(
            proto::Encoding::bson, {to_bytes("0123456789abcdef"), nonce, INT64_MAX});
        auto input = proto::make_signed_input(user, proto::Encoding::bson, container,
                                              sim::fake_signature(user, container));
        HP_CHECK(input.has_value(), "what was encoded can be decoded");
        out.push_back(std::move(*input));
    }
    return out;
}

} // namespace hp::bench
