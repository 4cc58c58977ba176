// SPDX-License-Identifier: Apache-2.0
//
// patch.cfg: its layout to the byte, changes in place, and what is refused. codec_test.mjs compares
// more of it with JSON.stringify.
//
// Threads: one.
#include "fixtures.hpp"
#include "random_values.hpp"

#include <hp/contract/config.hpp>
#include <hp/contract/json.hpp>

#include <array>
#include <functional>

#include <catch2/catch.hpp>
#include <sys/stat.h>
#include <unistd.h>

using namespace hp::contract;
using namespace hp::test;
using Catch::Matchers::Contains;

namespace {

Config make_config() {
    Config config;
    config.unl = {*PublicKey::from_hex(make_key(2)), *PublicKey::from_hex(make_key(1))};
    config.bin_path = "contract";
    return config;
}

/// Contract protocol section 5.1.
std::string layout() {
    return "{\n"
           "    \"version\": \"1.0\",\n"
           "    \"unl\": [\n"
           "        \"" +
           make_key(2) +
           "\",\n"
           "        \"" +
           make_key(1) +
           "\"\n"
           "    ],\n"
           "    \"bin_path\": \"contract\",\n"
           "    \"bin_args\": \"\",\n"
           "    \"environment\": {},\n"
           "    \"max_input_ledger_offset\": 10,\n"
           "    \"consensus\": {\n"
           "        \"mode\": \"private\",\n"
           "        \"roundtime\": 1000,\n"
           "        \"stage_slice\": 25,\n"
           "        \"threshold\": 80\n"
           "    },\n"
           "    \"npl\": {\n"
           "        \"mode\": \"private\"\n"
           "    },\n"
           "    \"round_limits\": {\n"
           "        \"user_input_bytes\": 0,\n"
           "        \"user_output_bytes\": 0,\n"
           "        \"npl_output_bytes\": 0,\n"
           "        \"proc_cpu_seconds\": 0,\n"
           "        \"proc_mem_bytes\": 0,\n"
           "        \"proc_ofd_count\": 0,\n"
           "        \"exec_timeout\": 300000\n"
           "    }\n"
           "}";
}

/// Runs `handler` with patch.cfg holding `text`; returns what it holds afterwards.
std::string after_run(const std::string& text, const Handler& handler, bool readonly = false) {
    const StateDir dir;
    dir.write("../patch.cfg", text);
    RunSpec spec;
    spec.directory = dir.path();
    spec.readonly = readonly;
    const RunOutcome run = run_handler(handler, spec);
    CHECK(run.failure.empty());
    CHECK_FALSE(dir.read("../patch.cfg.tmp"));
    return dir.read("../patch.cfg").value_or("<none>");
}

} // namespace

TEST_CASE("config: the layout of section 5.1", "[sdk][config]") {
    CHECK(encode_config(make_config()) == layout());
    const auto config = decode_config(layout());
    REQUIRE(config);
    CHECK(encode_config(*config) == layout());
    Config same = make_config();
    same.document = config->document;
    CHECK(*config == same);
}

TEST_CASE("config: every field is read and written in its place", "[sdk][config]") {
    Config config = *decode_config(layout());
    config.version = "2.1";
    config.unl.erase(config.unl.begin());
    config.bin_path = "bin/\xc3\xa9";
    config.bin_args = "a \"b\"";
    config.environment = {{"B", "2"}, {"A", "x\ny"}};
    config.max_input_ledger_offset = 65535;
    config.consensus = {Visibility::public_, 3'600'000, 33, 100};
    config.npl_mode = Visibility::public_;
    config.round_limits = {1, 2, 3, 4, 5, 6, 7};
    const std::string text = encode_config(config);
    CHECK_THAT(text, Contains("    \"environment\": {\n        \"B\": \"2\",\n"
                              "        \"A\": \"x\\ny\"\n    },\n"));
    CHECK_THAT(text, Contains("\"bin_args\": \"a \\\"b\\\"\""));
    CHECK_THAT(text, Contains("\"threshold\": 100") && Contains("\"roundtime\": 3600000"));
    CHECK_THAT(text, Contains("\"proc_ofd_count\": 6,\n        \"exec_timeout\": 7\n"));
    const auto again = decode_config(text);
    REQUIRE(again);
    config.document = again->document;
    CHECK(*again == config);
    CHECK(verify_config(config));
}

