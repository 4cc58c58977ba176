// SPDX-License-Identifier: Apache-2.0
// hp.cfg and patch.cfg are refused for every single thing that can be wrong with a field, and
// every problem names its path. Contract-protocol.md section 15, test 8.
#include "config_fixture.hpp"

#include <algorithm>
#include <cstdint>

#include <catch2/catch.hpp>

#include "hp/base/limits.hpp"

using namespace hp;
using namespace hp::test;
using config::DecodedConfig;
using nlohmann::json;

namespace {

const char* const other_key = "ed1111111111111111111111111111111111111111111111111111111111111111";

struct Leaf {
    std::string pointer;
    json value;
};

// Every value that is no object, with the path to it. Arrays count as one value.
void collect_leaves(const json& node, const std::string& pointer, std::vector<Leaf>& out) {
    for (const auto& [name, value] : node.items()) {
        const std::string here = pointer + "/" + name;
        if (value.is_object() && here != "/contract/environment") {
            collect_leaves(value, here, out);
        } else {
            out.push_back({here, value});
        }
    }
}

std::vector<Leaf> leaves() {
    std::vector<Leaf> out;
    collect_leaves(original(), "", out);
    return out;
}

struct NumberRule {
    const char* pointer;
    std::uint64_t min;
    std::uint64_t max;
};

constexpr std::uint64_t u16 = 65535;
constexpr std::uint64_t u32 = 4294967295;
constexpr std::uint64_t exact = 9007199254740991;

const NumberRule number_rules[] = {
    {"/node/history_config/max_primary_shards", 1, exact},
    {"/node/history_config/max_raw_shards", 0, exact},
    {"/contract/log/max_mbytes_per_file", 0, u32},
    {"/contract/log/max_file_count", 0, u32},
    {"/contract/max_input_ledger_offset", 0, u16},
    {"/contract/consensus/roundtime", 1, 3600000},
    {"/contract/consensus/stage_slice", 1, 33},
    {"/contract/consensus/threshold", 1, 100},
    {"/contract/round_limits/user_input_bytes", 0, exact},
    {"/contract/round_limits/user_output_bytes", 0, exact},
    {"/contract/round_limits/npl_output_bytes", 0, exact},
    {"/contract/round_limits/proc_cpu_seconds", 0, exact},
    {"/contract/round_limits/proc_mem_bytes", 0, exact},
    {"/contract/round_limits/proc_ofd_count", 0, exact},
    {"/contract/round_limits/exec_timeout", 0, u32},
    {"/mesh/port", 1, u16},
    {"/mesh/idle_timeout", 0, u32},
    {"/mesh/max_connections", 0, 0}, // above 0 it demands max_known_connections, tested apart
    {"/mesh/max_known_connections", 0, u16},
    {"/mesh/max_in_connections_per_host", 0, u16},
    {"/mesh/max_bytes_per_msg", 0, exact},
    {"/mesh/max_bytes_per_min", 0, exact},
    {"/mesh/max_bad_msgs_per_min", 0, exact},
    {"/mesh/max_bad_msgsigs_per_min", 0, exact},
    {"/mesh/max_dup_msgs_per_min", 0, exact},
    {"/mesh/peer_discovery/interval", 0, u16},
    {"/user/port", 1, u16},
    {"/user/idle_timeout", 0, u32},
    {"/user/max_bytes_per_msg", 0, exact},
    {"/user/max_bytes_per_min", 0, exact},
    {"/user/max_bad_msgs_per_min", 0, exact},
    {"/user/max_connections", 0, u16},
    {"/user/max_in_connections_per_host", 0, u16},
    {"/user/concurrent_read_requests", 0, 32},
    {"/log/max_mbytes_per_file", 0, u32},
    {"/log/max_file_count", 0, u32},
};

void require_range_problem(const NumberRule& rule, const std::string& value) {
    INFO(rule.pointer << " = " << value);
    const DecodedConfig result = decode_with(rule.pointer, value);
    REQUIRE(result.problems.size() == 1);
    CHECK(result.problems[0].path == path_of(rule.pointer));
    CHECK_THAT(result.problems[0].what,
               Catch::Contains("must be a whole number " + std::to_string(rule.min) + ".."));
}

struct WrongValue {
    const char* pointer;
    const char* value;   // JSON text
    const char* path;    // where the problem is reported
    const char* message; // part of it
};

const WrongValue wrong_values[] = {
    {"/hp_version", R"("")", "hp_version", "must not be empty"},
    {"/hp_version", R"("six")", "hp_version", "must look like 0.6.4, is \"six\""},
    {"/hp_version", R"("1")", "hp_version", "must look like"},
    {"/hp_version", R"("0.6.")", "hp_version", "must look like"},
    {"/hp_version", R"(".6.4")", "hp_version", "must look like"},
    {"/hp_version", R"("0.6.4-rc1")", "hp_version", "must look like"},
    {"/hp_version", R"("0.-6.4")", "hp_version", "must look like"},
    {"/hp_version", R"("0.6.2")", "hp_version", "too old"},
    {"/hp_version", R"("0.5.99")", "hp_version", "too old"},
    {"/hp_version", R"("0.6")", "hp_version", "too old"},
    {"/node/public_key", R"("zz")", "node.public_key", "66 hex digits"},
    {"/node/public_key", R"("")", "node.public_key", "66 hex digits"},
    {"/node/private_key", R"("ed00")", "node.private_key", "130 hex digits"},
    {"/node/role", R"("boss")", "node.role", R"("validator", "observer", is "boss")"},
    {"/node/role", R"("Validator")", "node.role", "must be one of"},
    {"/node/history", R"("some")", "node.history", R"("full", "custom")"},
    {"/node/pace", R"("fast")", "node.pace", R"("auto", "eager", "paced")"},
    {"/node/pace", "1", "node.pace", "must be a string"},
    {"/node/disk_reserve_mbytes", "-1", "node.disk_reserve_mbytes", "must be a whole number 0.."},
    {"/node/disk_reserve_mbytes", "4294967296", "node.disk_reserve_mbytes", "0..4294967295"},
    {"/contract/warm_start", "1", "contract.warm_start", "must be true or false"},
    {"/contract/sandbox", R"("on")", "contract.sandbox", R"("off", "auto", "strict")"},
    {"/contract/id", R"("")", "contract.id", "exactly 36 characters, has 0"},
    {"/contract/id", R"("71216897-7ae3-4c4d-8c62-7b38d7f7db6")", "contract.id", "has 35"},
    {"/contract/id", R"("71216897-7ae3-4c4d-8c62-7b38d7f7db600")", "contract.id", "has 37"},
    {"/contract/id", R"("71216897-7ae3-4c4d-8c62-7b38d7f7db\"0")", "contract.id", "quotes"},
    {"/contract/id", R"("71216897-7ae3-4c4d-8c62-7b38d7f7db\\0")", "contract.id", "backslashes"},
    {"/contract/id", R"("71216897-7ae3-4c4d-8c62-7b38d7f7db\n0")", "contract.id", "control"},
    {"/contract/id", R"("71216897-7ae3-4c4d-8c62-7b38d7f7dbé")", "contract.id", "ASCII"},
    {"/contract/run_as", R"("root")", "contract.run_as", "uid:gid"},
    {"/contract/run_as", R"("1000")", "contract.run_as", "uid:gid"},
    {"/contract/run_as", R"("1000:")", "contract.run_as", "uid:gid"},
    {"/contract/run_as", R"(":1000")", "contract.run_as", "uid:gid"},
    {"/contract/run_as", R"("-1:5")", "contract.run_as", "uid:gid"},
    {"/contract/run_as", R"("1:2:3")", "contract.run_as", "uid:gid"},
    {"/contract/run_as", R"("4294967295:1")", "contract.run_as", "uid:gid"},
    {"/contract/run_as", R"("1000:0")", "contract.run_as", "both be 0 or both not"},
    {"/contract/run_as", R"("0:1000")", "contract.run_as", "both be 0 or both not"},
    {"/contract/version", R"("")", "contract.version", "must not be empty"},
    {"/contract/version", R"("1\"0")", "contract.version", "quotes"},
    {"/contract/version", R"("1\\0")", "contract.version", "backslashes"},
    {"/contract/version", R"("1\u00000")", "contract.version", "control"},
    {"/contract/unl", "[]", "contract.unl", "at least one"},
    {"/contract/unl", R"(["zz"])", "contract.unl[0]", "66 hex digits that start with ed"},
    {"/contract/unl", "[5]", "contract.unl[0]", "66 hex digits"},
    {"/contract/unl", R"(["ee11111111111111111111111111111111111111111111111111111111111111111"])",
     "contract.unl[0]", "start with ed"},
    {"/contract/unl",
     R"(["ed1111111111111111111111111111111111111111111111111111111111111111",
         "ED1111111111111111111111111111111111111111111111111111111111111111"])",
     "contract.unl[1]", "more than once"},
    {"/contract/bin_path", R"("a\u0000b")", "contract.bin_path", "NUL"},
    {"/contract/bin_args", R"("a\u0000b")", "contract.bin_args", "NUL"},
    {"/contract/environment", R"({"A": 1})", "contract.environment.A", "must be a string"},
    {"/contract/environment", R"({"A": null})", "contract.environment.A", "is null"},
    {"/contract/environment", R"({"": "x"})", "contract.environment.\"\"", "name"},
    {"/contract/environment", R"({"A=B": "x"})", "contract.environment.\"A=B\"", "name"},
    {"/contract/environment", R"({"A\u0000": "x"})", "contract.environment.\"A\\u0000\"", "name"},
    {"/contract/environment", R"({"A": "\u0000"})", "contract.environment.A", "NUL"},
    {"/contract/consensus/mode", R"("open")", "contract.consensus.mode", R"("public", "private")"},
    {"/contract/npl/mode", R"("")", "contract.npl.mode", R"("public", "private")"},
    {"/mesh/known_peers", R"(["a"])", "mesh.known_peers[0]", "host:port"},
    {"/mesh/known_peers", R"([":1"])", "mesh.known_peers[0]", "host:port"},
    {"/mesh/known_peers", R"(["a:0"])", "mesh.known_peers[0]", "host:port"},
    {"/mesh/known_peers", R"(["a:65536"])", "mesh.known_peers[0]", "host:port"},
    {"/mesh/known_peers", R"(["a:+1"])", "mesh.known_peers[0]", "host:port"},
    {"/mesh/known_peers", R"(["a b:1"])", "mesh.known_peers[0]", "host:port"},
    {"/mesh/known_peers", R"(["x:1", "::1:22860"])", "mesh.known_peers[1]", "host:port"},
    {"/mesh/known_peers", "[1]", "mesh.known_peers[0]", "host:port"},
    {"/mesh/max_connections", "5", "mesh.max_known_connections", "1..5, is 0"},
    {"/user/plain_ws", R"("yes")", "user.plain_ws", "must be true or false"},
    {"/user/tls_cert", "1", "user.tls_cert", "must be a string"},
    {"/user/address", "\"localhost\"", "user.address", "must be a numeric IP address"},
    {"/mesh/address", "\"127.0.0.1:80\"", "mesh.address", "must be a numeric IP address"},
    {"/user/tls_key", R"("\u0000")", "user.tls_key", "NUL"},
    {"/state", R"({"backend": "fuse"})", "state.backend", R"("auto", "plain", "tracked")"},
    {"/hpfs/external", "0", "hpfs.external", "must be true or false"},
    {"/hpfs/log/log_level", R"("info")", "hpfs.log.log_level", R"("dbg", "inf", "wrn", "err")"},
    {"/log/log_level", R"("")", "log.log_level", R"("dbg", "inf", "wrn", "err")"},
    {"/log/loggers", "[]", "log.loggers", "must name"},
    {"/log/loggers", R"(["file", "syslog"])", "log.loggers[1]", R"("console" or "file")"},
    {"/log/loggers", "[1]", "log.loggers[0]", R"("console" or "file")"},
};

