// SPDX-License-Identifier: Apache-2.0
// The published BLAKE3 vectors and the user protocol vectors (user-protocol.md section 19).
#include <fstream>
#include <map>
#include <sstream>

#include <blake3.h>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "hp/crypto/blake3.hpp"
#include "hp/crypto/keys.hpp"
#include "hp/crypto/merkle.hpp"

using namespace hp;

namespace {

// Lines "name: value" of the vector file.
std::map<std::string, std::string> user_vectors() {
    std::ifstream file(HP_TEST_DATA "/user-protocol.txt");
    REQUIRE(file);
    std::map<std::string, std::string> out;
    for (std::string line; std::getline(file, line);) {
        const auto colon = line.find(": ");
        if (colon != std::string::npos) {
            out[line.substr(0, colon)] = line.substr(colon + 2);
        }
    }
    return out;
}

Bytes unhex(const std::string& text) {
    const auto bytes = from_hex(text);
    REQUIRE(bytes);
    return *bytes;
}

// The inputs of the BLAKE3 vectors: 0, 1, ..., 250, 0, 1, ...
Bytes counting_input(std::size_t size) {
    Bytes input(size);
    for (std::size_t i = 0; i < size; ++i) {
        input[i] = static_cast<std::uint8_t>(i % 251);
    }
    return input;
}

crypto::KeyPair keys_of_seed(std::uint8_t byte) {
    std::array<std::uint8_t, 32> seed{};
    seed.fill(byte);
    return crypto::key_pair_from_seed(seed);
}

std::vector<Hash32> single_byte_leaves(int count) {
    std::vector<Hash32> leaves;
    for (int i = 0; i < count; ++i) {
        const auto byte = static_cast<std::uint8_t>(i);
        leaves.push_back(crypto::b3(ByteView(&byte, 1)));
    }
    std::sort(leaves.begin(), leaves.end());
    Hash32 state;
    state.data.fill(0x77);
    leaves.push_back(state);
    return leaves;
}

} // namespace

TEST_CASE("BLAKE3 gives the published hashes for every vector") {
    std::ifstream file(HP_TEST_DATA "/blake3.json");
    REQUIRE(file);
    const auto vectors = nlohmann::json::parse(file);
    REQUIRE(vectors["cases"].size() == 35);
    for (const auto& test : vectors["cases"]) {
        const Bytes input = counting_input(test["input_len"]);
        const auto expected = test["hash"].get<std::string>().substr(0, 64);
        CAPTURE(input.size());
        CHECK(crypto::b3(input).hex() == expected);
        // The same in two pieces.
        crypto::Blake3 hasher;
        const std::size_t cut = input.size() / 3;
        hasher.update(ByteView(input).first(cut)).update(ByteView(input).subspan(cut));
        CHECK(hasher.finish().hex() == expected);
    }
}

// The product uses the plain hash alone. The other modes and long outputs check that the library,
// with whatever SIMD code this machine selects, is built right.
TEST_CASE("the BLAKE3 library gives the published keyed, derived and extended outputs") {
    std::ifstream file(HP_TEST_DATA "/blake3.json");
    REQUIRE(file);
    const auto vectors = nlohmann::json::parse(file);
    const auto key = vectors["key"].get<std::string>();
    const auto context = vectors["context_string"].get<std::string>();
    REQUIRE(key.size() == BLAKE3_KEY_LEN);
    for (const auto& test : vectors["cases"]) {
        const Bytes input = counting_input(test["input_len"]);
        CAPTURE(input.size());
        const auto check = [&](blake3_hasher hasher, const char* mode) {
            const Bytes expected = unhex(test[mode]);
            Bytes output(expected.size());
            blake3_hasher_update(&hasher, input.data(), input.size());
            blake3_hasher_finalize(&hasher, output.data(), output.size());
            CHECK(to_hex(output) == to_hex(expected));
        };
        blake3_hasher hasher;
        blake3_hasher_init(&hasher);
        check(hasher, "hash");
        blake3_hasher_init_keyed(&hasher, as_bytes(key).data());
        check(hasher, "keyed_hash");
        blake3_hasher_init_derive_key(&hasher, context.c_str());
        check(hasher, "derive_key");
    }
}

TEST_CASE("keys and signatures match the protocol vectors") {
    crypto::init();
    const auto v = user_vectors();
    const auto user = keys_of_seed(1);
    const auto node = keys_of_seed(2);
    CHECK(user.public_key.hex() == v.at("user pubkey (wire)"));
    CHECK(user.private_key.hex() == v.at("user private key (wire form)"));
    CHECK(node.public_key.hex() == v.at("node pubkey"));
    CHECK(crypto::sign(user, as_bytes(v.at("challenge"))).hex() ==
          v.at("user_challenge_response.sig"));
    CHECK(crypto::sign(node, as_bytes(v.at("signed string"))).hex() ==
          v.at("server_challenge_response.sig"));
    CHECK(crypto::sign(user, as_bytes(v.at("json container"))).hex() == v.at("json sig"));
    CHECK(crypto::sign(user, unhex(v.at("bson container"))).hex() == v.at("bson sig"));
    CHECK(crypto::b3(unhex(v.at("json sig"))).hex() == v.at("json input_hash"));
    CHECK(crypto::b3(unhex(v.at("bson sig"))).hex() == v.at("bson input_hash"));
    CHECK(crypto::b3(ByteView{}).hex() == v.at("blake3 empty"));
}

