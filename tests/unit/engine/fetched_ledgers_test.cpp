// SPDX-License-Identifier: Apache-2.0
// Which ledgers a node that is behind asks for, and what of the answers it keeps.
#include <catch2/catch.hpp>

#include "consensus/fetched_ledgers.hpp"
#include "consensus/params.hpp"
#include "fake_signature.hpp"

using namespace hp;
using namespace hp::consensus;

namespace {

const PublicKey source = sim::make_key(1, 1);
const PublicKey other = sim::make_key(1, 2);

SharedCertifiedLedger certified(LedgerSeq seq, std::size_t bytes = 0) {
    auto block = std::make_shared<Block>();
    block->header.seq = seq;
    auto out = std::make_shared<CertifiedLedger>();
    out->block = block;
    if (bytes > 0) {
        auto input = std::make_shared<proto::SignedInput>();
        input->container.resize(bytes);
        out->inputs.push_back(input);
    }
    return out;
}

void expect(const std::optional<GetLedgers>& missing, LedgerSeq seq, std::uint32_t count) {
    REQUIRE(missing);
    CHECK(missing->seq == seq);
    CHECK(missing->count == count);
}

} // namespace

TEST_CASE("as many ledgers are asked for at once as may wait, and no more than there are") {
    const FetchedLedgers fetched;
    CHECK_FALSE(fetched.missing(5, 5));
    expect(fetched.missing(5, 6), 6, 1);
    expect(fetched.missing(5, 8), 6, 3);
    expect(fetched.missing(5, 5000), 6, params::ledgers_per_answer_max);
}

TEST_CASE("ledgers wait for the ones before them; what is missing is the first gap") {
    FetchedLedgers fetched;
    fetched.asked(source, {6, 5});
    CHECK(fetched.keep(source, certified(7)));
    CHECK(fetched.keep(source, certified(9)));
    CHECK(fetched.size() == 2);
    expect(fetched.missing(5, 10), 6, 1);
    expect(fetched.missing(6, 10), 8, 1);
    CHECK_FALSE(fetched.take(6));
    CHECK(fetched.take(7)->block->header.seq == 7);
    CHECK_FALSE(fetched.take(8));
    expect(fetched.missing(9, 10), 10, 1);
    CHECK(fetched.take(9));
    CHECK(fetched.size() == 0);
}

TEST_CASE("what goes beyond the ledgers asked for is a new question to the same node") {
    FetchedLedgers fetched;
    CHECK(fetched.is_new({6, 1}));
    fetched.asked(source, {6, 2});
    CHECK_FALSE(fetched.is_new({7, 1}));
    CHECK(fetched.is_new({8, 1}));
    CHECK(fetched.source() == source);
}

TEST_CASE("only what was asked for is kept, once, from whom it was asked, within bounds") {
    FetchedLedgers fetched;
    CHECK_FALSE(fetched.keep(source, certified(6)));
    fetched.asked(source, {6, 3});
    CHECK_FALSE(fetched.keep(other, certified(6)));
    CHECK_FALSE(fetched.keep(source, certified(9)));
    CHECK(fetched.keep(source, certified(6)));
    CHECK_FALSE(fetched.keep(source, certified(6)));
    CHECK_FALSE(fetched.keep(source, certified(7, params::fetched_bytes_max + 1)));
    CHECK(fetched.keep(source, certified(7, params::fetched_bytes_max)));
    CHECK_FALSE(fetched.keep(source, certified(8, 1)));
    CHECK(fetched.take(7)); // makes room, and drops what is older
    CHECK(fetched.keep(source, certified(8, 1)));
    fetched.asked(other, {9, 1}); // the first may still answer
    CHECK(fetched.keep(source, certified(9)));
    fetched.clear();
    CHECK_FALSE(fetched.keep(source, certified(8)));
}