bool mentions(const std::vector<config::Problem>& problems, const std::string& path,
              const std::string& what) {
    return std::any_of(problems.begin(), problems.end(), [&path, &what](const auto& p) {
        return p.path == path && p.what.find(what) != std::string::npos;
    });
}

} // namespace

TEST_CASE("the original's hp.cfg is read without a complaint", "[config]") {
    const DecodedConfig result = decode(golden("original_hp.cfg"));
    CHECK(config::describe(result.problems).empty());
    CHECK(config::describe(result.unknown).empty());

    // Its values are the defaults of the field table, and so must ours be.
    config::Config expected;
    expected.node.keys = result.config.node.keys;
    expected.contract.id = "71216897-7ae3-4c4d-8c62-7b38d7f7db60";
    expected.contract.patch.unl = {result.config.node.keys.public_key};
    CHECK(result.config == expected);
    CHECK(result.config.node.keys.public_key.hex() ==
          "ed79b5562e8fe654f94078b112e8a98ba7901f853ae695bed7e0e3910bad049664");
}

TEST_CASE("every field but ours and hpfs is mandatory", "[config]") {
    for (const Leaf& leaf : leaves()) {
        INFO(leaf.pointer);
        const json::json_pointer pointer(leaf.pointer);
        json document = original();
        document[pointer.parent_pointer()].erase(pointer.back());
        const DecodedConfig result = decode(document.dump());
        if (leaf.pointer.rfind("/hpfs", 0) == 0) {
            CHECK(result.problems.empty());
            continue;
        }
        REQUIRE(result.problems.size() == 1);
        CHECK(result.problems[0].path == path_of(leaf.pointer));
        CHECK(result.problems[0].what == "is missing");
    }
}

