// SPDX-License-Identifier: Apache-2.0
// What agreement computes: engines of a whole cluster in one thread, messages handed over as
// values, signatures free. What remains is the protocol itself, with its hashes.
#include "benchmarks.hpp"

#include <algorithm>
#include <deque>
#include <memory>
#include <vector>

#include "consensus/engine.hpp"
#include "hp/base/time.hpp"
#include "hp/crypto/blake3.hpp"
#include "hp/proto/user_codec.hpp"

namespace hp::bench {
namespace {

using namespace consensus;

class FreeSigner final : public Signer {
public:
    Signature sign(ByteView) const override { return {}; }
};

PublicKey numbered_key(std::uint8_t kind, std::size_t number) {
    PublicKey key;
    key.data[0] = key_prefix;
    key.data[1] = kind;
    key.data[2] = static_cast<std::uint8_t>(number >> 8);
    key.data[3] = static_cast<std::uint8_t>(number);
    return key;
}

std::int64_t now_ns() {
    return SystemClock().now().mono_us * 1000;
}

// All members, and everything on its way between them, in order.
class Cluster {
public:
    explicit Cluster(std::size_t members) {
        for (std::size_t i = 0; i < members; ++i) {
            params_.unl.insert(numbered_key(1, i));
        }
        params_.eager = false;
        params_.max_input_ledger_offset = 0;
        const auto genesis = std::make_shared<proto::ExecutionResult>();
        for (std::size_t i = 0; i < members; ++i) {
            Identity identity;
            identity.self = numbered_key(1, i);
            identity.incarnation = 1;
            Effects effects;
            engines_.push_back(std::make_unique<Engine>(params_, identity, signer_,
                                                        Start{nullptr, nullptr, genesis, {}, {}},
                                                        now_, effects));
            carry_out(i, effects);
        }
    }

    // Every member has these, verified.
    void give(const std::vector<proto::SharedInput>& inputs) {
        for (std::size_t i = 0; i < engines_.size(); ++i) {
            for (const proto::SharedInput& input : inputs) {
                step(i, MessageIn{numbered_key(1, (i + 1) % engines_.size()), Inputs{{input}}});
            }
        }
        deliver();
    }

    // One roundtime passes, and all that follows from it.
    void close_ledger() {
        now_.mono_us += params_.roundtime_ms * 1000;
        now_.wall_ms += params_.roundtime_ms;
        for (std::size_t i = 0; i < engines_.size(); ++i) {
            step(i, Tick{});
        }
        deliver();
    }

    LedgerSeq height() const {
        LedgerSeq lowest = UINT64_MAX;
        for (const auto& engine : engines_) {
            lowest = std::min(lowest, engine->lcl().seq);
        }
        return lowest;
    }
    std::uint64_t messages() const { return messages_; }
    std::uint64_t steps() const { return steps_; }

private:
    struct Due {
        std::size_t to = 0;
        Event event;
    };

    void step(std::size_t i, const Event& event) {
        Effects effects;
        ++steps_;
        engines_[i]->step(now_, event, effects);
        carry_out(i, effects);
    }

    void deliver() {
        while (!due_.empty()) {
            const Due next = std::move(due_.front());
            due_.pop_front();
            step(next.to, next.event);
        }
    }

    void carry_out(std::size_t i, Effects& effects) {
        for (Effect& effect : effects) {
            if (auto* broadcast = std::get_if<Broadcast>(&effect)) {
                for (std::size_t to = 0; to < engines_.size(); ++to) {
                    if (to != i) {
                        send(i, to, broadcast->message);
                    }
                }
            } else if (auto* message = std::get_if<SendTo>(&effect)) {
                for (std::size_t to = 0; to < engines_.size(); ++to) {
                    if (numbered_key(1, to) == message->node) {
                        send(i, to, message->message);
                    }
                }
            } else if (const auto* verify = std::get_if<VerifyInput>(&effect)) {
                due_.push_back({i, InputVerified{verify->input, true}});
            } else if (const auto* log = std::get_if<AppendLog>(&effect)) {
                due_.push_back({i, Logged{log->number}});
            } else if (const auto* persist = std::get_if<Persist>(&effect)) {
                due_.push_back({i, Persisted{persist->ledger->header.seq}});
            } else if (std::holds_alternative<Decided>(effect)) {
                due_.push_back({i, ConfigInForce{params_}});
            } else if (const auto* execute = std::get_if<Execute>(&effect)) {
                auto result = std::make_shared<proto::ExecutionResult>();
                result->seq = execute->ledger->header.seq;
                due_.push_back({i, ResultReady{std::move(result)}});
            }
        }
    }

    void send(std::size_t from, std::size_t to, const Message& message) {
        ++messages_;
        due_.push_back({to, MessageIn{numbered_key(1, from), message}});
    }

    Params params_;
    FreeSigner signer_;
    Instant now_{1'000'000'000, 1'700'000'000'000};
    std::vector<std::unique_ptr<Engine>> engines_;
    std::deque<Due> due_;
    std::uint64_t messages_ = 0;
    std::uint64_t steps_ = 0;
};

std::vector<proto::SharedInput> make_inputs(std::size_t count, std::uint64_t nonce) {
    std::vector<proto::SharedInput> out;
    for (std::size_t i = 0; i < count; ++i) {
        const Bytes container = proto::encode_container(
            proto::Encoding::bson, {to_bytes("0123456789abcdef"), nonce, INT64_MAX});
        const PublicKey user = numbered_key(2, i);
        const Hash32 digest = crypto::b3({container, user.view()});
        Signature signature;
        std::copy(digest.data.begin(), digest.data.end(), signature.data.begin());
        if (auto input =
                proto::make_signed_input(user, proto::Encoding::bson, container, signature)) {
            out.push_back(std::move(*input));
        }
    }
    return out;
}

} // namespace

Result<Report> measure_engine(const EngineOptions& options) {
    Cluster cluster(options.members);
    for (int i = 0; i < 3 && cluster.height() == 0; ++i) {
        cluster.close_ledger();
    }
    const LedgerSeq first = cluster.height();
    std::uint64_t messages = 0;
    std::uint64_t steps = 0;
    std::int64_t spent_ns = 0;
    for (std::size_t round = 0; round < options.ledgers; ++round) {
        cluster.give(make_inputs(options.inputs, round + 1));
        const std::uint64_t messages_before = cluster.messages();
        const std::uint64_t steps_before = cluster.steps();
        const std::int64_t begin_ns = now_ns();
        cluster.close_ledger();
        spent_ns += now_ns() - begin_ns;
        messages += cluster.messages() - messages_before;
        steps += cluster.steps() - steps_before;
    }
    const LedgerSeq closed = cluster.height() - first;
    if (closed != options.ledgers) {
        return fail(Errc::invalid, "closed " + std::to_string(closed) + " ledgers instead of " +
                                       std::to_string(options.ledgers));
    }
    const double spent_us = static_cast<double>(spent_ns) / 1000;
    const auto ledgers = static_cast<double>(options.ledgers);
    Report out("engine");
    out.add("members", std::uint64_t{options.members});
    out.add("inputs", std::uint64_t{options.inputs});
    out.add("messages_per_ledger", static_cast<double>(messages) / ledgers);
    out.add("step_us", spent_us / static_cast<double>(steps));
    out.add("member_per_ledger_us", spent_us / ledgers / static_cast<double>(options.members));
    return out;
}

} // namespace hp::bench
