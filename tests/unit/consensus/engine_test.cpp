// SPDX-License-Identifier: Apache-2.0
// The engine of one, driven by hand: time is a number, every completion is fed back explicitly.
#include <catch2/catch.hpp>

#include "consensus/engine.hpp"
#include "hp/crypto/blake3.hpp"
#include "hp/proto/user_codec.hpp"

using namespace hp;
using namespace hp::consensus;
using proto::RejectReason;

namespace {

PublicKey lone_key(std::uint8_t n) {
    PublicKey key;
    key.data.fill(n);
    key.data[0] = key_prefix;
    return key;
}

proto::SharedInput lone_input(std::uint8_t user, std::uint64_t nonce, LedgerSeq max_seq,
                              const std::string& text = "x", std::uint8_t salt = 0) {
    const Bytes container =
        proto::encode_container(proto::Encoding::json, {to_bytes(text), nonce, max_seq});
    Signature signature; // unique per content; the driver's verdict decides validity here
    const Hash32 digest = crypto::b3({container, ByteView(&user, 1), ByteView(&salt, 1)});
    std::copy(digest.data.begin(), digest.data.end(), signature.data.begin());
    auto input =
        proto::make_signed_input(lone_key(user), proto::Encoding::json, container, signature);
    REQUIRE(input);
    return *input;
}

class NoSigner final : public Signer {
public:
    Signature sign(ByteView) const override { return {}; }
};

// A little driver: keeps time and collects what the engine asks for.
struct Driver {
    Params params;
    NoSigner signer;
    Instant now{1'000'000, 5'000'000};
    Effects effects;
    std::unique_ptr<Engine> engine;

    explicit Driver(Params p = {}) : params(p) {
        params.unl = {lone_key(200)};
        auto genesis = std::make_shared<proto::ExecutionResult>();
        start({nullptr, nullptr, genesis, {}, {}});
    }
    void start(Start state) {
        engine = std::make_unique<Engine>(params, Identity{lone_key(200), true, {}, {}, 1, false},
                                          signer, std::move(state), now, effects);
    }
    void step(const Event& event) { engine->step(now, event, effects); }
    void advance_ms(std::int64_t ms) {
        now.mono_us += ms * 1000;
        now.wall_ms += ms;
        step(Tick{});
    }
    template <class E>
    std::vector<E> take() {
        std::vector<E> out;
        Effects rest;
        for (Effect& effect : effects) {
            if (const auto* e = std::get_if<E>(&effect)) {
                out.push_back(*e);
            } else {
                rest.push_back(effect);
            }
        }
        effects = std::move(rest);
        return out;
    }
    void submit(const proto::SharedInput& input, bool good = true) {
        step(InputIn{input});
        for (const VerifyInput& verify : take<VerifyInput>()) {
            step(InputVerified{verify.input, good});
        }
    }
    // The ledger being persisted, made durable.
    proto::SharedLedger persist() {
        const auto asked = take<Persist>();
        REQUIRE(asked.size() == 1);
        persisted(asked[0].ledger->header.seq);
        return asked[0].ledger;
    }
    void persisted(LedgerSeq seq) {
        step(Persisted{seq});
        step(ConfigInForce{params});
    }
    void execute(std::vector<proto::UserOutput> outputs = {}) {
        const auto asked = take<Execute>();
        REQUIRE(asked.size() == 1);
        auto result = std::make_shared<proto::ExecutionResult>();
        result->seq = asked[0].ledger->header.seq;
        result->outputs = std::move(outputs);
        result->output_root = proto::output_root(result->outputs, result->state_hash);
        step(ResultReady{result});
    }
    // One whole round that is due now.
    proto::SharedLedger round(std::vector<proto::UserOutput> outputs = {}) {
        auto ledger = persist();
        execute(std::move(outputs));
        return ledger;
    }
    std::vector<std::pair<Hash32, std::string>> statuses() {
        std::vector<std::pair<Hash32, std::string>> out;
        for (const TellStatus& tell : take<TellStatus>()) {
            const auto hash = Hash32::from(tell.status.input_hash);
            REQUIRE(hash);
            out.emplace_back(*hash, tell.status.rejected
                                        ? std::string(proto::to_string(*tell.status.rejected))
                                        : "accepted " + std::to_string(tell.status.ledger.seq));
        }
        return out;
    }
};

Params paced() {
    Params params;
    params.eager = false;
    return params;
}

} // namespace

