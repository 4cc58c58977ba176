// SPDX-License-Identifier: Apache-2.0
// What a Byzantine member answers to who missed ledgers: nothing, others than were asked for, and
// ledgers that nobody decided. Whoever asked has to see through each and find somebody else.
#include "world.hpp"

namespace hp::sim {

using namespace consensus;

namespace {

enum class Forged : std::uint8_t {
    content,   // of the block, which is not what was decided then
    inputs,    // bodies that users have not signed
    few_votes, // for another block: its own
    outsiders, // for another block: votes of keys that are nobody's
    // Only where signatures are checked: these are votes in the names of others.
    kind,   // of another stage
    height, // about another height
    names,  // for another block
};

constexpr std::size_t outsider_keys = 100;

void forge_inputs(CertifiedLedger& ledger) {
    for (proto::SharedInput& input : ledger.inputs) {
        auto copy = std::make_shared<proto::SignedInput>(*input);
        copy->container.push_back(' ');
        input = std::move(copy);
    }
}

// The block, beneath digests that fit it.
SharedBlock with_other_state(const Block& honest) {
    auto block = std::make_shared<Block>(honest);
    block->header.state_hash.data[0] ^= 1;
    block->header.hash = proto::ledger_hash(block->header, block->nonce, block->recent_hash);
    block->digest = block_digest(block->header.hash, block->rest_digest);
    return block;
}

} // namespace

SharedCertifiedLedger World::forge_ledger(const Host& liar, const CertifiedLedger& honest) {
    const Forged last = keyring_.is_real() ? Forged::names : Forged::outsiders;
    const auto how = static_cast<Forged>(random_.below(static_cast<std::uint64_t>(last) + 1));
    say(liar, "forges ledger " + std::to_string(honest.block->header.seq));
    CertifiedLedger forged = honest;
    Certificate commit = *honest.commit;
    switch (how) {
    case Forged::inputs:
        forge_inputs(forged);
        break;
    case Forged::few_votes:
        forged.block = with_other_state(*honest.block);
        commit.digest = forged.block->digest;
        commit.votes = {
            sign_as(liar, commit.kind, vote_digest(commit.height, commit.attempt, commit.digest))};
        break;
    case Forged::outsiders:
        forged.block = with_other_state(*honest.block);
        commit.digest = forged.block->digest;
        for (std::size_t i = 0; i < commit.votes.size(); ++i) {
            commit.votes[i].member = keyring_.node(outsider_keys + i);
        }
        break;
    case Forged::kind:
        commit.kind = StatementKind::prepare;
        break;
    case Forged::height:
        ++commit.height;
        break;
    case Forged::names:
        forged.block = with_other_state(*honest.block);
        commit.digest = forged.block->digest;
        for (Signed& vote : commit.votes) {
            vote.signature = sign_as(liar, commit.kind,
                                     vote_digest(commit.height, commit.attempt, commit.digest))
                                 .signature;
        }
        break;
    case Forged::content:
        forged.block = with_other_state(*honest.block);
    }
    forged.commit = std::make_shared<const Certificate>(std::move(commit));
    return std::make_shared<const CertifiedLedger>(std::move(forged));
}

// True: it has answered, or keeps silent.
bool World::answer_ledgers_falsely(Host& liar, const Host& asker, const GetLedgers& get) {
    if (random_.chance(0.2)) {
        return random_.chance(0.5);
    }
    const LedgerSeq aside = random_.chance(0.1) ? get.count : 0;
    auto stored = liar.ledgers.lower_bound(get.seq + aside);
    for (; stored != liar.ledgers.end() && stored->first < get.seq + aside + get.count; ++stored) {
        const bool honest = aside > 0 || random_.chance(0.3); // in between, to be believed more
        const SharedCertifiedLedger& known = stored->second.certified;
        send(liar, asker.member, encoded(liar, honest ? known : forge_ledger(liar, *known)));
    }
    return true;
}

} // namespace hp::sim