TEST_CASE("output hash, tree and root signature match the vectors") {
    crypto::init();
    const auto v = user_vectors();
    const auto user = keys_of_seed(1);
    const std::vector<Bytes> outputs = {to_bytes("out1"), to_bytes("out2")};
    const Hash32 hash = crypto::output_hash(user.public_key, outputs);
    CHECK(hash.hex() == v.at("output_hash [out1,out2]"));

    const auto state = Hash32::from_hex(v.at("state_hash"));
    const crypto::OutputTree tree({hash, *state});
    CHECK(tree.root().hex() == v.at("root"));
    CHECK(crypto::sign(keys_of_seed(2), tree.root().view()).hex() == v.at("unl_sig"));
    const auto collapsed = tree.collapse(0);
    const auto& children = std::get<std::vector<crypto::TreeNode>>(collapsed.value);
    REQUIRE(children.size() == 2);
    CHECK(children[0].is_own_leaf());
    CHECK(std::get<Hash32>(children[1].value) == *state);
    CHECK(crypto::root_of(collapsed, hash) == tree.root());
}

TEST_CASE("trees of many users have the documented roots and shapes") {
    const auto v = user_vectors();
    const auto leaves16 = single_byte_leaves(16);
    CHECK(leaves16.front().hex() == v.at("first sorted leaf"));
    const crypto::OutputTree tree16(leaves16);
    // The line of this vector reads "16 user leaves = ...: root: <hash>".
    CHECK(tree16.root().hex() ==
          v.at("16 user leaves = blake3(single byte 00..0f) sorted + state").substr(6));
    CHECK(crypto::b3_list(std::span(leaves16).first(16)).hex() == v.at("inner group hash"));
    CHECK(crypto::OutputTree(single_byte_leaves(33)).root().hex() ==
          v.at("33 user leaves + state root"));

    const auto collapsed = tree16.collapse(3);
    const auto& top = std::get<std::vector<crypto::TreeNode>>(collapsed.value);
    REQUIRE(top.size() == 2); // the group of 16, and the state leaf passed up alone
    CHECK(std::get<std::vector<crypto::TreeNode>>(top[0].value).size() == 16);
    CHECK(std::holds_alternative<Hash32>(top[1].value));
}

TEST_CASE("every leaf of trees of any size proves the same root") {
    for (int users = 1; users <= 300; users = users * 3 / 2 + 1) {
        const auto leaves = single_byte_leaves(users);
        const crypto::OutputTree tree(leaves);
        for (std::size_t i = 0; i + 1 < leaves.size(); ++i) {
            const auto collapsed = tree.collapse(i);
            CHECK(crypto::root_of(collapsed, leaves[i]) == tree.root());
            CHECK(crypto::root_of(collapsed, leaves.back()) != tree.root());
        }
    }
}

TEST_CASE("private keys are accepted only with their own public half") {
    crypto::init();
    auto keys = crypto::make_key_pair();
    CHECK(crypto::key_pair_from_private(keys.private_key) == keys);
    auto wrong_prefix = keys.private_key;
    wrong_prefix.data[0] = 0;
    CHECK_FALSE(crypto::key_pair_from_private(wrong_prefix));
    auto wrong_half = keys.private_key;
    wrong_half.data[64] ^= 1;
    CHECK_FALSE(crypto::key_pair_from_private(wrong_half));
}

TEST_CASE("a signature over another message or by another key does not verify") {
    crypto::init();
    const auto keys = crypto::make_key_pair();
    const auto signature = crypto::sign(keys, as_bytes("message"));
    CHECK(crypto::verify(keys.public_key, as_bytes("message"), signature));
    CHECK_FALSE(crypto::verify(keys.public_key, as_bytes("messagE"), signature));
    CHECK_FALSE(crypto::verify(crypto::make_key_pair().public_key, as_bytes("message"), signature));
    auto aliased = keys.public_key;
    aliased.data[0] = 0;
    CHECK_FALSE(crypto::verify(aliased, as_bytes("message"), signature));
}

TEST_CASE("uuids are version 4 with 36 characters and differ") {
    crypto::init();
    const std::string uuid = crypto::random_uuid();
    CHECK(uuid.size() == 36);
    CHECK(uuid[14] == '4');
    CHECK(std::string("89ab").find(uuid[19]) != std::string::npos);
    CHECK(uuid != crypto::random_uuid());
}