TEST_CASE("a missing section is one problem, not one for each of its fields", "[config]") {
    for (const char* section : {"node", "contract", "mesh", "user", "log"}) {
        json document = original();
        document.erase(section);
        const DecodedConfig result = decode(document.dump());
        REQUIRE(result.problems.size() == 1);
        CHECK(result.problems[0].path == section);
        CHECK(result.problems[0].what == "is missing");
    }
    json document = original();
    document.erase("hpfs");
    CHECK(decode(document.dump()).problems.empty());
}

TEST_CASE("every field refuses every other type", "[config]") {
    const char* values[] = {"null", "true", "7", "-7", "7.5", R"("7")", "[7]", R"({"7": 7})"};
    for (const Leaf& leaf : leaves()) {
        for (const char* text : values) {
            const json value = json::parse(text);
            // -7 and 7.5 are foreign to number fields too.
            if (value.type() == leaf.value.type() ||
                (value == 7 && leaf.value.is_number_unsigned())) {
                continue;
            }
            INFO(leaf.pointer << " = " << text);
            const DecodedConfig result = decode_with(leaf.pointer, text);
            REQUIRE(result.problems.size() == 1);
            CHECK(result.problems[0].path == path_of(leaf.pointer));
            CHECK_THAT(result.problems[0].what, Catch::StartsWith("must be "));
        }
    }
    for (const char* text : {"null", "1", R"("x")", "[]"}) {
        for (const char* section : {"node", "contract", "mesh", "user", "hpfs", "log"}) {
            const DecodedConfig result = decode_with(std::string("/") + section, text);
            REQUIRE(result.problems.size() == 1);
            CHECK(result.problems[0].path == section);
        }
        CHECK(decode(text).problems.size() == 1);
    }
}

