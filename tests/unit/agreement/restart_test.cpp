// SPDX-License-Identifier: Apache-2.0
// What a restart gives back, and what is repeated until the height is decided.
#include "agreement_fixture.hpp"

#include "consensus/params.hpp"

using namespace hp;
using namespace hp::agree;

TEST_CASE("a restarted member keeps its word: PREPARE") {
    Member member;
    member.propose(proposal_of(0, 0));
    Member again = member.restarted();
    CHECK(again.propose(proposal_of(0, 1)).votes.empty());
    CHECK(casts(again.repeat(), StatementKind::prepare, 0, block_a));
}

TEST_CASE("a restarted member keeps its word: COMMIT excludes SKIP") {
    Member member;
    member.certificate(prepared(0, block_a));
    Member again = member.restarted();
    CHECK(again.agreement.current() == 0);
    CHECK(again.timer(0).votes.empty());
    CHECK(casts(again.repeat(), StatementKind::commit, 0, block_a));
}

TEST_CASE("a restarted member keeps its word: SKIP excludes COMMIT") {
    Member member;
    member.timer(0);
    Member again = member.restarted();
    CHECK_FALSE(casts(again.certificate(prepared(0, block_a)), StatementKind::commit));
    CHECK(casts(again.repeat(), StatementKind::skip, 0));
}

TEST_CASE("a restarted member is where its certificates brought it") {
    Member by_skip;
    by_skip.certificate(skipped(0));
    by_skip.certificate(skipped(2));
    Member first = by_skip.restarted();
    CHECK(first.agreement.current() == 3);
    CHECK(first.repeat().certificates.size() == 2);

    Member by_prepare;
    by_prepare.certificate(prepared(3, block_a));
    Member second = by_prepare.restarted();
    CHECK(second.agreement.current() == 3);
    REQUIRE(second.repeat().certificates.size() == 1);
    CHECK(second.repeat().certificates[0]->digest == block_a);

    Member past_it; // R8 holds across a restart
    past_it.timer(0);
    past_it.certificate(prepared(0, block_a));
    CHECK(past_it.restarted().agreement.current() == 1);
}

TEST_CASE("the justification of a proposal survives the restart of its only holder") {
    Member leader(3);
    leader.certificate(prepared(0, block_a));
    leader.certificate(skipped(1));
    leader.certificate(skipped(2));
    Member again(3, leader.log());
    const auto due = again.agreement.proposal();
    REQUIRE(due);
    CHECK(due->digest == block_a);
    CHECK(due->why.skipped.size() == 2);
}

TEST_CASE("a restarted leader proposes what it has proposed, or nothing") {
    Member leader; // of attempt 1
    leader.certificate(skipped(0));
    leader.propose(proposal_of(1, 0, {nullptr, {skipped(0)}})); // its own, before PROPOSE leaves
    Member again = leader.restarted();
    const auto due = again.agreement.proposal();
    REQUIRE(due);
    CHECK(due->digest == block_a);
    CHECK_FALSE(due->why.prepared);
    // The same block for the same reason is still acceptable to others; another would not be.
    leader.certificate(prepared(0, block_b));
    CHECK_FALSE(leader.restarted().agreement.proposal());
}

TEST_CASE("a vote whose record the crash took is made again") {
    Member member;
    member.propose(proposal_of(0, 0));
    const auto out = member.certificate(prepared(0, block_a));
    REQUIRE(out.log.size() == 2);
    std::vector<LogRecord> torn = member.log();
    torn.pop_back(); // the certificate is there, the COMMIT is not
    Member again(me, torn);
    CHECK_FALSE(casts(again.repeat(), StatementKind::commit));
    CHECK(casts(again.certificate(prepared(0, block_a)), StatementKind::commit, 0, block_a));
}

TEST_CASE("records of other heights are not this height's") {
    Member member;
    member.propose(proposal_of(0, 0));
    member.timer(0);
    std::vector<LogRecord> log = member.log();
    for (LogRecord& record : log) {
        record.height = height - 1;
    }
    Member again(me, log);
    CHECK(again.agreement.fingerprint() == Member().agreement.fingerprint());
}