TEST_CASE("config: what this SDK does not know stays where it was", "[sdk][config]") {
    std::string text = replaced(layout(), "    \"unl\"",
                                "    \"weather\": {\n        \"rain\": [\n            1.5,\n"
                                "            null\n        ]\n    },\n    \"unl\"");
    text = replaced(text, "\"roundtime\": 1000,", "\"roundtime\": 1000,\n        \"x\": \"\",");
    Config config = *decode_config(text);
    CHECK(encode_config(config) == text);
    config.consensus.roundtime_ms = 500;
    CHECK(encode_config(config) == replaced(text, "1000", "500"));

    // Another order of members, compact, keys in capitals: only what changed may change.
    const std::string upper = "ED" + std::string(62, 'A') + "bC";
    std::string odd = encode_json(*decode_json(layout()));
    odd = replaced(odd, "{\"version\":\"1.0\",", "{");
    odd = replaced(odd, ",\"bin_path\"", ",\"version\":\"1.0\",\"bin_path\"");
    odd = replaced(odd, make_key(1), upper);
    Config from_odd = *decode_config(odd);
    CHECK(from_odd.unl[1].hex() == "ed" + std::string(62, 'a') + "bc");
    CHECK(encode_config(from_odd) == encode_json(*decode_json(odd), 4));
    from_odd.version = "3";
    CHECK(encode_config(from_odd) ==
          encode_json(*decode_json(replaced(odd, "\"1.0\"", "\"3\"")), 4));
    from_odd.unl.pop_back();
    CHECK_THAT(encode_config(from_odd), !Contains(upper));
}

TEST_CASE("config: members of the wrong type are all reported", "[sdk][config]") {
    const std::array<std::array<const char*, 3>, 16> cases{{
        {"\"version\": \"1.0\"", "\"version\": 1", "version: must be a string"},
        {"\"version\": \"1.0\",", "", "version: is missing"},
        {"\"unl\": [", "\"unl\": [ 7,", "unl[0]: must be 66 hex digits"},
        {"\"unl\": [", "\"unl\": [ \"ed00\",", "unl[0]: must be 66 hex digits"},
        {"\"environment\": {}", "\"environment\": []", "environment: must be an object"},
        {"\"environment\": {}", "\"environment\": {\"A\": 1}", "environment.\"A\": must be a str"},
        {"offset\": 10", "offset\": 65536",
         "ledger_offset: must be a whole number from 0 to 65535"},
        {"offset\": 10", "offset\": -1", "max_input_ledger_offset: must be a whole number"},
        {"offset\": 10", "offset\": \"10\"", "max_input_ledger_offset: must be a whole number"},
        {"offset\": 10", "offset\": 10.0", "max_input_ledger_offset: must be a whole number"},
        {"\"consensus\": {", "\"consensus\": 1, \"c\": {", "consensus.roundtime: is missing"},
        {"\"mode\": \"private\"", "\"mode\": \"secret\"", "consensus.mode: must be \"public\""},
        {"\"roundtime\": 1000", "\"roundtime\": 1e3", "consensus.roundtime: must be a whole"},
        {"\"exec_timeout\": 300000", "\"exec_timeout\": 9223372036854775808",
         "round_limits.exec_timeout: must be a whole number from 0 to 9223372036854775807"},
        {"\"exec_timeout\": 300000", "\"exec_timeout\": null", "round_limits.exec_timeout: must"},
        {"\"npl\": {", "\"npl\": [], \"x\": {", "npl.mode: is missing"},
    }};
    for (const auto& [from, to, message] : cases) {
        INFO(to);
        const auto config = decode_config(replaced(layout(), from, to));
        REQUIRE_FALSE(config);
        CHECK(config.error().code == std::errc::invalid_argument);
        CHECK_THAT(config.error().message, Contains(message));
    }
    const auto nothing = decode_config("{}");
    CHECK(std::count(nothing.error().message.begin(), nothing.error().message.end(), '\n') == 17);
    CHECK_THAT(decode_config("[]").error().message, Contains("must be an object"));
    CHECK(decode_config("{\"version\":").error().code == std::errc::bad_message);
}

