// SPDX-License-Identifier: Apache-2.0
// What the engine does about messages of other nodes. Signatures have been checked; whether a
// message is about the right ledger, from a member, and consistent is checked here.
#include "consensus/engine.hpp"

#include <algorithm>

namespace hp::consensus {

using proto::SharedInput;

void Engine::on(Instant now, const MessageIn& event, Effects& out) {
    std::visit([&](const auto& message) { hear(now, event.from, message, out); }, event.message);
}

bool Engine::holds(Guard guard, bool condition) const {
    return consensus::holds(identity_.lifted, guard, condition);
}

bool Engine::is_intact(const Block& block) const {
    return holds(Guard::block_digest_verified, verify_block_digest(block).has_value());
}

bool Engine::is_current(Instant now, const PublicKey& from, LedgerSeq height,
                        const Message& message, Effects& out) {
    const LedgerSeq current = lcl_.seq + 1;
    const bool between = awaiting_config_ || !height_;
    if (height == current && !between) {
        return true;
    }
    if (height < current) {
        if (std::holds_alternative<SharedOpen>(message)) {
            help_laggard(now, from, height, out);
        }
        return false;
    }
    if (height <= current + 1 && validators_.contains(from)) {
        std::vector<Message>& kept = early_[from];
        if (kept.size() < params::early_messages_per_member_max) {
            kept.push_back(message);
        }
    }
    // Who says what the last ledger gave may only have been faster; an OPEN comes a round later.
    const bool is_ahead = std::holds_alternative<SharedOpen>(message) ||
                          (std::holds_alternative<SignedResult>(message) && height > current + 1);
    if (is_ahead && height > current && validators_.contains(from)) {
        hear_ahead(from, height, message);
    }
    return false;
}

// What is too early even for the next height waits for this node to get there: until the round
// after that, the member may not say it again.
void Engine::hear_ahead(const PublicKey& from, LedgerSeq height, const Message& message) {
    Ahead& ahead = ahead_[from];
    if (height > ahead.height) {
        ahead = {height, {}};
    }
    if (height == ahead.height && height > lcl_.seq + 2 &&
        ahead.said.size() < params::ahead_messages_per_member_max) {
        ahead.said.push_back(message);
    }
}

void Engine::reach_ahead() {
    std::erase_if(ahead_, [this](auto& entry) {
        auto& [member, ahead] = entry;
        if (ahead.height == lcl_.seq + 1) {
            std::vector<Message>& early = early_[member];
            early.insert(early.end(), ahead.said.begin(), ahead.said.end());
        }
        return ahead.height <= lcl_.seq + 1;
    });
}

std::size_t Engine::kept() const {
    std::size_t count = fetched_.size() + (height_ ? height_->kept() : 0);
    for (const auto& [member, messages] : early_) {
        count += messages.size();
    }
    for (const auto& [member, ahead] : ahead_) {
        count += ahead.said.size();
    }
    for (const Gate& gate : gates_) {
        count += gate.messages.size();
    }
    return count;
}

// Its OPEN shows which ledger it lacks.
void Engine::help_laggard(Instant now, const PublicKey& node, LedgerSeq height, Effects& out) {
    const auto [entry, first] = helped_at_us_.try_emplace(node, now.mono_us);
    if (!first && now.mono_us - entry->second < params::fetch_retry_us) {
        return;
    }
    entry->second = now.mono_us;
    hear(now, node, GetLedgers{height}, out);
}

void Engine::hear(Instant now, const PublicKey& from, const SharedOpen& open, Effects& out) {
    if (validators_.contains(open->by.member) &&
        (open->height == lcl_.seq || open->height == lcl_.seq + 1)) {
        opened_.insert(open->by.member);
    }
    if (!is_current(now, from, open->height, open, out)) {
        return;
    }
    if (height_->add(open, now.mono_us) == Height::Added::contradiction) {
        contradiction(open->by.member, "two different OPENs", out);
    }
    awaited_to_propose_.clear(); // it may require more, or less
}

void Engine::hear(Instant now, const PublicKey& from, const SignedResult& result, Effects& out) {
    if (!is_current(now, from, result.claim.ledger.seq + 1, result, out)) {
        return;
    }
    if (from == result.by.member) {
        height_->heard(from, now.mono_us);
    }
    if (height_->add(result, now.mono_us) == Height::Added::contradiction) {
        contradiction(result.by.member, "two different RESULTs", out);
    }
}

void Engine::hear(Instant now, const PublicKey& from, const Propose& propose, Effects& out) {
    if (!is_current(now, from, propose.height, propose, out) || persisting_) {
        return;
    }
    const Block& block = *propose.block;
    const bool continues =
        block.header.seq == propose.height && block.header.prev_hash == lcl_.hash;
    if (!holds(Guard::block_continues_chain, continues) || !is_intact(block)) {
        return;
    }
    AgreementOutput output;
    const std::size_t known = height_->agreement().equivocations().size();
    const bool admitted = height_->agreement().admits(propose, output);
    if (height_->agreement().equivocations().size() > known) {
        contradiction(propose.by.member, "two different PROPOSEs", out);
    }
    apply(now, std::move(output), out);
    if (!admitted || persisting_) {
        return;
    }
    height_->add(propose.block);
    for (const SignedResult& result : block.evidence) {
        hear(now, from, result, out);
    }
    proposal_ = propose;
    awaited_to_vote_.clear(); // may need less of the same block than before
}

void Engine::hear(Instant now, const PublicKey& from, const Vote& vote, Effects& out) {
    if (!is_current(now, from, vote.height, vote, out) || persisting_) {
        return;
    }
    AgreementOutput output;
    const std::size_t known = height_->agreement().equivocations().size();
    height_->agreement().on_vote(vote, output);
    if (height_->agreement().equivocations().size() > known) {
        contradiction(vote.by.member, "contradictory votes", out);
    }
    apply(now, std::move(output), out);
}

void Engine::hear(Instant now, const PublicKey& from, const SharedCertificate& certificate,
                  Effects& out) {
    if (!is_current(now, from, certificate->height, certificate, out) || persisting_) {
        return;
    }
    AgreementOutput output;
    height_->agreement().on_certificate(certificate, output);
    apply(now, std::move(output), out);
}

void Engine::hear(Instant, const PublicKey&, const Inputs& inputs, Effects& out) {
    for (const SharedInput& input : inputs.inputs) {
        const InputPool::Arrival arrival = pool_.arrive(input, params_, nonces_, lcl_.seq);
        // A block needs it judged, though it will not become a candidate.
        const bool wanted = judged_inputs_.count(input->hash) != 0 && arrival.rejected;
        if (arrival.pending || wanted) {
            out.push_back(VerifyInput{input});
        }
    }
}

void Engine::hear(Instant now, const PublicKey& from, const SharedCertifiedLedger& ledger,
                  Effects& out) {
    const Block& block = *ledger->block;
    if (keep_ahead(now, from, ledger)) {
        return;
    }
    if (!is_current(now, from, block.header.seq, ledger, out) || persisting_) {
        return;
    }
    if (block.header.prev_hash != lcl_.hash || !is_intact(block) ||
        ledger->commit->digest != block.digest || ledger->commit->kind != StatementKind::commit ||
        proto::input_list_hash(ledger->inputs) != block.header.input_hash) {
        return;
    }
    AgreementOutput output;
    height_->agreement().on_certificate(ledger->commit, output);
    // Decided by this certificate, or before but without all parts.
    const SharedCertificate& commit = output.decided ? output.decided : undecided_commit_;
    if (!commit || commit->digest != block.digest) {
        return;
    }
    height_->add(ledger->block);
    for (const SharedInput& input : ledger->inputs) {
        height_->keep(input);
    }
    ledger_came(now);
    apply(now, std::move(output), out);
}

void Engine::hear(Instant, const PublicKey&, const BlockBody& body, Effects&) {
    if (is_agreeing() && body.block->header.prev_hash == lcl_.hash &&
        body.block->digest == wanted_block_ && is_intact(*body.block)) {
        height_->add(body.block);
    }
}

void Engine::hear(Instant, const PublicKey& from, const GetInputs& get, Effects& out) {
    Inputs answer;
    std::size_t bytes = 0;
    const auto give = [&](const SharedInput& input) {
        if (input && answer.inputs.size() < params::inputs_per_answer_max &&
            bytes < params::answer_bytes_max) {
            bytes += input->container.size();
            answer.inputs.push_back(input);
        }
    };
    const std::set<Hash32> wanted(get.hashes.begin(), get.hashes.end());
    for (const Hash32& hash : wanted) {
        give(height_ ? height_->input(hash) : pool_.find(hash));
    }
    for (const SharedCertifiedLedger& ledger : {persisting_certified_, certified_}) {
        for (std::size_t i = 0; ledger && i < ledger->inputs.size(); ++i) {
            if (wanted.count(ledger->inputs[i]->hash) != 0) {
                give(ledger->inputs[i]);
            }
        }
    }
    if (!answer.inputs.empty()) {
        out.push_back(SendTo{from, std::move(answer)});
    }
}

void Engine::hear(Instant, const PublicKey& from, const GetOpens& get, Effects& out) {
    if (!height_ || height_->seq() != get.height) {
        return;
    }
    for (const OpenRef& ref : get.opens) {
        if (SharedOpen open = height_->open(ref)) {
            out.push_back(SendTo{from, std::move(open)});
        }
    }
}

void Engine::hear(Instant now, const PublicKey& from, const GetBlock& get, Effects& out) {
    if (get.height <= lcl_.seq) {
        hear(now, from, GetLedgers{get.height}, out); // all it takes to catch up
    } else if (height_ && height_->seq() == get.height) {
        if (SharedBlock block = height_->block(get.digest)) {
            out.push_back(SendTo{from, BlockBody{std::move(block)}});
        }
    }
}

void Engine::hear(Instant, const PublicKey& from, const GetLedgers& get, Effects& out) {
    if (get.seq == 0 || get.seq > lcl_.seq) {
        return;
    }
    const auto count =
        static_cast<std::uint32_t>(std::min<LedgerSeq>(get.count, lcl_.seq - get.seq + 1));
    const bool newest_two = get.seq + 1 >= lcl_.seq && certified_before_ &&
                            certified_before_->block->header.seq + 1 == lcl_.seq;
    if (!newest_two) {
        out.push_back(ServeLedgers{from, {get.seq, count}});
        return;
    }
    for (const SharedCertifiedLedger& ledger : {certified_before_, certified_}) {
        const LedgerSeq seq = ledger->block->header.seq;
        if (seq >= get.seq && seq < get.seq + count) {
            out.push_back(SendTo{from, ledger});
        }
    }
}

} // namespace hp::consensus