TEST_CASE("repeated: votes and certificates that still matter") {
    Member member;
    CHECK(member.repeat().votes.empty());
    CHECK(member.repeat().certificates.empty());
    member.propose(proposal_of(0, 0));
    member.certificate(prepared(0, block_a)); // COMMIT of 0
    member.timer(0);
    member.timer(1); // SKIP of 1
    member.certificate(skipped(1));
    member.certificate(prepared(2, block_a)); // COMMIT of 2
    member.timer(2);
    member.timer(3); // SKIP of 3
    const auto out = member.repeat();
    REQUIRE(out.certificates.size() == 1);
    CHECK(out.certificates[0]->attempt == 2);
    CHECK(out.votes.size() == 3);
    CHECK(casts(out, StatementKind::commit, 0, block_a)); // may still decide
    CHECK(casts(out, StatementKind::commit, 2, block_a));
    CHECK(casts(out, StatementKind::skip, 3));
    CHECK(out.log.empty());
}

TEST_CASE("repeated: no more than the window at once, every skip certificate in its turn") {
    Member member;
    for (Attempt a = 0; a < 1000; ++a) {
        member.timer(a);
        member.certificate(skipped(a));
    }
    std::set<Attempt> seen;
    for (Attempt i = 0; i < 1000 / (params::attempt_window / 2) + 1; ++i) {
        const auto out = member.repeat();
        CHECK(out.certificates.size() == params::attempt_window);
        CHECK(out.votes.size() == params::attempt_window);
        CHECK(casts(out, StatementKind::skip, 999));
        CHECK(out.certificates.back()->attempt == 999);
        for (const auto& made : out.certificates) {
            seen.insert(made->attempt);
        }
    }
    CHECK(seen.size() == 1000);
}

TEST_CASE("members that were absent in turn can propose again after repetitions") {
    // Each knows only its part of a long way of skipped attempts.
    std::vector<Member> group;
    for (std::size_t self = 0; self < 3; ++self) {
        group.emplace_back(self);
        for (Attempt a = 0; a < 600; ++a) {
            if (a / 200 == self || a == 599) {
                group.back().certificate(skipped(a));
            }
        }
        CHECK_FALSE(group.back().agreement.proposal());
    }
    Member& leader = group[0]; // of attempt 600
    for (int i = 0; i < 20 && !leader.agreement.proposal(); ++i) {
        for (std::size_t other = 1; other < group.size(); ++other) {
            for (const auto& made : group[other].repeat().certificates) {
                leader.certificate(made);
            }
        }
    }
    const auto due = leader.agreement.proposal();
    REQUIRE(due);
    CHECK(due->why.skipped.size() == 600);
}

TEST_CASE("one member alone decides, and after a restart at any record") {
    std::vector<LogRecord> log;
    const auto run = [&log](std::vector<LogRecord> from, std::size_t& decided_in) {
        Agreement alone(make_setup(0, 1, 1), from);
        AgreementOutput out;
        const auto hand_back = [&] {
            for (std::size_t i = 0; i < out.votes.size(); ++i) {
                const VoteIntent vote = out.votes[i];
                alone.on_vote(make_vote(vote.kind, 0, vote.attempt, vote.digest), out);
            }
            log.insert(log.end(), out.log.begin(), out.log.end());
            if (out.decided) {
                decided_in = value_of(out.decided->digest);
            }
            out = {};
        };
        alone.repeat(out);
        hand_back();
        if (const auto due = alone.proposal()) {
            const std::size_t value = due->digest.is_zero() ? 5 : value_of(due->digest);
            Propose propose = proposal_of(alone.current(), value, due->why);
            propose.by.member = member_key(0);
            if (alone.admits(propose, out)) {
                alone.on_valid(propose.attempt, propose.block, out);
            }
            alone.proposed();
            hand_back();
        }
        return alone.is_decided();
    };
    std::size_t value = 0;
    REQUIRE(run({}, value));
    CHECK(value == 5);
    REQUIRE(log.size() == 3); // prepared, certificate, committed
    const std::vector<LogRecord> whole = log;
    for (std::size_t kept = 0; kept <= whole.size(); ++kept) {
        INFO(kept);
        value = 0;
        log.clear();
        CHECK(run({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(kept)}, value));
        CHECK(value == 5);
    }
}
