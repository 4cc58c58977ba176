// SPDX-License-Identifier: Apache-2.0
// Rules R3 and R4: what a leader proposes and what members prepare.
#include "agreement_fixture.hpp"

using namespace hp;
using namespace hp::agree;

TEST_CASE("R3: the leader of attempt 0 proposes a block of its own, once") {
    Member leader(0);
    const auto due = leader.agreement.proposal();
    REQUIRE(due);
    CHECK(due->digest.is_zero());
    CHECK_FALSE(due->why.prepared);
    CHECK(due->why.skipped.empty());
    leader.agreement.proposed();
    CHECK_FALSE(leader.agreement.proposal());
    CHECK_FALSE(Member(1).agreement.proposal());
    CHECK_FALSE(Member(std::nullopt).agreement.proposal());
}

TEST_CASE("R3: leaders take turns") {
    Member member;
    for (Attempt a = 0; a < 10; ++a) {
        CHECK(member.agreement.leader(a) == member_key(a % members));
    }
}

TEST_CASE("R3: after skipped attempts the next leader proposes a block of its own") {
    Member leader; // of attempt 1
    leader.certificate(skipped(0));
    const auto due = leader.agreement.proposal();
    REQUIRE(due);
    CHECK(due->digest.is_zero());
    REQUIRE(due->why.skipped.size() == 1);
    CHECK(due->why.skipped[0]->attempt == 0);
    leader.agreement.proposed();
    CHECK_FALSE(leader.agreement.proposal());
    for (Attempt a = 1; a < 5; ++a) {
        leader.certificate(skipped(a));
    }
    CHECK(leader.agreement.proposal()); // its next turn
}

TEST_CASE("R3: a leader without the certificates of all earlier attempts waits for them") {
    Member leader(2);
    leader.certificate(skipped(1));
    CHECK(leader.agreement.current() == 2);
    CHECK_FALSE(leader.agreement.proposal());
    leader.certificate(skipped(0));
    const auto due = leader.agreement.proposal();
    REQUIRE(due);
    CHECK(due->why.skipped.size() == 2);
}

TEST_CASE("R3: what may be committed is proposed again, with the skips since") {
    Member leader(3);
    leader.certificate(prepared(0, block_b));
    leader.certificate(skipped(0)); // both can exist
    leader.certificate(prepared(1, block_a));
    leader.certificate(skipped(1));
    leader.certificate(skipped(2));
    const auto due = leader.agreement.proposal();
    REQUIRE(due);
    CHECK(due->digest == block_a);
    REQUIRE(due->why.prepared);
    CHECK(due->why.prepared->attempt == 1);
    REQUIRE(due->why.skipped.size() == 1);
    CHECK(due->why.skipped[0]->attempt == 2);
}

TEST_CASE("R3: a prepare certificate that comes late still counts") {
    Member leader(2);
    leader.certificate(skipped(0));
    leader.certificate(skipped(1));
    leader.certificate(prepared(0, block_a));
    const auto due = leader.agreement.proposal();
    REQUIRE(due);
    CHECK(due->digest == block_a);
    CHECK(due->why.skipped.size() == 1);
}

TEST_CASE("R3: no proposal for an attempt given up, prepared or over") {
    Member skips;
    skips.certificate(skipped(0));
    skips.timer(1);
    CHECK_FALSE(skips.agreement.proposal());
    Member knows;
    knows.certificate(skipped(0));
    knows.certificate(prepared(1, block_a));
    CHECK_FALSE(knows.agreement.proposal());
    Member decides;
    decides.certificate(skipped(0));
    decides.certificate(committed(0, block_a));
    CHECK_FALSE(decides.agreement.proposal());
}

TEST_CASE("R4: a valid proposal is logged with its block, then prepared") {
    Member member;
    const auto out = member.propose(proposal_of(0, 0));
    REQUIRE(out.log.size() == 1);
    CHECK(out.log[0].kind == LogRecord::Kind::prepared);
    CHECK(out.log[0].height == height);
    CHECK(out.log[0].attempt == 0);
    CHECK(out.log[0].digest == block_a);
    REQUIRE(out.log[0].block);
    CHECK(out.log[0].block->digest == block_a);
    REQUIRE(out.votes.size() == 1);
    CHECK(casts(out, StatementKind::prepare, 0, block_a));
}

TEST_CASE("R4: only the attempt's leader proposes, and for this height") {
    Member member;
    AgreementOutput out;
    Propose foreign = proposal_of(0, 0);
    foreign.by.member = member_key(2);
    CHECK_FALSE(member.agreement.admits(foreign, out));
    Propose earlier = proposal_of(0, 0);
    earlier.height = height - 1;
    CHECK_FALSE(member.agreement.admits(earlier, out));
    CHECK(member.agreement.admits(proposal_of(0, 0), out));
}

TEST_CASE("R4: a member prepares once in an attempt, and the leader's first proposal only") {
    Member member;
    member.propose(proposal_of(0, 0));
    CHECK(member.propose(proposal_of(0, 0)).votes.empty());
    CHECK(member.propose(proposal_of(0, 1)).votes.empty());
    CHECK(member.agreement.equivocations().size() == 1);

    Member slow; // still validating the first
    AgreementOutput out;
    CHECK(slow.agreement.admits(proposal_of(0, 0), out));
    CHECK_FALSE(slow.agreement.admits(proposal_of(0, 1), out));
    CHECK(slow.agreement.admits(proposal_of(0, 0), out)); // once more is no harm
    slow.agreement.on_valid(0, make_block(1), out);
    CHECK(out.votes.empty());
    slow.agreement.on_valid(0, make_block(0), out);
    CHECK(casts(out, StatementKind::prepare, 0, block_a));
}

