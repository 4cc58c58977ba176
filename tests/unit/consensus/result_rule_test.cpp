// SPDX-License-Identifier: Apache-2.0
// Which result a ledger continues from (consensus.md 6.4.6), for leaders and for those who check.
#include <catch2/catch.hpp>

#include "consensus/result_rule.hpp"

using namespace hp;
using namespace hp::consensus;

namespace {

Hash32 hash(std::uint8_t number) {
    Hash32 out;
    out.data.fill(number);
    return out;
}

ResultClaim claim(std::uint8_t state, std::uint8_t outputs) {
    return {{7, hash(70)}, hash(state), hash(60), hash(outputs)};
}

// One result a member, in the order of their keys.
std::vector<SignedResult> results(const std::vector<ResultClaim>& claims) {
    std::vector<SignedResult> out;
    for (const ResultClaim& said : claims) {
        SignedResult result;
        result.claim = said;
        result.by.member.data.fill(static_cast<std::uint8_t>(out.size() + 1));
        out.push_back(result);
    }
    return out;
}

ResultContext context(std::size_t members, std::size_t quorum) {
    return {members, quorum, claim(9, 0), true};
}

} // namespace

TEST_CASE("a quorum of equal results is certified, outputs included") {
    const auto said = results({claim(1, 1), claim(1, 1), claim(1, 2)});
    const auto decision = decide_result(context(3, 2), said, false);
    REQUIRE(decision);
    CHECK(decision->mode == ResultMode::certified);
    CHECK(decision->claim == claim(1, 1));
    CHECK(decision->evidence.size() == 2);
    CHECK(check_result(context(3, 2), *decision, said));
}

TEST_CASE("one state with different outputs is kept without outputs") {
    const auto said = results({claim(1, 1), claim(1, 2), claim(1, 3)});
    const auto decision = decide_result(context(3, 3), said, false);
    REQUIRE(decision);
    CHECK(decision->mode == ResultMode::plurality);
    ResultClaim expected = claim(1, 0);
    expected.output_root = Hash32{};
    CHECK(decision->claim == expected);
    CHECK(check_result(context(3, 3), *decision, said));

    ResultDecision pretended = *decision;
    pretended.mode = ResultMode::void_run;
    pretended.claim = context(3, 3).before;
    CHECK_FALSE(check_result(context(3, 3), pretended, said));
}

TEST_CASE("states that all differ leave the one before") {
    const auto said = results({claim(1, 1), claim(2, 1), claim(3, 1)});
    const auto decision = decide_result(context(3, 2), said, false);
    REQUIRE(decision);
    CHECK(decision->mode == ResultMode::void_run);
    CHECK(decision->claim.state_hash == hash(9));
    CHECK(check_result(context(3, 2), *decision, said));
}

TEST_CASE("a run is not void while the next result may give one state most votes") {
    auto said = results({claim(1, 1), claim(1, 1), claim(2, 1), claim(2, 1)});
    CHECK_FALSE(decide_result(context(5, 4), said, false));
    const auto decision = decide_result(context(5, 4), said, true);
    REQUIRE(decision);
    CHECK(decision->mode == ResultMode::void_run);
    said = results({claim(1, 1), claim(1, 1), claim(2, 1), claim(2, 1), claim(1, 1)});
    const auto with_all = decide_result(context(5, 4), said, false);
    REQUIRE(with_all);
    CHECK(with_all->mode == ResultMode::plurality);
    CHECK(with_all->claim.state_hash == hash(1));
}

TEST_CASE("while a certificate is possible, and time is left, nobody decides") {
    const auto said = results({claim(1, 1), claim(1, 2), claim(1, 1)});
    CHECK_FALSE(decide_result(context(4, 3), said, false));
    const auto decision = decide_result(context(4, 3), said, true);
    REQUIRE(decision);
    CHECK(decision->mode == ResultMode::plurality);
    CHECK(decision->claim.state_hash == hash(1));
}
