// SPDX-License-Identifier: Apache-2.0
// Each rule for blocks and results, by one block that breaks it and nothing else. Built twice: as
// it is, and with guards that can be lifted (tests/sim/world_mutants_main.cpp).
#include <catch2/catch.hpp>

#include "consensus/block_rules.hpp"
#include "fake_signature.hpp"
#include "hp/proto/user_codec.hpp"

#ifdef HP_LIFT_GUARDS
#include <cstdlib>

#include "guard_names.hpp"
#endif

using namespace hp;
using namespace hp::consensus;
using sim::node_key;
using sim::user_key;

namespace {

constexpr std::size_t members = 4;
constexpr std::size_t quorum_of_4 = 3;

proto::SharedInput make_input(std::size_t user, std::uint64_t nonce, LedgerSeq max_seq) {
    const Bytes container =
        proto::encode_container(proto::Encoding::json, {to_bytes("0123456789"), nonce, max_seq});
    auto input = proto::make_signed_input(user_key(user), proto::Encoding::json, container,
                                          sim::fake_signature(user_key(user), container));
    REQUIRE(input);
    return *input;
}

// Ledger 5 is decided, everybody has the same result of it, and three members have opened 6.
struct Fixture : BlockParts {
    Params params;
    NonceRecords nonces;
    InputPool pool;
    BlockContext context;
    std::vector<SharedOpen> opens;
    std::vector<SignedResult> results;
    std::map<Hash32, proto::SharedInput> inputs;

    Fixture() {
        params.max_input_ledger_offset = 10;
        params.user_input_bytes = 25;
        context.params = &params;
        context.nonces = &nonces;
        context.quorum = quorum_of_4;
        context.prev = {5, crypto::b3(to_bytes("five"))};
        context.prev_time_ms = 1000;
        context.result = {members, quorum_of_4, {context.prev, {}, {}, {}}, true, {}};
        for (std::size_t i = 0; i < members; ++i) {
            params.unl.insert(node_key(i));
            context.members.push_back(node_key(i));
        }
#ifdef HP_LIFT_GUARDS
        const char* name = std::getenv("HP_LIFT_GUARD");
        if (name != nullptr && *name != '\0') {
            context.lifted.guards.insert(agree::guard_named(name).value());
            context.result.lifted = context.lifted;
        }
#endif
        for (std::size_t i = 0; i < quorum_of_4; ++i) {
            opens.push_back(make_open(i, context.prev.hash));
            results.push_back(make_result(i, 1));
        }
    }

    SharedOpen make_open(std::size_t member, const Hash32& prev) const {
        auto open = std::make_shared<Open>();
        open->height = 6;
        open->prev_hash = prev;
        open->version = 1;
        open->clock_ms = 2000 + static_cast<TimeMs>(member);
        open->users = {user_key(member)};
        for (const auto& [hash, input] : inputs) {
            open->inputs.push_back(hash);
        }
        open->by.member = node_key(member);
        open->digest = open_digest(*open);
        return open;
    }
    SignedResult make_result(std::size_t member, std::uint8_t state) const {
        SignedResult result;
        result.claim.ledger = context.prev;
        result.claim.state_hash.data[0] = state;
        result.by.member = node_key(member);
        return result;
    }
    // Everybody holds it.
    void hold(const proto::SharedInput& input) {
        inputs.emplace(input->hash, input);
        for (std::size_t i = 0; i < opens.size(); ++i) {
            opens[i] = make_open(i, context.prev.hash);
        }
    }
    SharedBlock assemble() const {
        return assemble_block(context, opens, pool, *this,
                              *decide_result(context.result, results, true));
    }
    // With this list of inputs, all else following from it.
    Block with_inputs(const std::vector<proto::SharedInput>& list) {
        Block block = *assemble();
        std::set<PublicKey> users(block.users.begin(), block.users.end());
        block.inputs.clear();
        for (const proto::SharedInput& input : list) {
            inputs.emplace(input->hash, input);
            block.inputs.push_back(input->hash);
            users.insert(input->user);
        }
        block.users = {users.begin(), users.end()};
        block.header.input_hash = proto::input_list_hash(list);
        block.recent_hash = nonces.digest_after(6, list);
        return block;
    }
    bool is_valid(const Block& block) const {
        return check_block(context, block, *this, results).has_value();
    }

    SharedOpen open(const OpenRef& ref) const override {
        for (const SharedOpen& open : opens) {
            if (open->digest == ref.digest) {
                return open;
            }
        }
        return nullptr;
    }
    proto::SharedInput input(const Hash32& hash) const override {
        const auto found = inputs.find(hash);
        return found == inputs.end() ? nullptr : found->second;
    }
};

} // namespace

TEST_CASE("what a leader assembles is valid") {
    Fixture f;
    CHECK(f.is_valid(*f.assemble()));
    f.hold(make_input(1, 1, 10));
    const SharedBlock block = f.assemble();
    CHECK(block->inputs.size() == 1);
    CHECK(f.is_valid(*block));
}