TEST_CASE("config: verification", "[sdk][config]") {
    using Change = std::function<void(Config&)>;
    const std::vector<std::pair<Change, const char*>> cases{
        {[](Config& c) { c.version.clear(); }, "version: must not be empty"},
        {[](Config& c) { c.version = "a\"b"; }, "version: must not contain quotes"},
        {[](Config& c) { c.version = "\xff"; }, "version: must be UTF-8"},
        {[](Config& c) { c.unl.clear(); }, "unl: must name at least one node"},
        {[](Config& c) { c.unl.push_back(c.unl[0]); }, "unl[2]: is there more than once"},
        {[](Config& c) { c.unl[1] = PublicKey(); }, "unl[1]: must start with ed"},
        {[](Config& c) { c.bin_path.clear(); }, "bin_path: must not be empty"},
        {[](Config& c) { c.bin_path = std::string("a\0b", 3); },
         "bin_path: must not contain a NUL"},
        {[](Config& c) { c.bin_args = "\xc0\xaf"; }, "bin_args: must be UTF-8"},
        {[](Config& c) {
             c.environment = {{"", "x"}};
         },
         "must not be empty or contain ="},
        {[](Config& c) {
             c.environment = {{"A=B", "x"}};
         },
         "must not be empty or contain ="},
        {[](Config& c) {
             c.environment = {{"A", "1"}, {"A", "2"}};
         },
         "\"A\": is there more than"},
        {[](Config& c) {
             c.environment = {{"A", std::string(1, '\0')}};
         },
         "contain a NUL"},
        {[](Config& c) { c.consensus.roundtime_ms = 0; }, "consensus.roundtime: must be from 1 to"},
        {[](Config& c) { c.consensus.roundtime_ms = 3'600'001; }, "from 1 to 3600000"},
        {[](Config& c) { c.consensus.stage_slice_percent = 34; }, "stage_slice: must be from 1 to"},
        {[](Config& c) { c.consensus.stage_slice_percent = 0; }, "stage_slice: must be from 1 to"},
        {[](Config& c) { c.consensus.threshold_percent = 101; },
         "threshold: must be from 1 to 100"},
        {[](Config& c) { c.round_limits.exec_timeout_ms = 1ULL << 32U; }, "exec_timeout: must be"},
        {[](Config& c) { c.round_limits.proc_mem_bytes = 1ULL << 53U; },
         "round_limits.proc_mem_bytes: must be from 0 to 9007199254740991"},
        {[](Config& c) { c.round_limits.user_input_bytes = 1ULL << 53U; },
         "user_input_bytes: must"},
        {[](Config& c) { c.round_limits.user_output_bytes = 1ULL << 53U; }, "user_output_bytes: m"},
        {[](Config& c) { c.round_limits.npl_output_bytes = 1ULL << 53U; },
         "npl_output_bytes: must"},
        {[](Config& c) { c.round_limits.proc_cpu_seconds = 1ULL << 53U; },
         "proc_cpu_seconds: must"},
        {[](Config& c) { c.round_limits.proc_ofd_count = ~0ULL; }, "proc_ofd_count: must be"},
        {[](Config& c) { c.bin_args = std::string(1 << 20, 'x'); }, "the file: must not have more"},
    };
    CHECK(verify_config(make_config()));
    Config largest = make_config();
    constexpr std::uint64_t most = RoundLimits::value_max;
    largest.round_limits = {most, most, most, most, most, most, 0xFFFFFFFF};
    CHECK(verify_config(largest));
    for (const auto& [change, message] : cases) {
        INFO(message);
        Config config = make_config();
        change(config);
        const Status verified = verify_config(config);
        REQUIRE_FALSE(verified);
        CHECK(verified.error().code == std::errc::invalid_argument);
        CHECK_THAT(verified.error().message, Contains(message));
    }
    Config several;
    several.consensus.threshold_percent = 0;
    const std::string message = verify_config(several).error().message;
    CHECK(message == "unl: must name at least one node\nbin_path: must not be empty\n"
                     "consensus.threshold: must be from 1 to 100");
}

