// SPDX-License-Identifier: Apache-2.0
#include "adversary.hpp"

#include <algorithm>

namespace hp::agree {

using consensus::Propose;
using consensus::SharedCertificate;
using consensus::StatementKind;

namespace {

// Blocks of the faulty members' own making, two for each attempt; honest ones count from 0.
constexpr std::size_t own_values = 1'000'000;

Hash32 own_digest(Attempt attempt, std::size_t which) {
    return value_digest(own_values + 2 * attempt + which);
}

} // namespace

Adversary::Adversary(const Cluster& cluster, const Truth& truth, sim::Random& rng)
    : cluster_(cluster), truth_(truth), rng_(rng), favourite_(static_cast<Act>(rng.below(acts))) {}

std::vector<Adversary::Aimed> Adversary::act(Attempt highest) {
    std::vector<Aimed> out;
    if (cluster_.byzantine == 0) {
        return out;
    }
    const Attempt attempt = near(highest);
    const Act act = rng_.chance(0.5) ? favourite_ : static_cast<Act>(rng_.below(acts));
    switch (act) {
    case Act::equivocate:
        equivocate(attempt, attempt % cluster_.members, out);
        break;
    case Act::usurp:
        equivocate(attempt, accomplice(), out);
        break;
    case Act::collude:
        collude(attempt, out);
        break;
    case Act::reveal:
        reveal(out);
        break;
    case Act::forge_certificate:
        forge_certificate(attempt, out);
        break;
    case Act::other_digest:
    case Act::gaps:
    case Act::no_reason:
    case Act::wrong_kind:
        forge_proposal(act, attempt, out);
        break;
    case Act::other_height:
    case Act::repeat_vote:
    case Act::far_ahead:
        vote_out_of_place(act, attempt, out);
        break;
    }
    return out;
}

Attempt Adversary::near(Attempt highest) {
    const auto back = static_cast<Attempt>(rng_.below(3));
    return rng_.chance(0.1) ? highest + 1 : highest - std::min(highest, back);
}

Truth::Statement Adversary::something_said(Attempt attempt) {
    std::vector<Truth::Statement> said = truth_.said();
    std::erase_if(said, [](const Truth::Statement& s) { return s.kind == StatementKind::skip; });
    if (said.empty() || rng_.chance(0.1)) {
        return {StatementKind::prepare, attempt, own_digest(attempt, rng_.below(2))};
    }
    Truth::Statement picked = rng_.pick(said);
    if (rng_.chance(0.3)) {
        picked.attempt = attempt;
    }
    return picked;
}

// A justification that honest members accept, as far as one is possible; `digest` becomes what it
// obliges to.
consensus::Justification Adversary::justify(Attempt attempt, Hash32& digest) {
    consensus::Justification why;
    std::vector<Truth::Statement> possible = truth_.possible();
    std::erase_if(possible, [attempt](const Truth::Statement& s) { return s.attempt >= attempt; });
    std::vector<Truth::Statement> prepared = possible;
    std::erase_if(prepared,
                  [](const Truth::Statement& s) { return s.kind != StatementKind::prepare; });
    Attempt next = 0;
    if (!prepared.empty() && rng_.chance(0.7)) {
        const Truth::Statement base = rng_.pick(prepared);
        why.prepared = truth_.assemble(base);
        digest = base.digest;
        next = base.attempt + 1;
    }
    for (const Truth::Statement& s : possible) {
        if (s.kind == StatementKind::skip && s.attempt >= next) {
            why.skipped.push_back(truth_.assemble(s));
        }
    }
    return why;
}

// Two proposals in one attempt, each to its own half.
void Adversary::equivocate(Attempt attempt, std::size_t leader, std::vector<Aimed>& out) {
    if (leader < honest()) {
        return;
    }
    std::array<SharedPropose, 2> proposals;
    for (std::size_t which = 0; which < 2; ++which) {
        auto propose = std::make_shared<Propose>();
        Hash32 digest = own_digest(attempt, which);
        propose->why = justify(attempt, digest);
        propose->height = height;
        propose->attempt = attempt;
        propose->block = make_block(value_of(digest));
        propose->by = {member_key(leader), {}};
        proposals[which] = std::move(propose);
    }
    for (std::size_t to = 0; to < honest(); ++to) {
        if (rng_.chance(0.8)) {
            out.push_back({to, {leader, proposals[rng_.below(2)]}});
        }
    }
}

// All faulty members back the same thing towards one victim, and something else elsewhere.
void Adversary::collude(Attempt attempt, std::vector<Aimed>& out) {
    const Truth::Statement backed = something_said(attempt);
    const std::size_t victim = anybody();
    const bool commit = rng_.chance(0.7);
    const bool skip = rng_.chance(0.5);
    for (std::size_t by = honest(); by < cluster_.members; ++by) {
        const auto aim = [&](std::size_t to, StatementKind kind, const Hash32& digest) {
            out.push_back({to, {by, make_vote(kind, by, backed.attempt, digest)}});
        };
        aim(victim, StatementKind::prepare, backed.digest);
        if (commit) {
            aim(victim, StatementKind::commit, backed.digest);
        }
        if (skip) {
            aim(anybody(), StatementKind::skip, Hash32{});
        }
    }
}

// A certificate that exists, to one member only.
void Adversary::reveal(std::vector<Aimed>& out) {
    const std::vector<Truth::Statement> possible = truth_.possible();
    if (!possible.empty()) {
        out.push_back({anybody(), {accomplice(), truth_.assemble(rng_.pick(possible))}});
    }
}

SharedCertificate Adversary::forge(SharedCertificate from) {
    auto made = std::make_shared<consensus::Certificate>(*from);
    made->votes.clear();
    const std::size_t how = rng_.below(4);
    for (std::size_t i = 0; i < cluster_.quorum; ++i) {
        const std::size_t signer = how == 0   ? cluster_.members - 1
                                   : how == 1 ? cluster_.members + i
                                              : honest() + i % cluster_.byzantine;
        made->votes.push_back({member_key(signer), {}});
    }
    if (how == 2) {
        made->votes.resize(std::min(cluster_.quorum - 1, cluster_.byzantine));
    }
    if (how == 3) { // honest members did say so, but about another ledger
        made->votes = make_certificate(made->kind, 0, Hash32{}, cluster_.quorum)->votes;
        made->height = height - 1;
    }
    return made;
}

void Adversary::forge_certificate(Attempt attempt, std::vector<Aimed>& out) {
    const auto kind =
        rng_.pick(std::vector{StatementKind::prepare, StatementKind::commit, StatementKind::skip});
    Truth::Statement claimed = something_said(attempt);
    claimed.kind = kind;
    if (kind == StatementKind::skip) {
        claimed.digest = Hash32{};
    }
    out.push_back({anybody(), {accomplice(), forge(truth_.assemble(claimed))}});
}

// A proposal of its own turn with something wrong with its justification.
void Adversary::forge_proposal(Act how, Attempt attempt, std::vector<Aimed>& out) {
    auto propose = std::make_shared<Propose>();
    Hash32 digest = own_digest(attempt, rng_.below(2));
    propose->height = height;
    propose->attempt = attempt;
    propose->why = justify(attempt, digest);
    const std::size_t by = attempt % cluster_.members;
    if (by < honest()) {
        return;
    }
    if (how == Act::other_digest) {
        digest = own_digest(attempt, 0);
    } else if (how == Act::gaps) {
        propose->why.skipped.clear();
    } else {
        propose->why = {};
        digest = own_digest(attempt, 1);
    }
    if (how == Act::wrong_kind) { // prepare certificates where skip certificates belong
        for (Attempt left = 0; left < attempt; ++left) {
            for (const Truth::Statement& s : truth_.possible()) {
                if (s.attempt == left && s.kind != StatementKind::commit) {
                    propose->why.skipped.push_back(truth_.assemble(s));
                    break;
                }
            }
        }
    }
    propose->block = make_block(value_of(digest));
    propose->by = {member_key(by), {}};
    for (std::size_t to = 0; to < honest(); ++to) {
        if (rng_.chance(0.6)) {
            out.push_back({to, {by, SharedPropose(propose)}});
        }
    }
}

void Adversary::vote_out_of_place(Act how, Attempt attempt, std::vector<Aimed>& out) {
    const std::size_t to = anybody();
    const std::size_t by = accomplice();
    if (how == Act::far_ahead) {
        out.push_back({to, {by, make_vote(StatementKind::skip, by, attempt + 1'000'000, {})}});
    } else if (how == Act::repeat_vote) { // as often as a quorum has members
        const Truth::Statement backed = something_said(attempt);
        out.resize(
            cluster_.quorum,
            {to, {by, make_vote(StatementKind::prepare, by, backed.attempt, backed.digest)}});
    } else { // what honest members have signed about the ledger before
        const auto kind = rng_.pick(
            std::vector{StatementKind::prepare, StatementKind::commit, StatementKind::skip});
        const Hash32 digest = kind == StatementKind::skip ? Hash32{} : own_digest(0, rng_.below(2));
        for (std::size_t signer = 0; signer < cluster_.quorum; ++signer) {
            consensus::Vote vote = make_vote(kind, signer, attempt, digest);
            vote.height = height - 1;
            out.push_back({to, {by, vote}});
        }
    }
}

} // namespace hp::agree