TEST_CASE("the quorum is the threshold's share, never half or less") {
    struct Row {
        std::size_t n;
        unsigned threshold;
        std::size_t q;
    };
    // The table of consensus.md 6.4.1.
    for (const Row& row : {Row{1, 66, 1},
                           {1, 80, 1},
                           {2, 66, 2},
                           {3, 66, 2},
                           {3, 67, 3},
                           {4, 66, 3},
                           {4, 80, 4},
                           {5, 66, 4},
                           {5, 80, 4},
                           {7, 66, 5},
                           {7, 80, 6},
                           {10, 66, 7},
                           {10, 80, 8},
                           {20, 66, 14},
                           {20, 80, 16},
                           {3, 1, 2},
                           {4, 50, 3},
                           {1, 1, 1},
                           {5, 100, 5}}) {
        CAPTURE(row.n, row.threshold);
        CHECK(quorum(row.n, row.threshold) == row.q);
    }
}

TEST_CASE("idle ledgers close every roundtime without drift, chained by hash") {
    Driver d(paced());
    auto previous = d.round();
    CHECK(previous->header.seq == 1);
    CHECK(previous->header.prev_hash.is_zero());
    for (LedgerSeq seq = 2; seq < 20; ++seq) {
        // The timer is a little late every time; the schedule must not slip.
        const auto wake = d.take<WakeAt>();
        REQUIRE_FALSE(wake.empty());
        CHECK(wake.back().mono_us == 1'000'000 + static_cast<std::int64_t>(seq - 1) * 1'000'000);
        d.now.mono_us = wake.back().mono_us + 700;
        d.now.wall_ms += 1000;
        d.step(Tick{});
        const auto ledger = d.round();
        CHECK(ledger->header.seq == seq);
        CHECK(ledger->header.prev_hash == previous->header.hash);
        CHECK(ledger->header.timestamp_ms > previous->header.timestamp_ms);
        CHECK(ledger->header.hash ==
              proto::ledger_hash(ledger->header, ledger->nonce, ledger->recent_hash));
        previous = ledger;
    }
}

TEST_CASE("a timer that fires early is asked for again") {
    Driver d(paced());
    d.round();
    CHECK_FALSE(d.take<WakeAt>().empty());
    d.advance_ms(500);
    CHECK(d.take<Persist>().empty());
    CHECK(d.take<WakeAt>().size() == 1);
}

TEST_CASE("ledger time never goes back when the wall clock does") {
    Driver d(paced());
    const auto first = d.round();
    d.now.wall_ms -= 100'000;
    d.advance_ms(1000);
    CHECK(d.round()->header.timestamp_ms == first->header.timestamp_ms + 1);
}

TEST_CASE("a slow contract delays the next ledger and causes no burst after it") {
    Driver d(paced());
    d.persist();
    d.advance_ms(5500);
    CHECK(d.take<Persist>().empty());
    d.execute();
    d.round();
    d.advance_ms(10);
    CHECK(d.take<Persist>().empty());
    d.advance_ms(990);
    CHECK(d.take<Persist>().size() == 1);
}

TEST_CASE("an input is accepted with the ledger that holds it, once") {
    Driver d(paced());
    d.round();
    const auto input = lone_input(1, 10, 5);
    d.submit(input);
    CHECK(d.statuses().empty());
    d.advance_ms(1000);
    const auto ledger = d.persist();
    REQUIRE(ledger->inputs.size() == 1);
    CHECK(ledger->users == std::vector{lone_key(1)});
    CHECK(ledger->header.input_hash == crypto::b3_list(std::vector{input->hash}));
    CHECK(d.statuses() == std::vector{std::pair{input->hash, std::string("accepted 2")}});
    d.execute();
    CHECK(d.engine->candidates() == 0);
}

