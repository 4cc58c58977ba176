// SPDX-License-Identifier: Apache-2.0
// Rules R5 to R9: votes, certificates, time; evidence and bounds.
#include "agreement_fixture.hpp"

#include <random>

#include "consensus/params.hpp"

using namespace hp;
using namespace hp::agree;

TEST_CASE("R5: a prepare certificate is logged, passed on once, and answered with COMMIT") {
    Member member;
    const auto out = member.certificate(prepared(0, block_a));
    REQUIRE(out.log.size() == 2);
    CHECK(out.log[0].kind == LogRecord::Kind::certificate);
    CHECK(out.log[0].certificate->digest == block_a);
    CHECK(out.log[1].kind == LogRecord::Kind::committed);
    CHECK(out.log[1].digest == block_a);
    CHECK(out.certificates.size() == 1);
    CHECK(casts(out, StatementKind::commit, 0, block_a));
    const auto again = member.certificate(prepared(0, block_a));
    CHECK(again.log.empty());
    CHECK(again.votes.empty());
    CHECK(again.certificates.empty());
}

TEST_CASE("R5: a prepare certificate of a later attempt takes the member there") {
    Member member;
    const auto out = member.certificate(prepared(4, block_a));
    CHECK(out.entered);
    CHECK(member.agreement.current() == 4);
    CHECK(casts(out, StatementKind::commit, 4, block_a));
    CHECK(out.votes.size() == 1); // the attempts jumped over are not voted on
}

TEST_CASE("R5: a prepare certificate of an earlier attempt is kept, not committed to") {
    Member member;
    member.certificate(prepared(2, block_a));
    member.timer(2);
    member.certificate(skipped(3));
    const auto out = member.certificate(prepared(3, block_a));
    CHECK(out.votes.empty());
    CHECK(out.log.size() == 1);
    const auto older = member.certificate(prepared(1, block_a));
    CHECK(older.log.empty()); // can never matter again
    CHECK(older.certificates.empty());

    Member jumped; // has signed nothing about attempt 0, yet it is behind
    jumped.certificate(prepared(1, block_a));
    CHECK_FALSE(casts(jumped.certificate(prepared(0, block_a)), StatementKind::commit));
}

TEST_CASE("R5: no COMMIT after SKIP of the attempt") {
    Member member;
    member.timer(0);
    const auto out = member.certificate(prepared(0, block_a));
    CHECK_FALSE(casts(out, StatementKind::commit));
    CHECK(out.log.size() == 1); // the certificate: it decides what is proposed next
}

TEST_CASE("R6: the timer makes a member skip, once") {
    Member member;
    const auto out = member.timer(0);
    REQUIRE(out.log.size() == 1);
    CHECK(out.log[0].kind == LogRecord::Kind::skipped);
    CHECK(casts(out, StatementKind::skip, 0));
    CHECK_FALSE(out.entered);
    const auto again = member.timer(0);
    CHECK(again.log.empty());
    CHECK(again.votes.empty());
}

TEST_CASE("R6: no SKIP after COMMIT of the attempt") {
    Member member;
    member.certificate(prepared(0, block_a));
    CHECK(member.timer(0).votes.empty());
}

TEST_CASE("R6: timers of other attempts are ignored") {
    Member member;
    member.certificate(prepared(1, block_a)); // jumps over 0
    CHECK(member.timer(0).votes.empty());
    CHECK(member.timer(2).votes.empty());
    CHECK(member.agreement.current() == 1);
}

TEST_CASE("R7: a skip certificate ends its attempt and disowns what is left behind") {
    Member member;
    const auto out = member.certificate(skipped(2));
    CHECK(out.entered);
    CHECK(member.agreement.current() == 3);
    REQUIRE(out.log.size() == 4);
    CHECK(out.log[0].kind == LogRecord::Kind::certificate);
    CHECK(out.votes.size() == 3);
    for (Attempt a = 0; a < 3; ++a) {
        CHECK(casts(out, StatementKind::skip, a));
    }
    CHECK(out.certificates.size() == 1);
    const auto again = member.certificate(skipped(2));
    CHECK(again.log.empty());
    CHECK(again.certificates.empty());
}

