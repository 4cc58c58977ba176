// SPDX-License-Identifier: Apache-2.0
#include "node/catch_up.hpp"

#include <algorithm>

#include "hp/base/limits.hpp"
#include "hp/config/config_io.hpp"
#include "state/tree_hash.hpp"

namespace hp::node {
namespace {

// A newest ledger may be tens of megabytes.
constexpr std::int64_t page_answer_us = 15'000'000;
constexpr TimeMs pause_ms = 1000;

} // namespace

CatchUp::CatchUp(net::Reactor& reactor, net::WorkerPool& workers, const Clock& clock,
                 Callbacks callbacks, Log log)
    : reactor_(reactor), workers_(workers), clock_(clock), callbacks_(std::move(callbacks)),
      log_(std::move(log)), timer_(reactor) {}

void CatchUp::begin(const PublicKey& first, const std::string& why, LedgerSeq missed_min) {
    if (active_ || clock_.now().mono_ms() < not_before_ms_) {
        return;
    }
    active_ = true;
    missed_min_ = missed_min;
    peers_ = callbacks_.peers();
    const auto at = std::find(peers_.begin(), peers_.end(), first);
    if (at != peers_.end()) {
        std::rotate(peers_.begin(), at, at + 1);
    }
    start_ = callbacks_.start();
    if (const auto left_out = log_limiter_.admit("begin", clock_.now().mono_ms())) {
        log_.info("looking for the newest ledger by the epoch chain",
                  {{"why", why}, {"ledger", start_.newest}, {"not_logged", *left_out}});
    }
    ask_next_peer();
}

void CatchUp::stop() {
    active_ = false;
    not_before_ms_ = clock_.now().mono_ms() + pause_ms; // what was found takes a moment to store
    ++number_;
    timer_.cancel();
}

void CatchUp::on_peer_left(const PublicKey& peer) {
    if (active_ && !checking_ && peer == peer_) {
        give_up_peer("it has gone");
    }
}

std::optional<CatchUp::Progress> CatchUp::progress() const {
    return active_ ? std::optional(shown_) : std::nullopt;
}

// --- asking --------------------------------------------------------------------------------------

void CatchUp::ask_next_peer() {
    if (peers_.empty()) {
        stop();
        return;
    }
    peer_ = peers_.front();
    peers_.erase(peers_.begin());
    chain_ = {};
    shown_ = {};
    chain_.trust = start_.trust;
    chain_.above = start_.newest;
    ask(peer::GetEpochs{chain_.above});
}

void CatchUp::ask(const peer::PeerMessage& message) {
    ++number_;
    timer_.arm_after(page_answer_us, [this] { give_up_peer("it does not answer"); });
    callbacks_.ask(peer_, message);
}

void CatchUp::give_up_peer(const std::string& why) {
    log_.debug("a peer cannot help to catch up", {{"peer", peer_.short_hex()}, {"why", why}});
    ask_next_peer();
}

// --- the epoch chain -----------------------------------------------------------------------------

void CatchUp::on_epochs(const PublicKey& from, Bytes bytes) {
    if (!active_ || checking_ || from != peer_ || chain_.finished) {
        return;
    }
    checking_ = true;
    timer_.cancel();
    workers_.submit(
        [this, number = number_, chain = std::move(chain_), bytes = std::move(bytes)]() mutable {
            auto followed = follow(std::move(chain), bytes);
            reactor_.post([this, number, followed = std::move(followed)]() mutable {
                checking_ = false;
                if (active_ && number == number_) {
                    on_followed(std::move(followed));
                }
            });
        });
}

// Worker thread. A link that those trusted have not certified is from before their time.
Result<CatchUp::Chain> CatchUp::follow(Chain chain, ByteView page) {
    HP_TRY(consensus::EpochPage decoded, consensus::decode_page(page));
    chain.newest = decoded.newest;
    chain.seen += decoded.epochs.size();
    chain.finished = decoded.epochs.empty();
    if (chain.seen > limits::epochs_max) {
        return fail(Errc::invalid, "an epoch chain without end");
    }
    if (!chain.finished) {
        chain.configs.clear(); // the newest ledger names the last one
    }
    for (consensus::EpochPage::Entry& entry : decoded.epochs) {
        HP_TRY(const consensus::EpochLink link, consensus::decode_link(entry.link));
        const LedgerSeq seq = link.header.seq;
        if (seq <= chain.above) {
            return fail(Errc::invalid, "links of the epoch chain out of order");
        }
        chain.above = seq;
        const Hash32& named = link.header.config_hash;
        const bool is_here = state::hash_file_content(false, entry.config) == named;
        if (is_here) {
            chain.configs[named] = entry.config;
        }
        if (!consensus::certifies(chain.trust, link)) {
            continue;
        }
        if (!is_here) {
            return fail(Errc::not_found,
                        "it lacks the configuration of ledger " + std::to_string(seq));
        }
        chain.epochs.push_back({seq, named, std::move(entry.link), std::move(entry.config)});
        const Epoch& epoch = chain.epochs.back();
        const config::DecodedPatch patch = config::decode_patch(epoch.config);
        if (patch.problems.empty()) { // else agreed on, but not in force
            chain.in_force = epoch;
            chain.trust.unl = patch.patch.unl;
            chain.trust.threshold_percent = patch.patch.consensus.threshold;
        }
    }
    return chain;
}

void CatchUp::on_followed(Result<Chain> chain) {
    if (!chain) {
        if (chain.err().code == Errc::invalid) {
            callbacks_.on_bad_message(peer_, chain.err().context);
        }
        give_up_peer(chain.err().context);
        return;
    }
    chain_ = std::move(*chain);
    shown_ = {chain_.epochs.size(), chain_.newest};
    if (chain_.finished) {
        ask(peer::GetSnapshot{});
        return;
    }
    log_.info("following the epoch chain", {{"peer", peer_.short_hex()},
                                            {"up_to", chain_.above},
                                            {"verified", chain_.epochs.size()},
                                            {"newest", chain_.newest}});
    ask(peer::GetEpochs{chain_.above});
}

// --- the newest ledger ---------------------------------------------------------------------------

void CatchUp::on_snapshot(const PublicKey& from, Bytes bytes) {
    if (!active_ || checking_ || from != peer_ || !chain_.finished) {
        return;
    }
    checking_ = true;
    timer_.cancel();
    workers_.submit(
        [this, number = number_, chain = chain_, start = start_, bytes = std::move(bytes)] {
            auto taken = take(chain, start, bytes);
            reactor_.post([this, number, taken = std::move(taken)]() mutable {
                checking_ = false;
                if (active_ && number == number_) {
                    on_taken(std::move(taken));
                }
            });
        });
}

// Worker thread. Errc::unavailable: the configuration has changed meanwhile, or the UNL trusted
// here is not on the way to the one that certified this.
Result<CatchUp::Outcome> CatchUp::take(const Chain& chain, const Start& start, ByteView bytes) {
    Outcome out;
    HP_TRY(out.snapshot, consensus::decode_snapshot(bytes));
    const consensus::Block& block = *out.snapshot->ledger->block;
    if (!consensus::certifies(chain.trust,
                              consensus::make_link(block, out.snapshot->ledger->commit))) {
        return fail(Errc::unavailable, "its newest ledger is not certified by a UNL that the one "
                                       "trusted here has led to");
    }
    const Hash32& named = block.header.config_hash;
    const auto content = chain.configs.find(named);
    if (content != chain.configs.end()) {
        out.config = content->second;
    } else if (named != start.config_hash) {
        return fail(Errc::unavailable, "the configuration has just changed");
    }
    out.epochs = chain.epochs;
    out.in_force = chain.in_force;
    return out;
}

void CatchUp::on_taken(Result<Outcome> outcome) {
    if (!outcome) {
        if (outcome.err().code == Errc::unavailable && !chain_.again) {
            chain_.again = true;
            chain_.finished = false;
            ask(peer::GetEpochs{chain_.above});
            return;
        }
        if (outcome.err().code == Errc::unavailable) {
            if (const auto left_out = log_limiter_.admit("UNL", clock_.now().mono_ms())) {
                log_.error("cannot catch up: hp.cfg needs a newer UNL and threshold, those of a "
                           "node that takes part, unless another peer can show how they changed",
                           {{"peer", peer_.short_hex()},
                            {"why", outcome.err().context},
                            {"not_logged", *left_out}});
            }
        } else {
            callbacks_.on_bad_message(peer_, outcome.err().context);
        }
        give_up_peer(outcome.err().context);
        return;
    }
    const LedgerSeq seq = outcome->snapshot->ledger->block->header.seq;
    if (seq <= callbacks_.start().newest + missed_min_) {
        give_up_peer("it is not far enough ahead");
        return;
    }
    stop();
    log_.info("going on from the newest ledger of a peer",
              {{"peer", peer_.short_hex()}, {"ledger", seq}, {"epochs", outcome->epochs.size()}});
    callbacks_.on_done(std::move(*outcome));
}

} // namespace hp::node