TEST_CASE("eager: inputs that arrive together share a ledger within milliseconds") {
    Driver d;
    d.round();
    d.submit(lone_input(1, 602, 9));
    CHECK(d.take<Persist>().empty()); // gathering
    d.advance_ms(1);
    d.submit(lone_input(1, 601, 9));
    d.advance_ms(1);
    const auto ledger = d.persist();
    REQUIRE(ledger->inputs.size() == 2);
    CHECK(ledger->inputs[0]->nonce == 601); // nonce order, not arrival order
    // Outputs do not wait for the idle tick either.
    d.execute({{lone_key(1), {}, {to_bytes("out")}}});
    CHECK(d.take<Persist>().size() == 1);
}

TEST_CASE("eager credits bound the pace to two ledgers a roundtime") {
    Driver d;
    std::uint64_t nonce = 0;
    LedgerSeq last = 0;
    const std::int64_t rounds = 100;
    for (std::int64_t ms = 0; ms < rounds * 1000; ++ms) {
        d.advance_ms(1);
        d.submit(lone_input(1, ++nonce, last + 5));
        if (const auto asked = d.take<Persist>(); !asked.empty()) {
            last = asked[0].ledger->header.seq;
            d.persisted(last);
            d.execute();
        }
        d.effects.clear();
    }
    CHECK(last <= 2 * rounds + 5);
    CHECK(last >= rounds);
}

TEST_CASE("arrival checks answer at once, in the documented order") {
    Params params = paced();
    params.user_input_bytes = 100;
    Driver d(params);
    for (int i = 0; i < 3; ++i) {
        d.round();
        d.advance_ms(1000);
    }
    d.persist(); // lcl 4
    d.effects.clear();
    const auto answer = [&](const proto::SharedInput& input) {
        d.submit(input);
        const auto told = d.statuses();
        return told.empty() ? std::string() : told[0].second;
    };
    CHECK(answer(lone_input(1, 1, 15)) == "max_ledger_offset_exceeded");
    CHECK(answer(lone_input(1, 1, 4)) == "max_ledger_expired");
    CHECK(answer(lone_input(1, 1, 14, std::string(101, 'x'))) == "round_inputs_overflow");
    CHECK(answer(lone_input(1, 1, 14, std::string(90, 'x'))).empty());
    CHECK(answer(lone_input(1, 2, 14, std::string(21, 'x'))) == "round_inputs_overflow");
    CHECK(answer(lone_input(1, 2, 14, std::string(10, 'x'))).empty());
    CHECK(answer(lone_input(2, 2, 14, std::string(90, 'x'))).empty()); // per user
}

TEST_CASE("a bad signature is told with the next ledger, not before") {
    Driver d(paced());
    d.round();
    const auto bad = lone_input(1, 1, 9);
    d.submit(bad, false);
    CHECK(d.statuses().empty());
    d.advance_ms(1000);
    CHECK(d.persist()->inputs.empty());
    CHECK(d.statuses() == std::vector{std::pair{bad->hash, std::string("bad_sig")}});
}

TEST_CASE("an input whose check is pending holds back higher nonces") {
    Driver d(paced());
    d.round();
    const auto slow = lone_input(1, 1, 9);
    d.step(InputIn{slow});
    d.take<VerifyInput>();
    d.submit(lone_input(1, 2, 9));
    d.submit(lone_input(2, 1, 9));
    d.advance_ms(1000);
    CHECK(d.round()->inputs.size() == 1); // only the other user's
    d.step(InputVerified{slow, true});
    d.advance_ms(1000);
    CHECK(d.round()->inputs.size() == 2);
}

