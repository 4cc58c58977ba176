// SPDX-License-Identifier: Apache-2.0
// A member whose vote log may not know all of its votes, or that others did not hear.
#include <catch2/catch.hpp>

#include "engine_cluster.hpp"

using namespace hp;
using namespace hp::consensus;
using namespace hp::consensus::test;

namespace {

SharedCertificate make_certificate(StatementKind kind, LedgerSeq height, const Hash32& digest,
                                   std::initializer_list<std::size_t> by) {
    auto made = std::make_shared<Certificate>();
    made->kind = kind;
    made->height = height;
    made->digest = digest;
    for (const std::size_t member : by) {
        made->votes.push_back({key_of(member), {}});
    }
    return made;
}

Hash32 digest_of(std::uint8_t number) {
    Hash32 out;
    out.data.fill(number);
    return out;
}

} // namespace

TEST_CASE("a member that may have forgotten follows until a ledger cites its OPEN") {
    Cluster cluster;
    for (const std::size_t number : {0U, 1U, 2U}) {
        cluster.start(number);
    }
    cluster.run_ms(3500);
    const LedgerSeq before = cluster.engine(0).lcl().seq;
    REQUIRE(before >= 3);

    // It starts with nothing. What it fetches was decided before it started: that proves nothing.
    cluster.member(3).is_deaf = true;
    cluster.start(3, true);
    cluster.run_ms(1500);
    cluster.member(3).is_deaf = false;
    for (LedgerSeq seq = 1; seq <= before; ++seq) {
        cluster.step(3, MessageIn{key_of(0), cluster.member(0).ledgers.at(seq)});
        CHECK(cluster.engine(3).may_have_forgotten());
    }
    CHECK(cluster.engine(3).lcl().seq == before);
    CHECK(cluster.count_said<Vote>(3) == 0);
    CHECK(cluster.count_said<SignedResult>(3) == 0);

    cluster.run_ms(4000);
    CHECK_FALSE(cluster.engine(3).may_have_forgotten());
    CHECK(cluster.count_said<Vote>(3) > 0);
    CHECK(cluster.count_said<SignedResult>(3) > 0);
    // The first ledger it voted on comes after the one that cites it.
    LedgerSeq first_vote = UINT64_MAX;
    for (const LogRecord& record : cluster.member(3).log) {
        if (record.kind != LogRecord::Kind::certificate) {
            first_vote = std::min(first_vote, record.height);
        }
    }
    LedgerSeq cited = 0;
    for (const auto& [seq, ledger] : cluster.member(3).ledgers) {
        for (const OpenRef& open : ledger->block->opens) {
            if (cited == 0 && open.member == key_of(3)) {
                cited = seq;
            }
        }
    }
    CHECK(cited > before);
    CHECK(first_vote == cited + 1);
}