TEST_CASE("config: read, modify, update", "[sdk][config]") {
    const std::string changed = after_run(layout(), [](Context& c) {
        CHECK(read_config()->version == "1.0");
        CHECK(modify_config(c, [](Config& config) {
            config.version = "2.0";
            config.round_limits.exec_timeout_ms = 5000;
        }));
        CHECK(read_config()->version == "2.0");
    });
    CHECK(changed == replaced(replaced(layout(), "1.0", "2.0"), "300000", "5000"));

    const std::string kept = after_run(layout(), [](Context& c) {
        const Status done =
            modify_config(c, [](Config& config) { config.consensus.threshold_percent = 0; });
        CHECK_THAT(done.error().message, Contains("threshold"));
    });
    CHECK(kept == layout());

    // A broken file can be repaired, but not changed blindly.
    const std::string repaired = after_run("{broken", [](Context& c) {
        CHECK_THAT(read_config().error().message, Contains("../patch.cfg: offset 1"));
        CHECK_FALSE(modify_config(c, [](Config&) { FAIL("must not be called"); }));
        CHECK(update_config(c, make_config()));
    });
    CHECK(repaired == layout());
}

TEST_CASE("config: a missing file, a read request", "[sdk][config]") {
    const StateDir dir;
    RunSpec spec;
    spec.directory = dir.path();
    run_checked(
        [](Context& c) {
            CHECK(read_config().error().code == std::errc::no_such_file_or_directory);
            CHECK(update_config(c, make_config()));
        },
        spec);
    CHECK(dir.read("../patch.cfg") == layout());

    const std::string kept = after_run(
        layout(),
        [](Context& c) {
            CHECK(read_config());
            CHECK(update_config(c, make_config()).error().code ==
                  std::errc::operation_not_permitted);
            const Status done = modify_config(c, [](Config&) { FAIL("must not be called"); });
            CHECK(done.error().code == std::errc::operation_not_permitted);
        },
        true);
    CHECK(kept == layout());
}

TEST_CASE("config: the file is replaced in one step, mode 0644", "[sdk][config]") {
    const StateDir dir;
    dir.write("../patch.cfg", layout(), 0600);
    dir.write("../patch.cfg.tmp", "left over by a run that was killed", 0400);
    RunSpec spec;
    spec.directory = dir.path();
    spec.umask = 077;
    run_checked(
        [](Context& c) {
            CHECK(::link("../patch.cfg", "../old") == 0);
            CHECK(modify_config(c, [](Config& config) { config.version = "2.0"; }));
        },
        spec);
    CHECK(dir.read("../old") == layout());
    CHECK(dir.read("../patch.cfg") == replaced(layout(), "1.0", "2.0"));
    struct stat info {};
    REQUIRE(::stat((dir.path() + "/../patch.cfg").c_str(), &info) == 0);
    CHECK((info.st_mode & 07777U) == 0644);
    CHECK_FALSE(dir.read("../patch.cfg.tmp"));

    // Unchanged content is not written again.
    const ino_t before = info.st_ino;
    run_checked([](Context& c) { CHECK(modify_config(c, [](Config&) {})); }, spec);
    REQUIRE(::stat((dir.path() + "/../patch.cfg").c_str(), &info) == 0);
    CHECK(info.st_ino == before);
}

TEST_CASE("config: damaged files are refused or read, never worse", "[sdk][config]") {
    RandomValues random(73);
    int refused = 0;
    for (int i = 0; i < 5000; ++i) {
        std::string text = layout();
        random.damage(text);
        const auto config = decode_config(text);
        if (config)
            REQUIRE(decode_config(encode_config(*config)));
        else
            ++refused;
    }
    CHECK(refused > 1000);
}