TEST_CASE("of equal nonces the first wins, the other is told nonce_expired") {
    Driver d(paced());
    d.round();
    const auto first = lone_input(1, 7, 9, "a");
    const auto second = lone_input(1, 7, 9, "b");
    d.submit(first);
    d.submit(second);
    d.advance_ms(1000);
    d.persist();
    const auto told = d.statuses();
    REQUIRE(told.size() == 2);
    CHECK(told[0] == std::pair{second->hash, std::string("nonce_expired")});
    CHECK(told[1] == std::pair{first->hash, std::string("accepted 2")});
}

TEST_CASE("a second copy while the first waits is silent: one status for one hash") {
    Driver d(paced());
    d.round();
    const auto input = lone_input(1, 7, 9);
    d.submit(input);
    d.submit(input);
    d.advance_ms(1000);
    CHECK(d.persist()->inputs.size() == 1);
    CHECK(d.statuses().size() == 1);
}

TEST_CASE("an accepted input can never be accepted again") {
    Driver d(paced());
    d.round(); // lcl 1
    const auto a = lone_input(1, 1000, 11);
    const auto b = lone_input(1, 1001, 5);
    d.submit(a);
    d.submit(b);
    d.advance_ms(1000);
    d.round(); // lcl 2
    d.statuses();
    const auto answer = [&](const proto::SharedInput& input) {
        d.submit(input);
        const auto told = d.statuses();
        return told.empty() ? std::string() : told[0].second;
    };
    for (LedgerSeq lcl = 2; lcl <= 14; ++lcl) {
        CAPTURE(lcl);
        CHECK(answer(a) == (lcl < 11 ? "already_submitted" : "max_ledger_expired"));
        if (lcl < 11) {
            // The floor stays until the latest expiry of any accepted input, whatever b said.
            CHECK(answer(lone_input(1, 999, lcl + 3)) == "nonce_expired");
        }
        d.advance_ms(1000);
        CHECK(d.round()->inputs.empty());
    }
    // All of that user's inputs have expired: any nonce will do again.
    d.submit(lone_input(1, 1, 18));
    d.advance_ms(1000);
    CHECK(d.round()->inputs.size() == 1);
}

TEST_CASE("replay protection is rebuilt from the ledgers after a restart") {
    Driver d(paced());
    d.round();
    const auto input = lone_input(1, 50, 9);
    d.submit(input);
    d.advance_ms(1000);
    const auto head = d.persist();

    Start start;
    start.head = head;
    auto before = std::make_shared<proto::ExecutionResult>(); // the last run was cut off
    before->seq = 1;
    start.result = before;
    start.nonces.accept(input->user, input->nonce, input->hash, input->max_ledger_seq);
    start.nonces.expire(head->header.seq);
    d.effects.clear();
    d.start(std::move(start));
    CHECK(d.take<Execute>().size() == 1); // the last ledger runs again
    d.submit(input);
    CHECK(d.statuses() == std::vector{std::pair{input->hash, std::string("already_submitted")}});
}

TEST_CASE("a candidate that misses its last ledger is told so") {
    Driver d(paced());
    d.round();
    const auto input = lone_input(1, 1, 2);
    d.step(InputIn{input}); // its check takes longer than the round
    d.advance_ms(1000);
    d.persist();
    CHECK(d.statuses() == std::vector{std::pair{input->hash, std::string("max_ledger_expired")}});
    CHECK(d.engine->candidates() == 0);
    d.step(InputVerified{input, true}); // too late, harmless
}

TEST_CASE("statuses come in the documented order: expired, accepted, then the ledger") {
    Driver d(paced());
    d.round();
    const auto late = lone_input(3, 1, 2);
    d.step(InputIn{late});
    d.take<VerifyInput>(); // its check takes longer than the round
    d.submit(lone_input(1, 1, 9));
    d.advance_ms(1000);
    const auto asked = d.take<Persist>();
    REQUIRE(asked.size() == 1);
    d.effects.clear();
    d.step(Persisted{asked[0].ledger->header.seq});
    std::vector<std::size_t> kinds;
    for (const Effect& effect : d.effects) {
        kinds.push_back(effect.index());
    }
    const std::size_t tell = Effect(TellStatus{}).index();
    CHECK(kinds == std::vector{tell, tell, Effect(Decided{}).index(), Effect(Execute{}).index()});
    CHECK(d.statuses()[0].second == "max_ledger_expired");
}

