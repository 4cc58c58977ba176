// SPDX-License-Identifier: Apache-2.0
#include "cli/ledger_walk.hpp"

#include <algorithm>

namespace hp::cli {
namespace {

constexpr LedgerSeq queries_at_once = 32;

} // namespace

LedgerWalker::LedgerWalker(const Args& args, const LedgerWalk& walk, const client::Signer& signer)
    : walk_(walk), session_(args, signer, args.connection.timeout_ms.value_or(default_timeout_ms)) {
    if (walk.follow) {
        session_.events.on_ledger = [this](const proto::LedgerHeader& ledger) {
            end_ = std::max(end_, ledger.seq + 1);
            ask_more();
        };
        session_.on_lost = [this](const std::string&) {
            answers_.clear();
            next_asked_ = next_delivered_;
            return true;
        };
    }
}

Outcome LedgerWalker::run(OnLedger on_ledger, std::function<Outcome()> on_end) {
    on_ledger_ = std::move(on_ledger);
    on_end_ = std::move(on_end);
    return session_.run([this] { start(); });
}

void LedgerWalker::start() {
    session_.client().lcl([this](const Result<LedgerId>& lcl) {
        if (!lcl) {
            session_.finish(lcl.err());
            return;
        }
        if (walk_.follow) {
            session_.client().subscribe(proto::Channel::ledger_event, true);
        }
        set_range(lcl->seq);
        ask_more();
        deliver();
    });
}

void LedgerWalker::set_range(LedgerSeq lcl) {
    if (std::exchange(ranged_, true)) { // a later session
        end_ = std::max(end_, lcl + 1);
        return;
    }
    const LedgerSeq last = std::min(walk_.range.last.value_or(lcl), lcl);
    LedgerSeq first = walk_.range.first.value_or(last);
    if (walk_.range.tail) {
        first = last + 1 > *walk_.range.tail ? last + 1 - *walk_.range.tail : 1;
    }
    next_asked_ = next_delivered_ = first;
    end_ = last + 1;
}

void LedgerWalker::ask_more() {
    while (ranged_ && next_asked_ < end_ && next_asked_ < next_delivered_ + queries_at_once) {
        const LedgerSeq seq = next_asked_++;
        session_.client().query(seq, walk_.inputs, walk_.outputs,
                                [this, seq](const auto& ledger) { on_answer(seq, ledger); });
    }
}

void LedgerWalker::on_answer(LedgerSeq seq, const Result<Ledger>& ledger) {
    if (!ledger) {
        if (!walk_.follow || ledger.err().code != Errc::closed) {
            session_.finish(ledger.err());
        }
        return;
    }
    answers_[seq] = *ledger;
    deliver();
    ask_more();
}

void LedgerWalker::deliver() {
    while (!answers_.empty() && answers_.begin()->first == next_delivered_) {
        const auto item = answers_.extract(answers_.begin());
        ++next_delivered_;
        if (auto going_on = on_ledger_(item.key(), item.mapped()); !going_on) {
            session_.finish(tl::unexpected(std::move(going_on.error())));
            return;
        }
    }
    if (!walk_.follow && next_delivered_ >= end_) {
        session_.finish(on_end_());
    }
}

} // namespace hp::cli