TEST_CASE("R4: one PREPARE an attempt, whatever the proposals, also after a restart") {
    Member member;
    member.propose(proposal_of(0, 0));
    Member again = member.restarted();
    CHECK(again.propose(proposal_of(0, 1)).votes.empty());
}

TEST_CASE("R4: nothing is prepared after SKIP or COMMIT of the attempt") {
    Member skips;
    skips.timer(0);
    CHECK(skips.propose(proposal_of(0, 0)).votes.empty());
    Member commits;
    commits.certificate(prepared(0, block_a));
    CHECK(commits.propose(proposal_of(0, 1)).votes.empty());
    CHECK(commits.propose(proposal_of(0, 0)).votes.empty());
}

TEST_CASE("R4: what was found valid too late is not prepared") {
    Member member;
    AgreementOutput out;
    REQUIRE(member.agreement.admits(proposal_of(0, 0), out));
    member.certificate(skipped(0));
    member.agreement.on_valid(0, make_block(0), out);
    CHECK(out.votes.empty());
    Member decided;
    REQUIRE(decided.agreement.admits(proposal_of(0, 0), out));
    decided.certificate(committed(0, block_b));
    decided.agreement.on_valid(0, make_block(0), out);
    CHECK(out.votes.empty());
}

TEST_CASE("R4: a proposal of an attempt left behind is refused") {
    Member member;
    member.certificate(prepared(1, block_b)); // jumps over 0
    REQUIRE(member.agreement.current() == 1);
    CHECK(member.propose(proposal_of(0, 0)).votes.empty());
}

TEST_CASE("R4: a justified proposal of a later attempt takes the member there") {
    Member member;
    Justification why;
    why.prepared = prepared(1, block_a);
    why.skipped = {skipped(2)};
    const auto out = member.propose(proposal_of(3, 0, why));
    CHECK(member.agreement.current() == 3);
    CHECK(out.entered);
    CHECK(casts(out, StatementKind::prepare, 3, block_a));

    // Nobody has to wait for a timer that the leader's was a little ahead of.
    Member early;
    why = {prepared(0, block_a), {}};
    const auto second = early.propose(proposal_of(1, 0, why));
    CHECK(casts(second, StatementKind::commit, 0, block_a));
    CHECK(casts(second, StatementKind::prepare, 1, block_a));
}

TEST_CASE("R4: justifications that do not justify") {
    struct Case {
        const char* what;
        Attempt attempt;
        std::size_t value;
        Justification why;
    };
    const SharedCertificate other_height = [] {
        auto made = std::make_shared<Certificate>(*skipped(0));
        made->height = height - 1;
        return made;
    }();
    const std::vector<Case> cases{
        {"none at all", 1, 0, {}},
        {"a gap at the start", 2, 0, {nullptr, {skipped(1)}}},
        {"a gap at the end", 2, 0, {nullptr, {skipped(0)}}},
        {"a gap after the prepare certificate", 3, 0, {prepared(0, block_a), {skipped(2)}}},
        {"another block than the certificate's", 1, 1, {prepared(0, block_a), {}}},
        {"a certificate of the attempt itself", 1, 0, {prepared(1, block_a), {skipped(0)}}},
        {"a certificate of a later attempt", 1, 0, {prepared(2, block_a), {skipped(0)}}},
        {"more than needed", 1, 0, {prepared(0, block_a), {skipped(0)}}},
        {"twice the same", 2, 0, {nullptr, {skipped(0), skipped(0)}}},
        {"in the wrong order", 2, 0, {nullptr, {skipped(1), skipped(0)}}},
        {"a prepare certificate for a skip", 1, 1, {nullptr, {prepared(0, block_a)}}},
        {"a skip certificate for a prepare", 1, 0, {skipped(0), {}}},
        {"too few votes",
         1,
         0,
         {nullptr, {make_certificate(StatementKind::skip, 0, {}, quorum - 1)}}},
        {"another height", 1, 0, {nullptr, {other_height}}},
        {"a justification for the first attempt", 0, 0, {nullptr, {skipped(0)}}},
    };
    for (const Case& c : cases) {
        INFO(c.what);
        Member member;
        CHECK_FALSE(
            casts(member.propose(proposal_of(c.attempt, c.value, c.why)), StatementKind::prepare));
    }
    Member member;
    CHECK(
        casts(member.propose(proposal_of(1, 1, {nullptr, {skipped(0)}})), StatementKind::prepare));
}

TEST_CASE("R4: the certificates of a refused proposal are learnt all the same") {
    Member member;
    Propose foreign = proposal_of(1, 0, {nullptr, {skipped(0)}});
    foreign.by.member = member_key(3);
    const auto out = member.propose(foreign);
    CHECK(out.votes.size() == 1);
    CHECK(casts(out, StatementKind::skip, 0));
    CHECK(member.agreement.current() == 1);
}

TEST_CASE("a follower votes for nothing but keeps up") {
    Member follower(std::nullopt);
    CHECK(follower.propose(proposal_of(0, 0)).votes.empty());
    CHECK(follower.certificate(prepared(0, block_a)).votes.empty());
    CHECK(follower.timer(0).votes.empty());
    CHECK(follower.agreement.current() == 1);
    CHECK(follower.certificate(skipped(1)).votes.empty());
    CHECK(follower.agreement.current() == 2);
    CHECK(follower.certificate(committed(1, block_a)).decided);
}
