// SPDX-License-Identifier: Apache-2.0
// The recent-inputs set: one digest, whichever way a node came to it.
#include <catch2/catch.hpp>

#include "consensus/nonce_records.hpp"
#include "hp/crypto/blake3.hpp"

using namespace hp;
using namespace hp::consensus;

namespace {

proto::SharedInput make_input(std::uint8_t user, std::uint64_t nonce, LedgerSeq max_seq) {
    auto input = std::make_shared<proto::SignedInput>();
    input->user.data.fill(user);
    input->nonce = nonce;
    input->max_ledger_seq = max_seq;
    const Bytes text = to_bytes(std::to_string(user) + " " + std::to_string(nonce) + " " +
                                std::to_string(max_seq));
    input->hash = crypto::b3(text);
    return input;
}

// Ledgers in which users come, stay and go.
std::vector<std::vector<proto::SharedInput>> sample_ledgers() {
    return {
        {make_input(1, 1, 3), make_input(1, 2, 9), make_input(2, 1, 2)},
        {},
        {make_input(1, 3, 4), make_input(3, 7, 5)},
        {make_input(2, 2, 4)}, // expires with the ledger it is in
        {make_input(1, 4, 20), make_input(3, 8, 6)},
        {},
        {make_input(4, 1, INT64_MAX)},
    };
}

} // namespace

TEST_CASE("what is foreseen is what comes, in one go or input by input") {
    NonceRecords settled;
    NonceRecords accepted;
    LedgerSeq seq = 0;
    for (const auto& inputs : sample_ledgers()) {
        ++seq;
        const Hash32 foreseen = accepted.digest_after(seq, inputs);
        for (const proto::SharedInput& input : inputs) {
            accepted.accept(input->user, input->nonce, input->hash, input->max_ledger_seq);
        }
        accepted.expire(seq);
        CHECK(accepted.digest() == foreseen);

        CHECK(settled.digest_after(seq, inputs) == foreseen);
        CHECK(settled.digest_after(seq, {}) == NonceRecords(settled).digest_after(seq, {}));
        settled.settle(seq, inputs);
        CHECK(settled.digest() == foreseen);
        CHECK(settled.size() == accepted.size());
    }
}

TEST_CASE("a set read from the disk has the digest of the one that was written") {
    NonceRecords known;
    known.accept({}, 5, make_input(0, 5, 30)->hash, 30);
    known.accept({}, 9, make_input(0, 9, 20)->hash, 20);
    NonceRecords read;
    CHECK(read.digest_after(1, {}).is_zero()); // nothing of that is kept
    read.restore({{}, 9, 30});
    CHECK(read.digest() == known.digest());
    CHECK(read.digest_after(31, {}) == known.digest_after(31, {}));

    const auto again = make_input(0, 9, 20);
    read.remember({}, 9, again->hash);
    proto::SignedInput same = *again;
    same.user = {};
    CHECK(read.check(same, 10) == proto::RejectReason::already_submitted);
    same.hash = {};
    CHECK(read.check(same, 10) == proto::RejectReason::nonce_expired);
    CHECK_FALSE(read.check(same, 30));
}