TEST_CASE("numbers are whole and within their range", "[config]") {
    for (const NumberRule& rule : number_rules) {
        INFO(rule.pointer);
        CHECK(decode_with(rule.pointer, std::to_string(rule.min)).problems.empty());
        CHECK(decode_with(rule.pointer, std::to_string(rule.max)).problems.empty());
        for (const char* value :
             {"-1", "1.0", "1e3", R"("10")", "18446744073709551615", "18446744073709551616"}) {
            if (rule.max != 0) {
                require_range_problem(rule, value);
            }
        }
        if (rule.min > 0) {
            require_range_problem(rule, std::to_string(rule.min - 1));
        }
        if (rule.max != 0) {
            require_range_problem(rule, std::to_string(rule.max + 1));
        }
    }
    // The table above is complete.
    std::size_t numbers = 0;
    for (const Leaf& leaf : leaves()) {
        numbers += leaf.value.is_number() ? 1 : 0;
    }
    CHECK(numbers == std::size(number_rules));
}

TEST_CASE("the quota of the state is optional and a number like the others", "[config]") {
    const char* const pointer = "/contract/round_limits/state_bytes";
    CHECK(decode(original().dump()).config.contract.patch.round_limits.state_bytes == 0);
    CHECK(decode_with(pointer, "4096").config.contract.patch.round_limits.state_bytes == 4096);
    CHECK(decode_with(pointer, "4096").unknown.empty());
    CHECK(decode_with(pointer, std::to_string(exact)).problems.empty());
    for (const char* wrong : {"-1", "1.5", "\"4096\"", "null", "9007199254740992"}) {
        INFO(wrong);
        const DecodedConfig result = decode_with(pointer, wrong);
        REQUIRE(result.problems.size() == 1);
        CHECK(result.problems[0].path == "contract.round_limits.state_bytes");
    }
}