TEST_CASE("without those who remember nobody goes on") {
    Cluster cluster;
    cluster.start(0);
    cluster.start(1);
    cluster.start(2, true);
    cluster.start(3, true);
    cluster.run_ms(10'000);
    CHECK(cluster.engine(0).lcl().seq == 0);
    CHECK(cluster.engine(3).may_have_forgotten());
}

TEST_CASE("a node alone has nobody to contradict") {
    Cluster cluster(1);
    cluster.start(0, true);
    cluster.run_ms(3000);
    CHECK(cluster.engine(0).lcl().seq >= 3);
    CHECK_FALSE(cluster.engine(0).may_have_forgotten());
}

TEST_CASE("own votes in messages of others are remembered, or were forgotten") {
    Cluster cluster;
    cluster.start_all();
    cluster.run_ms(2500);
    const LedgerSeq height = cluster.engine(0).lcl().seq + 1;
    REQUIRE(height >= 3);
    cluster.member(1).engine = nullptr; // two of four: a height that stays open
    cluster.member(2).engine = nullptr;
    cluster.step(0, MessageIn{key_of(3), make_certificate(StatementKind::prepare, height,
                                                          digest_of(7), {1, 2, 3})});
    const Engine& engine = cluster.engine(0);
    const auto vote = [&](std::size_t by, StatementKind kind, LedgerSeq seq, std::uint8_t digest) {
        return Vote{kind, seq, 0, digest == 0 ? Hash32{} : digest_of(digest), {key_of(by), {}}};
    };
    CHECK(engine.remembers(vote(0, StatementKind::commit, height, 7))); // its answer
    CHECK_FALSE(engine.remembers(vote(0, StatementKind::commit, height, 8)));
    CHECK_FALSE(engine.remembers(vote(0, StatementKind::prepare, height, 7)));
    CHECK_FALSE(engine.remembers(vote(0, StatementKind::skip, height, 0)));
    CHECK_FALSE(engine.remembers(vote(0, StatementKind::commit, height + 1, 7)));
    CHECK(engine.remembers(vote(0, StatementKind::skip, height - 1, 0))); // decided
    CHECK(engine.remembers(vote(1, StatementKind::skip, height, 0)));     // somebody else's

    const auto ours = make_certificate(StatementKind::skip, height, {}, {0, 1, 2});
    CHECK_FALSE(engine.remembers(ours));
    CHECK(engine.remembers(make_certificate(StatementKind::skip, height, {}, {1, 2, 3})));
    CHECK(engine.remembers(make_certificate(StatementKind::skip, height - 1, {}, {0, 1, 2})));
    CHECK(
        engine.remembers(make_certificate(StatementKind::commit, height, digest_of(7), {0, 1, 2})));
    Propose propose;
    CHECK(engine.remembers(propose));
    propose.why.skipped = {ours};
    CHECK_FALSE(engine.remembers(propose));
    propose.why = {make_certificate(StatementKind::prepare, height, digest_of(7), {0, 1, 2}), {}};
    CHECK_FALSE(engine.remembers(propose));
    CertifiedLedger ledger;
    ledger.commit = make_certificate(StatementKind::commit, height, digest_of(9), {0, 1, 2});
    CHECK_FALSE(engine.remembers(std::make_shared<const CertifiedLedger>(ledger)));
    CHECK(engine.remembers(GetLedgers{height}));
}

TEST_CASE("a member that is shown a vote it has forgotten stops voting at once") {
    Cluster cluster;
    cluster.start_all();
    cluster.run_ms(2500);
    const LedgerSeq height = cluster.engine(0).lcl().seq + 1;
    cluster.member(0).said.clear();
    cluster.step(0, VotesForgotten{});
    CHECK(cluster.engine(0).may_have_forgotten());
    cluster.step(0, MessageIn{key_of(3), make_certificate(StatementKind::prepare, height,
                                                          digest_of(7), {1, 2, 3})});
    CHECK(cluster.count_said<Vote>(0) == 0);
    cluster.run_ms(5000); // the others go on, and it votes again
    CHECK_FALSE(cluster.engine(0).may_have_forgotten());
    CHECK(cluster.count_said<Vote>(0) > 0);
}

TEST_CASE("a decision that waits for parts of its block is logged like any vote") {
    Cluster cluster;
    cluster.start_all();
    cluster.run_ms(2500);
    const LedgerSeq height = cluster.engine(0).lcl().seq + 1;
    for (const std::size_t number : {1U, 2U, 3U}) {
        cluster.member(number).engine = nullptr;
    }
    // Two COMMITs for a block that it does not have, and the certificate that makes it the third.
    for (const std::size_t by : {1U, 2U}) {
        cluster.step(
            0, MessageIn{key_of(by),
                         Vote{StatementKind::commit, height, 0, digest_of(7), {key_of(by), {}}}});
    }
    cluster.step(0, MessageIn{key_of(3), make_certificate(StatementKind::prepare, height,
                                                          digest_of(7), {1, 2, 3})});
    const std::vector<LogRecord>& log = cluster.member(0).log;
    CHECK(std::any_of(log.begin(), log.end(), [&](const LogRecord& record) {
        return record.kind == LogRecord::Kind::committed && record.height == height &&
               record.digest == digest_of(7);
    }));
}

TEST_CASE("a member goes on from a ledger whose predecessors it never had") {
    Cluster cluster;
    for (const std::size_t number : {0U, 1U, 2U}) {
        cluster.start(number);
    }
    cluster.run_ms(6000);
    cluster.member(3).is_deaf = true;
    cluster.start(3, true);
    const LedgerSeq newest = cluster.engine(0).lcl().seq;
    REQUIRE(newest >= 5);
    const auto from = [&](LedgerSeq seq) {
        auto snapshot = std::make_shared<Snapshot>();
        snapshot->ledger = cluster.member(0).ledgers.at(seq);
        return Rejoin{snapshot};
    };
    cluster.step(3, from(newest));
    CHECK(cluster.engine(3).lcl() == cluster.engine(0).lcl());
    CHECK(cluster.member(3).ledgers.size() == 1);
    // It has come further already.
    cluster.step(3, from(newest - 1));
    CHECK(cluster.engine(3).lcl().seq == newest);
    CHECK(cluster.member(3).ledgers.size() == 1);

    // It has voted before, perhaps on the next one, and waits until that cannot matter.
    CHECK(cluster.engine(3).may_have_forgotten());
    cluster.member(3).is_deaf = false;
    cluster.run_ms(4000);
    CHECK_FALSE(cluster.engine(3).may_have_forgotten());
    CHECK(cluster.engine(3).lcl() == cluster.engine(0).lcl());
    CHECK(cluster.engine(3).lcl().seq > newest + 1);
    CHECK(cluster.count_said<Vote>(3) > 0);
}

TEST_CASE("votes for members that an operator has replaced mean nothing") {
    Cluster cluster;
    cluster.start(0);
    cluster.step(0, MessageIn{key_of(1), make_certificate(StatementKind::prepare, 1, digest_of(7),
                                                          {1, 2, 3})});
    const Message own =
        Vote{StatementKind::commit, 1, 0, digest_of(7), {key_of(0), {}}}; // by that certificate
    REQUIRE(cluster.engine(0).remembers(own));

    Params params;
    const test::NoSigner signer;
    const auto start_with = [&](std::size_t count) {
        params.unl.clear();
        for (std::size_t i = 0; i < count; ++i) {
            params.unl.insert(key_of(i));
        }
        Start start{nullptr, nullptr, std::make_shared<proto::ExecutionResult>(), {}, {}};
        start.log = cluster.member(0).log;
        Effects effects;
        return Engine(params, {key_of(0), true, {}, {}, 2, false}, signer, std::move(start),
                      {1'000'000, 5'000'000}, effects);
    };
    params.threshold_percent = 66;
    CHECK(start_with(members).remembers(own));
    CHECK_FALSE(start_with(2).remembers(own));
}
