// SPDX-License-Identifier: Apache-2.0
// What becomes of an input, decided from ledgers alone.
#include "hp/client/receipt.hpp"

#include <catch2/catch.hpp>

using namespace hp;
using client::Receipt;
using State = client::Receipt::State;

namespace {

proto::LedgerHeader ledger(LedgerSeq seq, bool with_outputs) {
    proto::LedgerHeader out;
    out.seq = seq;
    out.output_hash.data[0] = with_outputs ? 1 : 0;
    return out;
}

client::Output output(LedgerSeq seq) {
    client::Output out;
    out.message.ledger.seq = seq;
    return out;
}

const client::InputOutcome accepted_in_10{std::nullopt, {10, {}}};

} // namespace

TEST_CASE("outputs come with the ledger after the input's", "[client]") {
    Receipt receipt(15);
    receipt.on_ledger(ledger(9, true));
    CHECK(receipt.state() == State::pending);
    receipt.on_outcome(accepted_in_10);
    CHECK(receipt.state() == State::accepted);
    CHECK_FALSE(receipt.is_final());

    SECTION("outputs of an earlier input are not this one's") {
        receipt.on_output(output(10));
        CHECK(receipt.state() == State::accepted);
    }
    SECTION("outputs, before or after the ledger event") {
        if (GENERATE(true, false)) {
            receipt.on_ledger(ledger(11, true));
            CHECK(receipt.state() == State::accepted);
        }
        receipt.on_output(output(11));
        CHECK(receipt.state() == State::outputs);
        CHECK(receipt.output().message.ledger.seq == 11);
        CHECK(receipt.is_final());
    }
    SECTION("nobody got outputs") {
        receipt.on_ledger(ledger(11, false));
        CHECK(receipt.state() == State::no_outputs);
    }
    SECTION("somebody else got outputs") {
        receipt.on_ledger(ledger(11, true));
        receipt.on_ledger(ledger(12, false));
        CHECK(receipt.state() == State::no_outputs);
    }
    SECTION("the node was away when the next ledger closed") {
        receipt.on_ledger(ledger(14, false));
        CHECK(receipt.state() == State::outputs_missed);
    }
    SECTION("the ledger of the input itself decides nothing") {
        receipt.on_ledger(ledger(10, false));
        CHECK(receipt.state() == State::accepted);
    }
}

TEST_CASE("a rejection is final", "[client]") {
    Receipt receipt(15);
    receipt.on_outcome({proto::RejectReason::nonce_expired, {}});
    CHECK(receipt.state() == State::rejected);
    receipt.on_outcome(accepted_in_10);
    receipt.on_ledger(ledger(30, false));
    CHECK(receipt.state() == State::rejected);
    CHECK(receipt.outcome().rejected == proto::RejectReason::nonce_expired);
}

TEST_CASE("silence after the last ledger is noticed", "[client]") {
    Receipt receipt(15);
    receipt.on_ledger(ledger(15, false));
    CHECK(receipt.state() == State::pending);
    receipt.on_ledger(ledger(16, false)); // the status may come right behind
    CHECK(receipt.state() == State::pending);
    receipt.on_ledger(ledger(17, false));
    CHECK(receipt.state() == State::status_missing);
}

TEST_CASE("a late status after a sync", "[client]") {
    Receipt receipt(15);
    receipt.on_ledger(ledger(13, false));
    receipt.on_outcome(accepted_in_10);
    CHECK(receipt.state() == State::outputs_missed);
}

TEST_CASE("outputs of several rounds", "[client]") {
    const auto two = [](const std::vector<client::Output>& outputs) { return outputs.size() == 2; };
    Receipt receipt(15, 3, two);
    receipt.on_outcome(accepted_in_10);
    receipt.on_ledger(ledger(11, true));
    receipt.on_output(output(11));
    CHECK(receipt.state() == State::accepted);
    SECTION("enough") {
        receipt.on_output(output(13));
        CHECK(receipt.state() == State::outputs);
        CHECK(receipt.outputs().size() == 2);
    }
    SECTION("too late") {
        receipt.on_ledger(ledger(12, false));
        receipt.on_ledger(ledger(13, true));
        CHECK(receipt.state() == State::accepted);
        receipt.on_ledger(ledger(14, true));
        CHECK(receipt.state() == State::outputs);
        receipt.on_output(output(14));
        CHECK(receipt.outputs().size() == 1);
    }
}