TEST_CASE("a range problem shows the range and the value", "[config]") {
    const DecodedConfig big = decode_with("/mesh/port", "70000");
    REQUIRE(big.problems.size() == 1);
    CHECK(config::describe(big.problems) == "mesh.port: must be a whole number 1..65535, is 70000");
    const DecodedConfig negative = decode_with("/mesh/port", "-1");
    CHECK(config::describe(negative.problems) ==
          "mesh.port: must be a whole number 1..65535, is -1");
    const DecodedConfig text = decode_with("/mesh/port", R"("22860")");
    CHECK(config::describe(text.problems) ==
          "mesh.port: must be a whole number 1..65535, is a string");
}

TEST_CASE("every wrong value is a problem at its path", "[config]") {
    for (const WrongValue& wrong : wrong_values) {
        INFO(wrong.pointer << " = " << wrong.value);
        const DecodedConfig result = decode_with(wrong.pointer, wrong.value);
        REQUIRE(result.problems.size() == 1);
        CHECK(result.problems[0].path == wrong.path);
        CHECK_THAT(result.problems[0].what, Catch::Contains(wrong.message));
    }
}

TEST_CASE("values at the edge of the rules are accepted", "[config]") {
    CHECK(decode_with("/hp_version", R"("0.6.3")").problems.empty());
    CHECK(decode_with("/hp_version", R"("0.7")").problems.empty());
    CHECK(decode_with("/hp_version", R"("1.0.0.5")").problems.empty());
    CHECK(decode_with("/contract/run_as", R"("0:0")").config.contract.run_as == std::nullopt);
    CHECK(decode_with("/contract/run_as", R"("1000:1001")").config.contract.run_as ==
          config::RunAs{1000, 1001});
    CHECK(decode_with("/contract/bin_path", R"("")").problems.empty());
    CHECK(decode_with("/log/loggers", R"(["file", "file"])").config.log.console == false);
    CHECK(decode_with("/mesh/known_peers", R"(["a.example:65535"])").config.mesh.known_peers ==
          std::vector<config::HostPort>{{"a.example", 65535}});
    CHECK(decode_with("/node/pace", R"("eager")").config.node.pace == config::Pace::eager);
    CHECK(decode_with("/user/plain_ws", "true").config.user.plain_ws);
    CHECK(decode_with("/contract/warm_start", "true").config.contract.warm_start);
    CHECK(!decode(original().dump()).config.contract.warm_start);
    CHECK(decode_with("/contract/sandbox", R"("strict")").config.contract.sandbox ==
          config::Sandbox::strict);
    CHECK(decode(original().dump()).config.contract.sandbox == config::Sandbox::automatic);
    CHECK(decode_with("/state", R"({"backend": "tracked"})").config.state.backend ==
          config::StateBackend::tracked);
    CHECK(decode_with("/state", "{}").config.state.backend == config::StateBackend::automatic);
    const DecodedConfig upper =
        decode_with("/contract/unl", R"(["ED)" + std::string(64, 'A') + R"("])");
    REQUIRE(upper.problems.empty());
    CHECK(upper.config.contract.patch.unl.begin()->hex() == "ed" + std::string(64, 'a'));
}

