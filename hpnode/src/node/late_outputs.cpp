// SPDX-License-Identifier: Apache-2.0
#include "node/late_outputs.hpp"

#include "hp/base/limits.hpp"
#include "hp/crypto/merkle.hpp"

namespace hp::node {
namespace {

constexpr std::int64_t own_run_us = 100'000; // for the own run, which is likely to end about now
constexpr std::int64_t outputs_answer_us = 10'000'000;
constexpr std::int64_t round_us = 1'000'000; // before all peers are asked again
constexpr int rounds_max = 3;

// Worker thread.
Result<proto::SharedResult> check(const proto::LedgerHeader& header, ByteView bytes) {
    HP_TRY(proto::ExecutionResult result, proto::decode_result(bytes));
    if (!confirms(header, result)) {
        return fail(Errc::invalid, "outputs that are not the ledger's");
    }
    return std::make_shared<const proto::ExecutionResult>(std::move(result));
}

} // namespace

bool confirms(const proto::LedgerHeader& header, const proto::ExecutionResult& result) {
    for (const proto::UserOutput& output : result.outputs) {
        if (output.hash != crypto::output_hash(output.user, output.messages)) {
            return false;
        }
    }
    return result.seq + 1 == header.seq && result.state_hash == header.state_hash &&
           result.output_root == header.output_hash &&
           proto::output_root(result.outputs, header.state_hash) == header.output_hash;
}

LateOutputs::LateOutputs(net::Reactor& reactor, net::WorkerPool& workers, Callbacks callbacks,
                         Log log)
    : reactor_(reactor), workers_(workers), callbacks_(std::move(callbacks)), log_(std::move(log)),
      timer_(reactor) {}

void LateOutputs::want(Wanted wanted) {
    const LedgerSeq seq = wanted.header.seq;
    if (wanted_.size() >= limits::late_outputs_max) {
        return; // their history will lack them
    }
    wanted_[seq] = std::move(wanted);
    if (last_own_) {
        on_own(last_own_);
    }
    begin(own_run_us);
}

void LateOutputs::stop() {
    stopping_ = true;
    timer_.cancel();
}

void LateOutputs::on_own(const proto::SharedResult& result) {
    last_own_ = result;
    const auto wanted = wanted_.find(result->seq + 1);
    if (wanted != wanted_.end() && result->state_hash == wanted->second.header.state_hash &&
        result->output_root == wanted->second.header.output_hash) {
        found(wanted->first, result);
    }
}

void LateOutputs::found(LedgerSeq seq, const proto::SharedResult& result) {
    const auto entry = wanted_.extract(seq);
    if (entry.empty()) {
        return;
    }
    callbacks_.on_found(entry.mapped(), result);
    if (active_ && seq == seq_ && !checking_) {
        active_ = false;
        timer_.cancel();
        begin(0);
    }
}

// --- asking --------------------------------------------------------------------------------------

void LateOutputs::begin(std::int64_t wait_us) {
    if (active_ || wanted_.empty() || stopping_) {
        return;
    }
    active_ = true;
    seq_ = wanted_.begin()->first;
    rounds_ = 0;
    peers_.clear();
    timer_.arm_after(wait_us, [this] {
        peers_ = callbacks_.peers();
        ask_next_peer();
    });
}

void LateOutputs::ask_next_peer() {
    if (!peers_.empty()) {
        peer_ = peers_.back();
        peers_.pop_back();
        timer_.arm_after(outputs_answer_us, [this] { ask_next_peer(); });
        callbacks_.ask(peer_, seq_);
        return;
    }
    if (++rounds_ < rounds_max) {
        timer_.arm_after(round_us, [this] {
            peers_ = callbacks_.peers();
            ask_next_peer();
        });
        return;
    }
    log_.warning("the outputs that a ledger confirms cannot be had any more", {{"seq", seq_}});
    wanted_.erase(seq_);
    active_ = false;
    begin(0);
}

void LateOutputs::on_peer_left(const PublicKey& peer) {
    if (active_ && !checking_ && peer == peer_) {
        ask_next_peer();
    }
}

void LateOutputs::on_answer(const PublicKey& from, LedgerSeq seq, Bytes bytes) {
    const auto wanted = wanted_.find(seq);
    if (!active_ || checking_ || from != peer_ || seq != seq_ || wanted == wanted_.end()) {
        return;
    }
    if (bytes.empty()) {
        ask_next_peer();
        return;
    }
    checking_ = true;
    timer_.cancel();
    workers_.submit([this, from, seq, header = wanted->second.header, bytes = std::move(bytes)] {
        auto checked = check(header, bytes);
        reactor_.post([this, from, seq, checked = std::move(checked)] {
            checking_ = false;
            if (stopping_) {
                return;
            }
            if (!checked) {
                callbacks_.on_bad_message(from, checked.err().context);
            }
            if (checked || wanted_.count(seq) == 0) { // the own run may have been quicker
                active_ = false;
                if (checked) {
                    found(seq, *checked);
                }
                begin(0);
            } else {
                ask_next_peer();
            }
        });
    });
}

} // namespace hp::node
