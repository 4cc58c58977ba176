// SPDX-License-Identifier: Apache-2.0
// Output proofs with the vectors of user-protocol.md section 19: what must hold, and that every
// single alteration breaks it.
#include "hp/client/verify.hpp"

#include "hp/crypto/keys.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace hp;
using client::OutputProblem;

namespace {

const PublicKey user =
    *parse_public_key_hex("ed8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c");
const PublicKey node =
    *parse_public_key_hex("ed8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394");
const Hash32 state_hash =
    *Hash32::from_hex("7777777777777777777777777777777777777777777777777777777777777777");

// The user's outputs [out1,out2] in a round without other users, signed by the one node.
proto::ContractOutput vector_output() {
    proto::ContractOutput out;
    out.ledger.seq = 191;
    out.outputs = {to_bytes("out1"), to_bytes("out2")};
    out.output_hash =
        *Hash32::from_hex("1e65980601bb4454420e73f4ac04d355d7d77bdf79f91e41c4843c3990c59901");
    out.hash_tree.value =
        std::vector<crypto::TreeNode>{crypto::TreeNode{}, crypto::TreeNode{state_hash}};
    out.unl_signatures = {
        {node, *Signature::from_hex(
                   "e791292f26da727a78190842af98e86aa7391ce265d8aea3c6a07870fafeb21816ae35c9838454"
                   "cd06c5ffb5a509520dce8eb56b4c54e1809886f7158b098a09")}};
    return out;
}

PublicKey other_key(std::uint8_t number) {
    std::array<std::uint8_t, 32> seed{};
    seed.fill(number);
    return crypto::key_pair_from_seed(seed).public_key;
}

} // namespace

TEST_CASE("the published vector verifies", "[client]") {
    const std::vector<PublicKey> unl = {node};
    const auto proof = client::verify_output(vector_output(), user, unl, 0.8);
    CHECK(proof.ok());
    CHECK(proof.validators == 1);
    CHECK(proof.signed_by == 1);
    CHECK(client::explain(proof).empty());
}

TEST_CASE("altered outputs do not verify", "[client]") {
    const std::vector<PublicKey> unl = {node};
    auto output = vector_output();
    SECTION("content") {
        output.outputs[0].push_back('!');
        CHECK(client::verify_output(output, user, unl, 0.8).problem == OutputProblem::content);
    }
    SECTION("content and its hash") {
        output.outputs = {to_bytes("forged")};
        output.output_hash = crypto::output_hash(user, output.outputs);
        CHECK(client::verify_output(output, user, unl, 0.8).problem == OutputProblem::signatures);
    }
    SECTION("another user's") {
        CHECK(client::verify_output(output, other_key(9), unl, 0.8).problem ==
              OutputProblem::content);
    }
    SECTION("a tree without the own leaf") {
        output.hash_tree.value = std::vector<crypto::TreeNode>{crypto::TreeNode{output.output_hash},
                                                               crypto::TreeNode{state_hash}};
        CHECK(client::verify_output(output, user, unl, 0.8).problem == OutputProblem::tree);
    }
    SECTION("another state") {
        output.hash_tree.value =
            std::vector<crypto::TreeNode>{crypto::TreeNode{}, crypto::TreeNode{Hash32{}}};
        CHECK(client::verify_output(output, user, unl, 0.8).problem == OutputProblem::signatures);
    }
    SECTION("no outputs at all") {
        output.outputs.clear();
        CHECK_FALSE(client::verify_output(output, user, unl, 0.8).ok());
    }
}

TEST_CASE("signatures count once a key, and only those of validators", "[client]") {
    auto output = vector_output();
    const auto genuine = output.unl_signatures[0];
    output.unl_signatures = {genuine, genuine, {other_key(3), genuine.signature}};
    std::vector<PublicKey> unl = {node, other_key(3), other_key(4), other_key(5), other_key(6)};

    auto proof = client::verify_output(output, user, unl, 0.8);
    CHECK(proof.problem == OutputProblem::signatures);
    CHECK(proof.signed_by == 1);
    CHECK(proof.validators == 5);
    CHECK_FALSE(client::explain(proof).empty());

    // Exactly the quorum is enough.
    CHECK(client::verify_output(output, user, unl, 0.2).ok());
    CHECK_FALSE(client::verify_output(output, user, unl, 0.21).ok());

    // Somebody who is no validator proves nothing, and neither does an empty list of validators.
    unl = {other_key(4)};
    CHECK(client::verify_output(output, user, unl, 0.2).signed_by == 0);
    CHECK_FALSE(client::verify_output(output, user, {}, 0.2).ok());

    // The same validator listed twice does not change the share.
    unl = {node, node};
    proof = client::verify_output(output, user, unl, 1.0);
    CHECK(proof.ok());
    CHECK(proof.validators == 1);
}

TEST_CASE("four of five meet a quorum of 0.8", "[client]") {
    auto output = vector_output();
    const auto root = crypto::root_of(output.hash_tree, output.output_hash);
    REQUIRE(root);
    output.unl_signatures.clear();
    std::vector<PublicKey> unl;
    for (std::uint8_t i = 1; i <= 5; ++i) {
        std::array<std::uint8_t, 32> seed{};
        seed.fill(i);
        const auto keys = crypto::key_pair_from_seed(seed);
        unl.push_back(keys.public_key);
        if (i <= 4) {
            output.unl_signatures.push_back({keys.public_key, crypto::sign(keys, root->view())});
        }
    }
    CHECK(client::verify_output(output, user, unl, 0.8).ok());
    output.unl_signatures.pop_back();
    CHECK_FALSE(client::verify_output(output, user, unl, 0.8).ok());
}