TEST_CASE("rules that join two fields", "[config]") {
    json document = original();
    document["node"]["history"] = "full";
    document["node"]["history_config"]["max_primary_shards"] = 0;
    CHECK(decode(document.dump()).problems.empty());

    document = original();
    document["contract"]["log"] = {
        {"enable", true}, {"max_mbytes_per_file", 0}, {"max_file_count", 0}};
    const DecodedConfig log = decode(document.dump());
    CHECK(log.problems.size() == 2);
    CHECK(mentions(log.problems, "contract.log.max_mbytes_per_file", "1..4294967295, is 0"));
    CHECK(mentions(log.problems, "contract.log.max_file_count", "1..4294967295, is 0"));

    document = original();
    document["mesh"]["max_connections"] = 5;
    document["mesh"]["max_known_connections"] = 5;
    CHECK(decode(document.dump()).problems.empty());
    document["mesh"]["max_known_connections"] = 6;
    CHECK(mentions(decode(document.dump()).problems, "mesh.max_known_connections", "1..5, is 6"));

    const DecodedConfig keys = decode_with("/node/public_key", '"' + std::string(other_key) + '"');
    REQUIRE(keys.problems.size() == 1);
    CHECK(keys.problems[0].path == "node.private_key");
    CHECK_THAT(keys.problems[0].what, Catch::Contains("does not belong to node.public_key"));
}

TEST_CASE("no message shows the private key", "[config]") {
    const std::string secret = original()["node"]["private_key"];
    std::string damaged = secret;
    damaged[10] = damaged[10] == '0' ? '1' : '0';
    const DecodedConfig halves = decode_with("/node/private_key", '"' + damaged + '"');
    REQUIRE(halves.problems.size() == 1);
    CHECK_THAT(halves.problems[0].what, Catch::Contains("halves"));
    CHECK(halves.problems[0].what.find(damaged.substr(8, 8)) == std::string::npos);

    // Nor does a message about the text around it.
    const std::string text = golden("original_hp.cfg");
    const std::size_t at = text.find(secret);
    for (const auto& [offset, inserted] : {std::pair<std::size_t, const char*>{at + 40, "\n"},
                                           {at + 40, "\x01"},
                                           {at + 40, "\xff"},
                                           {at - 1, "5 "},
                                           {at + 40, "\""},
                                           {at - 1, "x"}}) {
        std::string broken = text;
        broken.insert(offset, inserted);
        const std::string message = config::describe(decode(broken).problems);
        CHECK_THAT(message, Catch::StartsWith("is not valid JSON: line "));
        CHECK(message.find(secret.substr(0, 8)) == std::string::npos);
        CHECK(message.find(secret.substr(42, 8)) == std::string::npos);
    }
}

TEST_CASE("all problems are reported at once", "[config]") {
    json document = original();
    document["hp_version"] = "0.1.0";
    document["node"]["role"] = "x";
    document["contract"].erase("id");
    document["contract"]["unl"] = {"zz", "yy"};
    document["contract"]["consensus"]["roundtime"] = 0;
    document["user"]["port"] = "8080";
    document["log"] = 5;
    const auto problems = decode(document.dump()).problems;
    CHECK(problems.size() == 8);
    CHECK(mentions(problems, "hp_version", "too old"));
    CHECK(mentions(problems, "node.role", "must be one of"));
    CHECK(mentions(problems, "contract.id", "is missing"));
    CHECK(mentions(problems, "contract.unl[0]", ""));
    CHECK(mentions(problems, "contract.unl[1]", ""));
    CHECK(mentions(problems, "contract.consensus.roundtime", "1..3600000, is 0"));
    CHECK(mentions(problems, "user.port", "is a string"));
    CHECK(mentions(problems, "log", "must be an object"));

    const std::string text = config::describe(problems);
    CHECK(std::count(text.begin(), text.end(), '\n') == 7);
}