TEST_CASE("connected users are in the ledger with or without inputs") {
    Driver d(paced());
    d.step(UserJoined{lone_key(9)});
    d.step(UserJoined{lone_key(3)});
    CHECK(d.round()->users.empty()); // opened before they came
    d.advance_ms(1000);
    CHECK(d.round()->users == std::vector{lone_key(3), lone_key(9)});
    d.step(UserLeft{lone_key(3)});
    d.advance_ms(1000);
    const auto ledger = d.round();
    CHECK(ledger->users == std::vector{lone_key(9)});
    CHECK(ledger->header.user_hash == crypto::b3(lone_key(9).view()));
}

TEST_CASE("more inputs than a ledger takes wait for the next") {
    Driver d(paced());
    d.round();
    for (std::uint64_t nonce = 1; nonce <= 70'000; ++nonce) {
        d.submit(lone_input(static_cast<std::uint8_t>(1 + nonce % 50), nonce, 9));
    }
    d.advance_ms(1000);
    const auto first = d.round();
    d.advance_ms(1000);
    const auto second = d.round();
    CHECK(first->inputs.size() == 65'536);
    CHECK(first->inputs.size() + second->inputs.size() == 70'000);
    CHECK(d.statuses().size() == 70'000);
}

TEST_CASE("what somebody else made of an input keeps it out of no ledger") {
    Driver d(paced());
    d.round();
    const auto input = lone_input(3, 1, 9);
    // The hash of an input is that of its signature.
    auto copy = std::make_shared<proto::SignedInput>(*input);
    copy->container.push_back(' ');
    auto of_another_user = std::make_shared<proto::SignedInput>(*input);
    of_another_user->user = lone_key(4);
    d.step(MessageIn{lone_key(7), Inputs{{copy}}});
    const auto checked = d.take<VerifyInput>();
    REQUIRE(checked.size() == 1);
    d.submit(of_another_user, false);
    d.submit(input);
    d.step(InputVerified{copy, false});
    d.advance_ms(1000);
    const auto ledger = d.round();
    REQUIRE(ledger->inputs.size() == 1);
    CHECK(ledger->inputs[0]->container == input->container);
    CHECK(d.statuses() == std::vector{std::pair{input->hash, std::string("bad_sig")},
                                      std::pair{input->hash, std::string("accepted 2")}});
}

TEST_CASE("without a quorum nothing is decided") {
    Driver d(paced());
    d.round();
    CHECK(d.engine->vote_status() == proto::VoteStatus::synced);
    d.params.unl.insert(lone_key(201));
    d.advance_ms(1000);
    d.round(); // agrees on it
    d.advance_ms(1000);
    CHECK(d.engine->vote_status() == proto::VoteStatus::synced);
    d.advance_ms(2500);
    CHECK(d.engine->vote_status() == proto::VoteStatus::unreliable);
    d.advance_ms(10'000);
    CHECK(d.take<Persist>().empty());
}

TEST_CASE("the same events give the same effects") {
    const auto run = [] {
        Driver d;
        std::string trace;
        for (std::uint64_t i = 1; i < 300; ++i) {
            d.submit(lone_input(static_cast<std::uint8_t>(i % 7), i, i / 10 + 5), i % 5 != 0);
            d.advance_ms(static_cast<std::int64_t>(i * 37 % 113));
            for (const Persist& persist : d.take<Persist>()) {
                trace += persist.ledger->header.hash.hex() + "\n";
                d.persisted(persist.ledger->header.seq);
                d.execute();
            }
        }
        for (const auto& [hash, text] : d.statuses()) {
            trace += hash.hex() + text + "\n";
        }
        return trace;
    };
    CHECK(run() == run());
}