TEST_CASE("a block cites a quorum of members for the same parent, each once") {
    Fixture f;
    Block few = *f.assemble();
    few.opens.pop_back();
    f.opens.pop_back();
    f.context.quorum = 2; // what follows from two
    const Block two = *f.assemble();
    f.context.quorum = quorum_of_4;
    few.header = two.header;
    few.users = two.users;
    few.nonce = two.nonce;
    few.recent_hash = two.recent_hash;
    CHECK_FALSE(f.is_valid(few));

    Fixture outsider;
    outsider.opens[2] = outsider.make_open(9, outsider.context.prev.hash);
    CHECK_FALSE(outsider.is_valid(*outsider.assemble()));

    Fixture twice;
    twice.opens[2] = twice.opens[1];
    CHECK_FALSE(twice.is_valid(*twice.assemble()));

    Fixture elsewhere;
    elsewhere.opens[2] = elsewhere.make_open(2, crypto::b3(to_bytes("another")));
    CHECK_FALSE(elsewhere.is_valid(*elsewhere.assemble()));
}

TEST_CASE("inputs are in order, in time, unused and within limits") {
    Fixture f;
    const auto first = make_input(1, 1, 10);
    const auto second = make_input(1, 2, 10);
    const auto third = make_input(1, 3, 10);
    CHECK(f.is_valid(f.with_inputs({first, second})));
    CHECK_FALSE(f.is_valid(f.with_inputs({second, first})));
    CHECK_FALSE(f.is_valid(f.with_inputs({first, second, third}))); // 30 bytes of one user
    CHECK_FALSE(f.is_valid(f.with_inputs({make_input(2, 1, 5)})));
    CHECK(f.is_valid(f.with_inputs({make_input(2, 1, 15)})));
    CHECK_FALSE(f.is_valid(f.with_inputs({make_input(2, 1, 16)})));
    f.nonces.accept(first->user, 1, first->hash, 10);
    CHECK_FALSE(f.is_valid(f.with_inputs({first})));
}

TEST_CASE("an input that enough members hold is not passed over") {
    Fixture f;
    const auto input = make_input(1, 1, 10);
    f.hold(input);
    CHECK_FALSE(f.is_valid(f.with_inputs({})));
    f.nonces.accept(input->user, 1, input->hash, 10);
    CHECK(f.is_valid(f.with_inputs({}))); // it could not be there
}

TEST_CASE("users, time, nonce and memory follow from what is cited") {
    Fixture f;
    const auto broken = [&f](auto breaks) {
        Block block = *f.assemble();
        breaks(block);
        return !f.is_valid(block);
    };
    CHECK(broken([](Block& block) { block.users.push_back(user_key(99)); }));
    CHECK(broken([](Block& block) { block.users.pop_back(); }));
    CHECK(broken([](Block& block) { ++block.header.timestamp_ms; }));
    CHECK(broken([](Block& block) { block.nonce.data[0] ^= 1; }));
    CHECK(broken([](Block& block) { block.recent_hash.data[0] ^= 1; }));
    CHECK(broken([](Block& block) { block.header.input_hash.data[0] ^= 1; }));
}

TEST_CASE("evidence is a quorum of statements by members about the ledger before") {
    Fixture f;
    const auto broken = [&f](auto breaks) {
        Block block = *f.assemble();
        breaks(block);
        return !f.is_valid(block);
    };
    CHECK(broken([](Block& block) { block.evidence.pop_back(); }));
    CHECK(broken([](Block& block) { block.evidence[2] = block.evidence[1]; }));
    CHECK(broken([](Block& block) { block.evidence[2].by.member = node_key(9); }));
    CHECK(broken([](Block& block) { block.evidence[2].claim.state_hash.data[0] = 7; }));
    CHECK(broken([](Block& block) { block.header.state_hash.data[0] = 7; }));
}

TEST_CASE("evidence about another ledger says nothing") {
    Fixture f;
    ResultDecision decision{ResultMode::void_run, f.context.result.before, {}};
    for (std::size_t i = 0; i < quorum_of_4; ++i) {
        SignedResult other = f.make_result(i, static_cast<std::uint8_t>(i));
        other.claim.ledger.seq = 4;
        decision.evidence.push_back(other);
    }
    CHECK_FALSE(check_result(f.context.result, decision, {}));
}

TEST_CASE("a certified result is not given up, and no mode is chosen freely") {
    Fixture f;
    ResultDecision plurality{ResultMode::plurality, f.results[0].claim, f.results};
    CHECK_FALSE(check_result(f.context.result, plurality, f.results));

    std::vector<SignedResult> split{f.make_result(0, 1), f.make_result(1, 1), f.make_result(2, 2)};
    const auto decided = decide_result(f.context.result, split, true);
    REQUIRE(decided);
    CHECK(decided->mode == ResultMode::plurality); // two of four, one may be faulty
    CHECK(check_result(f.context.result, *decided, split));
    ResultDecision void_run{ResultMode::void_run, f.context.result.before, split};
    CHECK_FALSE(check_result(f.context.result, void_run, split));

    split[1] = f.make_result(1, 3);
    const auto scattered = decide_result(f.context.result, split, true);
    REQUIRE(scattered);
    CHECK(scattered->mode == ResultMode::void_run);
}

TEST_CASE("a result that only faulty members may have is no plurality") {
    Fixture f;
    ResultContext context{7, 4, {}, true, f.context.lifted};
    context.before.ledger = f.context.prev;
    std::vector<SignedResult> split{f.make_result(0, 1), f.make_result(1, 1), f.make_result(2, 1),
                                    f.make_result(3, 2), f.make_result(4, 3)};
    CHECK(decide_result(context, split, true)->mode == ResultMode::void_run); // three may be faulty
    context.quorum = 5;
    CHECK(decide_result(context, split, true)->mode == ResultMode::plurality);
}