TEST_CASE("unknown keys are listed with a suggestion", "[config]") {
    json document = original();
    document["colour"] = "red";
    document["user"]["plain_wss"] = true;
    document["user"]["x"] = 1;
    document["contract"]["consensus"]["Threshold"] = 1;
    document["contract"]["npl"]["a\nb"] = 1;
    const DecodedConfig result = decode(document.dump());
    CHECK(result.problems.empty());
    CHECK(result.unknown.size() == 5);
    CHECK(mentions(result.unknown, "colour", "is not known"));
    CHECK_FALSE(mentions(result.unknown, "colour", "did you mean"));
    CHECK(mentions(result.unknown, "user.plain_wss", "did you mean \"plain_ws\"?"));
    CHECK_FALSE(mentions(result.unknown, "user.x", "did you mean"));
    CHECK(mentions(result.unknown, "contract.consensus.Threshold", "did you mean \"threshold\"?"));
    CHECK(mentions(result.unknown, "contract.npl.\"a\\nb\"", "is not known"));
}

TEST_CASE("a misspelt field is named where it is missing", "[config]") {
    json document = original();
    document["contract"]["consensus"].erase("roundtime");
    document["contract"]["consensus"]["round_time"] = 500;
    const DecodedConfig result = decode(document.dump());
    REQUIRE(result.problems.size() == 1);
    CHECK(config::describe(result.problems) ==
          "contract.consensus.roundtime: is missing; is it the unknown \"round_time\"?");
    CHECK(mentions(result.unknown, "contract.consensus.round_time", "did you mean \"roundtime\"?"));
}

TEST_CASE("a repeated key is a problem at any depth", "[config]") {
    std::string text = golden("original_hp.cfg");
    text.insert(1, R"("hp_version": "0.6.4", )");
    CHECK(config::describe(decode(text).problems) == "hp_version: is there more than once");

    text = golden("original_hp.cfg");
    const std::string field = R"("threshold": 80)";
    text.insert(text.find(field), field + ", ");
    CHECK(config::describe(decode(text).problems) ==
          "contract.consensus.threshold: is there more than once");
}

TEST_CASE("text that is no acceptable JSON", "[config]") {
    const std::string good = golden("original_hp.cfg");
    for (const std::string& text :
         {std::string(), std::string("{"), std::string("nonsense"), good + "x",
          good.substr(0, good.size() - 1), "// comment\n" + good, std::string("{\"a\": \"\xff\"}"),
          std::string("{\"a\": 1e400}"), std::string("{\"a\": \"\\ud800\"}"),
          std::string("{\"a\": 1,}"), std::string("\0", 1)}) {
        const DecodedConfig result = decode(text);
        REQUIRE(result.problems.size() == 1);
        CHECK(result.problems[0].path.empty());
        CHECK_THAT(result.problems[0].what, Catch::StartsWith("is not valid JSON: "));
    }
    // A byte order mark is what some editors put in front.
    CHECK(decode("\xef\xbb\xbf" + good).problems.empty());
}