TEST_CASE("R7: nothing that was committed or skipped before is skipped") {
    Member member;
    member.certificate(prepared(0, block_a));
    CHECK(member.certificate(skipped(0)).votes.empty());
    CHECK(member.agreement.current() == 1);
    member.timer(1);
    CHECK(member.certificate(skipped(1)).votes.empty());
    CHECK(member.agreement.current() == 2);
}

TEST_CASE("R7: a certificate of an earlier attempt is kept for the justification only") {
    Member member;
    member.certificate(skipped(2));
    const auto out = member.certificate(skipped(0));
    CHECK_FALSE(out.entered);
    CHECK(out.log.size() == 1);
    CHECK(out.votes.empty());
    member.certificate(prepared(1, block_a));
    CHECK(member.certificate(skipped(0)).log.empty()); // superseded
}

TEST_CASE("R7: a long way is disowned within the window") {
    Member member;
    const auto out = member.certificate(skipped(100'000));
    CHECK(member.agreement.current() == 100'001);
    CHECK(out.votes.size() == params::attempt_window + 1);
    CHECK(casts(out, StatementKind::skip, 100'000));
}

TEST_CASE("R8: a prepared attempt is left when its time is over, not before") {
    Member member;
    member.certificate(prepared(0, block_a));
    CHECK(member.agreement.current() == 0);
    CHECK(member.timer(0).entered);
    CHECK(member.agreement.current() == 1);

    Member skips;
    skips.timer(0);
    CHECK(skips.agreement.current() == 0);
    CHECK(skips.certificate(prepared(0, block_a)).entered);
    CHECK(skips.agreement.current() == 1);
    CHECK(skips.certificate(prepared(1, block_a)).votes.size() == 1); // a new attempt, a new timer
    CHECK(skips.agreement.current() == 1);
}

TEST_CASE("R9: a quorum of COMMITs of any attempt decides, once") {
    Member member;
    member.certificate(skipped(4));
    member.vote(StatementKind::commit, 0, 2, block_a);
    member.vote(StatementKind::commit, 2, 2, block_a);
    const auto out = member.vote(StatementKind::commit, 3, 2, block_a);
    REQUIRE(out.decided);
    CHECK(out.decided->kind == StatementKind::commit);
    CHECK(out.decided->height == height);
    CHECK(out.decided->attempt == 2);
    CHECK(out.decided->digest == block_a);
    CHECK(member.agreement.is_decided());
    REQUIRE(out.decided->votes.size() == quorum);
    CHECK(out.decided->votes[0].member == member_key(0));
    CHECK(out.decided->votes[1].member == member_key(2));
    CHECK(out.decided->votes[2].member == member_key(3));
    // Another member accepts it.
    CHECK(Member(3).certificate(out.decided).decided);
    CHECK(Member(std::nullopt).certificate(out.decided).decided);
}

TEST_CASE("R9: what comes after the decision is ignored") {
    Member member;
    member.certificate(committed(0, block_a));
    const Bytes before = member.agreement.fingerprint();
    CHECK_FALSE(member.certificate(committed(1, block_b)).decided);
    CHECK(member.certificate(prepared(1, block_b)).votes.empty());
    CHECK(member.certificate(skipped(1)).votes.empty());
    CHECK(member.timer(0).votes.empty());
    CHECK(member.propose(proposal_of(0, 0)).votes.empty());
    for (std::size_t by = 0; by < members; ++by) {
        CHECK_FALSE(member.vote(StatementKind::commit, by, 1, block_b).decided);
    }
    CHECK(member.agreement.fingerprint() == before);
    const auto out = member.repeat();
    CHECK(out.votes.empty());
    REQUIRE(out.certificates.size() == 1);
    CHECK(out.certificates[0]->kind == StatementKind::commit);
}

TEST_CASE("a quorum of equal votes makes a certificate; fewer, repeated or others' do not") {
    for (const StatementKind kind :
         {StatementKind::prepare, StatementKind::commit, StatementKind::skip}) {
        const Hash32 digest = kind == StatementKind::skip ? Hash32{} : block_a;
        const auto is_complete = [](const AgreementOutput& out) {
            return !out.certificates.empty() || out.decided;
        };
        Member member;
        CHECK_FALSE(is_complete(member.vote(kind, 0, 0, digest)));
        CHECK_FALSE(is_complete(member.vote(kind, 0, 0, digest)));
        CHECK_FALSE(is_complete(member.vote(kind, 0, 0, digest)));
        CHECK_FALSE(is_complete(member.vote(kind, members, 0, digest))); // a stranger
        CHECK_FALSE(is_complete(member.vote(kind, 2, 1, digest)));       // another attempt
        CHECK_FALSE(is_complete(member.vote(kind, 2, 0, digest)));
        AgreementOutput out;
        Vote earlier = make_vote(kind, 3, 0, digest);
        earlier.height = height - 1;
        member.agreement.on_vote(earlier, out);
        CHECK_FALSE(is_complete(out));
        CHECK(is_complete(member.vote(kind, 3, 0, digest)));
    }
}

TEST_CASE("votes that name what they cannot name are dropped") {
    Member member;
    for (std::size_t by = 0; by < members; ++by) {
        CHECK(member.vote(StatementKind::skip, by, 0, block_a).certificates.empty());
        CHECK(member.vote(StatementKind::prepare, by, 0, {}).certificates.empty());
        CHECK_FALSE(member.vote(StatementKind::commit, by, 0, {}).decided);
        CHECK(member.vote(StatementKind::propose, by, 0, block_a).certificates.empty());
        CHECK(member.vote(StatementKind::open, by, 0, block_a).certificates.empty());
    }
    CHECK(member.agreement.equivocations().empty());
}

TEST_CASE("certificates are as strict as votes") {
    const auto is_refused = [](auto change) {
        for (const auto& sample : {prepared(0, block_a), skipped(0), committed(0, block_a)}) {
            auto made = std::make_shared<Certificate>(*sample);
            change(*made);
            Member member;
            const Bytes before = member.agreement.fingerprint();
            member.certificate(made);
            if (member.agreement.fingerprint() != before) {
                return false;
            }
        }
        return true;
    };
    CHECK_FALSE(is_refused([](Certificate&) {}));
    CHECK(is_refused([](Certificate& c) { c.height += 1; }));
    CHECK(is_refused([](Certificate& c) { c.height -= 1; }));
    CHECK(is_refused([](Certificate& c) { c.votes.pop_back(); }));
    CHECK(is_refused([](Certificate& c) { c.votes.clear(); }));
    CHECK(is_refused([](Certificate& c) { c.votes[1] = c.votes[0]; }));
    CHECK(is_refused([](Certificate& c) { std::swap(c.votes[0], c.votes[1]); }));
    CHECK(is_refused([](Certificate& c) { c.votes[2].member = member_key(members); }));
    CHECK(is_refused([](Certificate& c) { c.digest = c.digest.is_zero() ? block_a : Hash32{}; }));
    CHECK(is_refused([](Certificate& c) { c.kind = StatementKind::propose; }));
    CHECK_FALSE(is_refused([](Certificate& c) { c.votes.push_back({member_key(3), {}}); }));
}

TEST_CASE("votes far from the current attempt are not kept; certificates always count") {
    Member member;
    member.certificate(skipped(999));
    const Attempt window = params::attempt_window;
    const std::size_t before = member.agreement.fingerprint().size();
    for (std::size_t by = 0; by < members; ++by) {
        member.vote(StatementKind::prepare, by, 1000 + window + 1, block_a);
        member.vote(StatementKind::skip, by, 1000 - window - 1);
        member.vote(StatementKind::commit, by, ~Attempt{0}, block_a);
    }
    CHECK(member.agreement.fingerprint().size() == before);
    member.vote(StatementKind::skip, 0, 1000 + window);
    member.vote(StatementKind::skip, 2, 1000 + window);
    CHECK(member.vote(StatementKind::skip, 3, 1000 + window).entered);
    CHECK(member.certificate(prepared(1'000'000, block_a)).entered);
    // What has left the window with that is forgotten.
    CHECK(member.agreement.fingerprint().size() < before + 500);
    CHECK(member.certificate(committed(5, block_a)).decided);
}

TEST_CASE("contradictions are kept as evidence, the first of each member") {
    const auto count = [](const Member& member) { return member.agreement.equivocations().size(); };
    Member member;
    member.vote(StatementKind::prepare, 0, 0, block_a);
    member.vote(StatementKind::prepare, 0, 0, block_a);
    member.vote(StatementKind::prepare, 0, 1, block_b); // another attempt
    member.vote(StatementKind::commit, 0, 0, block_b);  // no contradiction in itself
    member.vote(StatementKind::prepare, 2, 0, block_b); // another member
    member.vote(StatementKind::skip, 2, 0);             // after PREPARE: allowed
    CHECK(count(member) == 0);
    member.vote(StatementKind::prepare, 0, 0, block_b);
    REQUIRE(count(member) == 1);
    const auto& [first, second] = member.agreement.equivocations()[0];
    CHECK(first.digest == block_a);
    CHECK(second.digest == block_b);
    CHECK(first.by.member == member_key(0));
    for (Attempt a = 2; a < 50; ++a) {
        member.vote(StatementKind::skip, 0, a);
        member.vote(StatementKind::commit, 0, a, block_a);
    }
    CHECK(count(member) == 1);
    member.vote(StatementKind::commit, 3, 0, block_a);
    member.vote(StatementKind::skip, 3, 0);
    CHECK(count(member) == 2);
}

TEST_CASE("of contradictory votes the first counts") {
    Member member;
    member.vote(StatementKind::prepare, 0, 0, block_a);
    member.vote(StatementKind::prepare, 0, 0, block_b);
    member.vote(StatementKind::prepare, 2, 0, block_b);
    CHECK(member.vote(StatementKind::prepare, 3, 0, block_b).certificates.empty());
    CHECK(casts(member.vote(StatementKind::prepare, 1, 0, block_b), StatementKind::commit, 0,
                block_b));
}

TEST_CASE("certificates form exactly when a quorum's first votes agree (random orders)") {
    std::mt19937 random(1);
    for (int round = 0; round < 500; ++round) {
        Member member(std::nullopt);
        std::map<std::size_t, std::size_t> first; // member -> value
        bool formed = false;
        for (int i = 0; i < 12 && !formed; ++i) {
            const std::size_t by = random() % (members + 1);
            const std::size_t value = random() % 2;
            if (by < members) {
                first.emplace(by, value);
            }
            const auto out = member.vote(StatementKind::commit, by, 3, value_digest(value));
            formed = out.decided != nullptr;
            std::array<std::size_t, 2> counts{};
            for (const auto& [who, what] : first) {
                ++counts[what];
            }
            CHECK(formed == (counts[0] >= quorum || counts[1] >= quorum));
        }
    }
}

TEST_CASE("the same events give the same state") {
    const auto play = [] {
        Member member;
        member.propose(proposal_of(0, 0));
        member.vote(StatementKind::prepare, 0, 0, block_a);
        member.vote(StatementKind::prepare, 3, 0, block_b);
        member.timer(0);
        member.certificate(skipped(0));
        return member.agreement.fingerprint();
    };
    CHECK(play() == play());
}
