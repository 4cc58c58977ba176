// SPDX-License-Identifier: Apache-2.0
// The written layout is the documented one, byte for byte, and what is written reads back equal.
#include "config_fixture.hpp"

#include <catch2/catch.hpp>

using namespace hp;
using namespace hp::test;

namespace {

PublicKey filled_key(std::uint8_t byte) {
    PublicKey key;
    key.data.fill(byte);
    key.data[0] = key_prefix;
    return key;
}

// The values of patch_rich.cfg; see golden/make_golden.mjs.
config::Patch rich_patch() {
    config::Patch out;
    out.version = "2.1 β";
    out.unl = {filled_key(0xfe), filled_key(0x01), filled_key(0x7f)};
    out.bin_path = "/usr/bin/node";
    out.bin_args = "index.js \"quoted\" back\\slash / \b\f\n\r\t \x01 \x1f \x7f";
    out.environment = {
        {"A", "1"}, {"EMPTY", ""}, {"PATH", "/bin:/usr/bin"}, {"ключ", "héllo \u2028 😀"}};
    out.max_input_ledger_offset = 65535;
    out.consensus = {config::Visibility::public_, 3600000, 33, 100};
    out.npl_mode = config::Visibility::public_;
    out.round_limits = {9007199254740991, 1, 2, 3, 4, 5, 4294967295};
    return out;
}

// Every field different from its default.
config::Config full_config() {
    config::Config out;
    const std::array<std::uint8_t, 32> seed{9};
    out.hp_version = "0.6.3";
    out.node.keys = crypto::key_pair_from_seed(seed);
    out.node.role = config::Role::observer;
    out.node.history = config::History::full;
    out.node.max_primary_shards = 0;
    out.node.max_raw_shards = 7;
    out.node.pace = config::Pace::paced;
    out.node.disk_reserve_mbytes = 12;
    out.contract.id = "any thirty-six characters will do it";
    out.contract.execute = false;
    out.contract.run_as = config::RunAs{1000, 4294967294};
    out.contract.log = {true, 1, 2};
    out.contract.patch = rich_patch();
    out.contract.patch.version = "2";
    out.contract.warm_start = true;
    out.mesh = {1, false, "::1", 3, {{"a", 1}, {"b.example", 65535}}, false, 9, 8, 7, 6, 5, 4,
                3, 2,     false, 11};
    out.user = {1, false, "127.0.0.2", 2, 3, 4, 5, 6, 7, 32, true, "c.pem", "k.pem"};
    out.hpfs = {true, "dbg"};
    out.log = {LogLevel::error, 1, 2, true, false};
    return out;
}

} // namespace

TEST_CASE("patch.cfg equals JSON.stringify byte for byte", "[config]") {
    config::Patch plain;
    plain.unl = {filled_key(0x11)};
    CHECK(config::encode_patch(plain) == golden("patch.cfg"));
    CHECK(config::encode_patch(rich_patch()) == golden("patch_rich.cfg"));
}

TEST_CASE("what a contract wrote is written again without a change", "[config]") {
    const std::string text = golden("patch.cfg");
    const config::DecodedPatch read = config::decode_patch(as_bytes(text));
    CHECK(config::describe(read.problems).empty());
    CHECK(config::encode_patch(read.patch) == text);
}

TEST_CASE("a quota of the state is written only when there is one", "[config]") {
    const std::string plain = golden("patch.cfg");
    config::Patch patch = config::decode_patch(as_bytes(plain)).patch;
    CHECK(patch.round_limits.state_bytes == 0);
    patch.round_limits.state_bytes = 5'000'000'000;
    std::string expected = plain;
    const std::string last = "\"exec_timeout\": 300000";
    const std::size_t at = expected.find(last);
    REQUIRE(at != std::string::npos);
    expected.insert(at + last.size(), ",\n        \"state_bytes\": 5000000000");
    CHECK(config::encode_patch(patch) == expected);
    const config::DecodedPatch read = config::decode_patch(as_bytes(expected));
    CHECK(config::describe(read.problems).empty());
    CHECK(read.patch == patch);
    // A contract may write the 0, which means the same.
    const std::size_t number = expected.find("5000000000");
    expected.replace(number, 10, "0");
    CHECK(config::decode_patch(as_bytes(expected)).patch.round_limits.state_bytes == 0);
    CHECK(config::decode_patch(as_bytes(expected)).problems.empty());
}

TEST_CASE("a read and rewritten hp.cfg is the original plus our fields", "[config]") {
    std::string expected = golden("original_hp.cfg");
    const auto insert_after = [&expected](const std::string& mark, const std::string& text) {
        const std::size_t at = expected.find(mark);
        REQUIRE(at != std::string::npos);
        expected.insert(at + mark.size(), text);
    };
    insert_after("\"max_raw_shards\": 0\n        }", ",\n        \"pace\": \"auto\"");
    insert_after("\"exec_timeout\": 300000\n        }",
                 ",\n        \"warm_start\": false,\n        \"sandbox\": \"auto\"");
    insert_after("\"concurrent_read_requests\": 4",
                 ",\n        \"plain_ws\": false,\n        \"tls_cert\": \"\",\n        "
                 "\"tls_key\": \"\"");
    insert_after("\"tls_key\": \"\"\n    }",
                 ",\n    \"state\": {\n        \"backend\": \"auto\"\n    }");
    CHECK(config::encode_config(decode(golden("original_hp.cfg")).config) == expected);
}

TEST_CASE("hp.cfg survives a round trip with every field set", "[config]") {
    const config::Config written = full_config();
    const config::DecodedConfig read = decode(config::encode_config(written));
    CHECK(config::describe(read.problems).empty());
    CHECK(config::describe(read.unknown).empty());
    CHECK(read.config == written);
}

TEST_CASE("patch.cfg survives a round trip", "[config]") {
    config::Patch patch = full_config().contract.patch;
    const config::DecodedPatch read = config::decode_patch(as_bytes(config::encode_patch(patch)));
    CHECK(config::describe(read.problems).empty());
    CHECK(read.patch == patch);
}