TEST_CASE("size, nesting and number of values are bounded", "[config]") {
    const std::string deep(100'000, '[');
    CHECK_THAT(config::describe(decode(deep).problems), Catch::Contains("nested deeper"));

    std::string wide = "[0";
    for (std::size_t i = 0; i < limits::config_values_max; ++i) {
        wide += ",0";
    }
    CHECK_THAT(config::describe(decode(wide + "]").problems), Catch::Contains("values"));

    const std::string large(limits::config_bytes_max + 1, ' ');
    CHECK_THAT(config::describe(decode(large).problems), Catch::Contains("larger than"));

    json document = original();
    for (int i = 0; i < 5000; ++i) {
        document["contract"]["unl"].push_back("bad");
        document["user"]["unknown" + std::to_string(i)] = i;
    }
    const DecodedConfig many = decode(document.dump());
    CHECK(many.problems.size() == limits::config_problems_max + 1);
    CHECK(many.problems.back().what == "and more of the same");
    CHECK(many.unknown.size() == limits::config_problems_max + 1);

    std::string repeated = "{";
    for (int i = 0; i < 5000; ++i) {
        repeated += R"("a": 1,)";
    }
    CHECK(decode(repeated + R"("b": 1})").problems.size() <= limits::config_problems_max + 1);
}

TEST_CASE("patch.cfg needs all its fields and ignores others", "[config]") {
    const json good = json::parse(golden("patch.cfg"));
    const auto decode_text = [](const json& document) {
        return config::decode_patch(as_bytes(document.dump()));
    };
    CHECK(decode_text(good).problems.empty());

    json document = good;
    document["extra"] = 1;
    document["consensus"]["extra"] = 1;
    CHECK(decode_text(document).problems.empty());

    std::vector<Leaf> fields;
    for (const auto& [name, value] : good.items()) {
        document = good;
        document.erase(name);
        const auto result = decode_text(document);
        REQUIRE(result.problems.size() == 1);
        CHECK(result.problems[0].path == name);
    }
    document = good;
    document["unl"] = json::array();
    document["consensus"]["threshold"] = 101;
    document["round_limits"].erase("exec_timeout");
    const auto result = decode_text(document);
    CHECK(result.problems.size() == 3);
    CHECK(mentions(result.problems, "unl", "at least one"));
    CHECK(mentions(result.problems, "consensus.threshold", "1..100, is 101"));
    CHECK(mentions(result.problems, "round_limits.exec_timeout", "is missing"));

    const std::string large(limits::patch_bytes_max + 1, ' ');
    CHECK(config::decode_patch(as_bytes(large)).problems.size() == 1);
    CHECK(config::decode_patch(as_bytes("[]")).problems.size() == 1);
}

TEST_CASE("an accepted patch.cfg can be written to both files and read again", "[config]") {
    json patch = json::parse(golden("patch.cfg"));
    std::size_t accepted = 0;
    for (const std::size_t variables : {1000U, 40'000U, 95'000U}) {
        patch["environment"] = json::object();
        for (std::size_t i = 0; i < variables; ++i) {
            patch["environment"]["v" + std::to_string(i)] = "";
        }
        const auto read = config::decode_patch(as_bytes(patch.dump()));
        if (!read.problems.empty()) {
            continue;
        }
        ++accepted;
        config::Config whole = decode(golden("original_hp.cfg")).config;
        whole.contract.patch = read.patch;
        CHECK(decode(config::encode_config(whole)).problems.empty());
        const std::string written = config::encode_patch(read.patch);
        CHECK(config::decode_patch(as_bytes(written)).patch == read.patch);
    }
    CHECK(accepted == 2);

    json document = original();
    document["contract"]["bin_args"] = std::string(limits::patch_bytes_max, 'x');
    CHECK(mentions(decode(document.dump()).problems, "contract", "patch.cfg of more than"));
}

TEST_CASE("no truncated or altered file can do harm", "[config]") {
    const std::string good = golden("original_hp.cfg");
    for (std::size_t size = 0; size < good.size(); size += 7) {
        CHECK_FALSE(decode(good.substr(0, size)).problems.empty());
    }
    // Every byte replaced by a few hostile ones: must return, with or without problems.
    for (std::size_t at = 0; at < good.size(); at += 11) {
        for (const char c : {'\0', '"', '{', ']', '\xff', '9'}) {
            std::string text = good;
            text[at] = c;
            const DecodedConfig result = decode(text);
            CHECK(result.problems.size() <= limits::config_problems_max + 1);
        }
    }
}
