// SPDX-License-Identifier: Apache-2.0
//
// patch.cfg through the C contract library. What it writes is compared with the node's own codec,
// and in test_c_stringify.cpp with JSON.stringify().
//
// Threads: one.
#include "c_run.hpp"

#include <hp/config/config_io.hpp>
#include <hp/contract/config.hpp>

#include <filesystem>

#include <sys/stat.h>
#include <unistd.h>

using namespace hp::test;
using Catch::Matchers::Contains;

namespace {

std::string run_config(const StateDir& dir, Strings args, std::string* err = nullptr) {
    const std::string program = GENERATE(from_range(api_programs()));
    RunSpec spec = make_api_run(program, std::move(args));
    spec.directory = dir.path();
    const RunOutcome run = run_process(spec);
    CHECK(run.signal == 0);
    CHECK(run.exit_code == 0);
    if (err != nullptr)
        *err = run.err;
    return run.out;
}

/// Node and C++ SDK take it and would write the same bytes.
void check_canonical(const std::string& text) {
    const auto bytes = std::as_bytes(std::span(text));
    const hp::config::DecodedPatch decoded = hp::config::decode_patch(
        {reinterpret_cast<const std::uint8_t*>(bytes.data()), text.size()});
    for (const auto& problem : decoded.problems)
        CHECK(problem.path + ": " + problem.what == "");
    CHECK(hp::config::encode_patch(decoded.patch) == text);
    const auto config = hp::contract::decode_config(text);
    REQUIRE(config);
    CHECK(hp::contract::verify_config(*config));
    CHECK(hp::contract::encode_config(*config) == text);
}

Strings every_change() {
    return {"config_set",
            "version=2.0 \xc3\xa9\xf0\x9f\x98\x80",
            "bin_path=/usr/bin/node",
            "bin_args=a \"b\" c:\\d\t\b\f\n\r\x01\x1f\x7f/",
            "unl=" + make_key(9) + "," + make_key(3) + ",ED" + std::string(64, 'A'),
            "environment=ZEBRA:last",
            "environment=ALPHA:first \"quoted\"",
            "environment=empty:",
            "max_input_ledger_offset=65535",
            "mode=public",
            "roundtime=3600000",
            "stage_slice=33",
            "threshold=100",
            "npl_mode=public",
            "user_input_bytes=1",
            "user_output_bytes=9007199254740991",
            "npl_output_bytes=3",
            "proc_cpu_seconds=4",
            "proc_mem_bytes=5",
            "proc_ofd_count=6",
            "exec_timeout=4294967295"};
}

} // namespace

TEST_CASE("c config: nothing changed, nothing changes", "[c]") {
    const StateDir dir;
    dir.write("../patch.cfg", plain_patch());
    check_canonical(plain_patch());
    CHECK(run_config(dir, {"config_set"}) == "update: 0\n");
    CHECK(dir.read("../patch.cfg").value_or("") == plain_patch());
    CHECK_FALSE(std::filesystem::exists(beside(dir, "patch.cfg.tmp")));
}

TEST_CASE("c config: every field is written and read back", "[c]") {
    const StateDir dir;
    dir.write("../patch.cfg", plain_patch());
    CHECK(run_config(dir, every_change()) == "update: 0\n");
    const std::string written = dir.read("../patch.cfg").value_or("");
    check_canonical(written);
    const std::string upper = "ed" + std::string(64, 'a');
    CHECK(run_config(dir, {"config_show"}) ==
          "version 2.0 \xc3\xa9\xf0\x9f\x98\x80\nbin_path /usr/bin/node\n"
          "bin_args a \"b\" c:\\d\t\b\f\n\r\x01\x1f\x7f/\nunl " +
              make_key(3) + "\nunl " + make_key(9) + "\nunl " + upper +
              "\nenvironment ALPHA first \"quoted\"\nenvironment ZEBRA last\nenvironment empty \n"
              "numbers 65535 3600000 33 100 3600000 33\nmodes public public\n"
              "limits 1 9007199254740991 3 4 5 6 4294967295\n");
    CHECK(run_config(dir, {"config_set"}) == "update: 0\n");
    CHECK(dir.read("../patch.cfg").value_or("") == written);
}

TEST_CASE("c config: unknown members stay, at the end of their object", "[c]") {
    const StateDir dir;
    std::string text = replaced(plain_patch(), "{\n",
                                "{\n\"first\": {\"b\":[1,-2.50e3,{}],\"a\""
                                ":\"\\u0041\\u0001\\ud83d\\ude00\"},\n");
    text = replaced(text, "\"stage_slice\"", "\"eager\": true, \"stage_slice\"");
    text = replaced(text, "\"mode\": \"private\"\n    },\n    \"round",
                    "\"mode\": \"private\", "
                    "\"relay\": []}, \"round");
    text = replaced(text, "\"exec_timeout\": 300000", "\"exec_timeout\": 300000, \"disk\": null");
    dir.write("../patch.cfg", text);
    CHECK(run_config(dir, {"config_set", "version=3"}) == "update: 0\n");
    std::string expected = replaced(plain_patch(), "\"1.0\"", "\"3\"");
    expected = replaced(expected, "80\n    }", "80,\n        \"eager\": true\n    }");
    expected = replaced(expected, "\"private\"\n    },\n    \"round_limits\"",
                        "\"private\",\n        \"relay\": []\n    },\n    \"round_limits\"");
    expected = replaced(expected, "300000\n    }\n}",
                        "300000,\n        \"disk\": null\n    },\n    \"first\": {\n        \"b\": "
                        "[\n            1,\n            -2.50e3,\n            {}\n        ],\n"
                        "        \"a\": \"A\\u0001\xf0\x9f\x98\x80\"\n    }\n}");
    CHECK(dir.read("../patch.cfg").value_or("") == expected);
}

TEST_CASE("c config: the older names of roundtime and stage_slice", "[c]") {
    const StateDir dir;
    dir.write("../patch.cfg", plain_patch());
    CHECK(run_config(dir, {"config_set", "older_roundtime=2000", "older_stage_slice=30"}) ==
          "update: 0\n");
    CHECK(dir.read("../patch.cfg").value_or("") ==
          replaced(replaced(plain_patch(), "1000", "2000"), "25", "30"));
    dir.write("../patch.cfg", plain_patch());
    CHECK(run_config(dir, {"config_set", "older_roundtime=2000", "roundtime=2000"}) ==
          "update: 0\n");
    dir.write("../patch.cfg", plain_patch());
    CHECK(run_config(dir, {"config_set", "older_roundtime=0", "roundtime=2000"}) == "update: 0\n");
    dir.write("../patch.cfg", plain_patch());
    CHECK(run_config(dir, {"config_set", "older_roundtime=3000", "roundtime=2000"}) ==
          "update: -1 EINVAL\n");
    CHECK(dir.read("../patch.cfg").value_or("") == plain_patch());
}

TEST_CASE("c config: a bad value is refused and changes nothing", "[c]") {
    const StateDir dir;
    dir.write("../patch.cfg", plain_patch());
    const std::string change =
        GENERATE(as<std::string>{}, "version=", "version=NULL", "version=a\"b", "version=a\\b",
                 "version=a\tb", "version=\x7f", "version=\xff", "bin_path=", "bin_path=NULL",
                 "bin_path=\xc3", "bin_args=NULL", "bin_args=\xed\xa0\x80", "unl=", "unl=ed00",
                 "unl="
                 "ee"
                 "0000000000000000000000000000000000000000000000000000000000000000",
                 "unl="
                 "ed"
                 "000000000000000000000000000000000000000000000000000000000000000g",
                 "environment=:x", "environment=a=b:x", "environment=a:\xff", "environment=\xff:a",
                 "mode=2", "npl_mode=7", "roundtime=0", "roundtime=3600001", "stage_slice=0",
                 "stage_slice=34", "threshold=0", "threshold=101", "exec_timeout=4294967296",
                 "proc_mem_bytes=9007199254740992", "user_output_bytes=18446744073709551615");
    std::string err;
    CHECK(run_config(dir, {"config_set", change}, &err) == "update: -1 EINVAL\n");
    CHECK_THAT(err, Contains("hotpocket_contract: "));
    CHECK(dir.read("../patch.cfg").value_or("") == plain_patch());
    CHECK_FALSE(std::filesystem::exists(beside(dir, "patch.cfg.tmp")));
}

TEST_CASE("c config: duplicates are refused", "[c]") {
    const StateDir dir;
    dir.write("../patch.cfg", plain_patch());
    const std::string upper = "ED" + std::string(64, 'A');
    CHECK(run_config(dir, {"config_set", "unl=" + upper + ",ed" + std::string(64, 'a')}) ==
          "update: -1 EINVAL\n");
    CHECK(run_config(dir, {"config_set", "environment=a:1", "environment=a:2"}) ==
          "update: -1 EINVAL\n");
    CHECK(dir.read("../patch.cfg").value_or("") == plain_patch());
}

TEST_CASE("c config: more than nodes accept", "[c]") {
    const StateDir dir;
    dir.write("../patch.cfg", replaced(plain_patch(), "\"bin_args\": \"\"",
                                       "\"bin_args\": \"" + std::string(1'047'000, 'x') + "\""));
    CHECK(run_config(dir, {"config_set"}) == "update: 0\n");
    CHECK(run_config(dir, {"config_set", "environment=name:" + std::string(2000, 'y')}) ==
          "update: -1 EFBIG\n");
    dir.write("../patch.cfg", plain_patch() + std::string(1'048'576, ' '));
    CHECK(run_config(dir, {"config_show"}) == "get: NULL EFBIG\n");
}

TEST_CASE("c config: files that are not a configuration", "[c]") {
    const StateDir dir;
    CHECK(run_config(dir, {"config_show"}) == "get: NULL ENOENT\n");
    const auto show = [&dir](const std::string& text) {
        dir.write("../patch.cfg", text);
        return run_config(dir, {"config_show"});
    };
    const std::string bad = "get: NULL EINVAL\n";
    CHECK(show("") == bad);
    CHECK(show("[]") == bad);
    CHECK(show(plain_patch() + "}") == bad);
    for (std::size_t size = 1; size < plain_patch().size(); size += 97)
        CHECK(show(plain_patch().substr(0, size)) == bad);
    for (const char* name : {"version", "unl", "bin_args", "threshold", "npl", "exec_timeout"})
        CHECK(show(replaced(plain_patch(), "\"" + std::string(name) + "\"", "\"other\"")) == bad);
    CHECK(show(replaced(plain_patch(), "80", "65536")) == bad);
    CHECK(show(replaced(plain_patch(), "80", "\"80\"")) == bad);
    CHECK(show(replaced(plain_patch(), "\"1.0\"", "\"1\\u00000\"")) == bad);
    CHECK(show(replaced(plain_patch(), "\"private\"", "\"secret\"")) == bad);
    CHECK(show(replaced(plain_patch(), "\"environment\": {}", "\"environment\": {\"a\":1}")) ==
          bad);
    CHECK(show(replaced(plain_patch(), "\"bin_args\"", "\"version\"")) == bad);
    CHECK(show(replaced(plain_patch(), node_key(), node_key() + "0")) == bad);
    CHECK(show(replaced(plain_patch(), "{", R"({"x":1,"\u0078":2,)")) == bad);
    CHECK(show(replaced(plain_patch(), "{", R"({"x":[{"a\u0000":1,"a":2,"a\u0000":3}],)")) == bad);
    CHECK_THAT(show(replaced(plain_patch(), "{", R"({"x":[{"a\u0000":1,"a":2},{"a":3}],)")),
               Contains("version 1.0"));
}

TEST_CASE("c config: a configuration made from nothing repairs a broken file", "[c]") {
    const StateDir dir;
    const Strings build = {"config_build", "version=1.0",         "bin_path=/usr/bin/contract",
                           "bin_args=",    "unl=" + node_key(),   "max_input_ledger_offset=10",
                           "mode=private", "roundtime=1000",      "stage_slice=25",
                           "threshold=80", "exec_timeout=300000", "npl_mode=private"};
    for (const char* before :
         {"", "{\"version\": \"1.0\", \"unl\": [", "{\"extra\":1}", "{\"extra\":1,\"extra\":2}"}) {
        dir.write("../patch.cfg", before);
        CHECK(run_config(dir, build) == "update: 0\n");
        CHECK(dir.read("../patch.cfg").value_or("") == plain_patch());
    }
    std::filesystem::remove(beside(dir, "patch.cfg"));
    CHECK(run_config(dir, build) == "update: 0\n");
    CHECK(dir.read("../patch.cfg").value_or("") == plain_patch());
    CHECK(run_config(dir, {"config_build"}) == "update: -1 EINVAL\n");
}

TEST_CASE("c config: replaced in one step, with the mode it had", "[c]") {
    const StateDir dir;
    const std::string path = beside(dir, "patch.cfg");
    dir.write("../patch.cfg", plain_patch());
    REQUIRE(::chmod(path.c_str(), 0604) == 0);
    std::filesystem::create_hard_link(path, beside(dir, "before"));
    dir.write("../patch.cfg.tmp", "left over by a run that was killed");
    const mode_t old_umask = ::umask(077);
    CHECK(run_config(dir, {"config_set", "version=2"}) == "update: 0\n");
    ::umask(old_umask);
    CHECK(dir.read("../before").value_or("") == plain_patch());
    CHECK(dir.read("../patch.cfg").value_or("") == replaced(plain_patch(), "1.0", "2"));
    struct stat info {};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    CHECK((info.st_mode & 07777U) == 0604);
    CHECK_FALSE(std::filesystem::exists(beside(dir, "patch.cfg.tmp")));
}

TEST_CASE("c config: a link where the new file goes is not followed", "[c]") {
    const StateDir dir;
    dir.write("../patch.cfg", plain_patch());
    dir.write("../victim", "untouched");
    std::filesystem::create_symlink("victim", beside(dir, "patch.cfg.tmp"));
    CHECK(run_config(dir, {"config_set", "version=2"}) == "update: 0\n");
    CHECK(dir.read("../victim").value_or("") == "untouched");
    std::filesystem::create_directory(beside(dir, "patch.cfg.tmp"));
    CHECK_THAT(run_config(dir, {"config_set", "version=3"}), Contains("update: -1"));
    CHECK(dir.read("../patch.cfg").value_or("") == replaced(plain_patch(), "1.0", "2"));
}

TEST_CASE("c config: a read request sees it but cannot change it", "[c]") {
    const StateDir dir;
    dir.write("../patch.cfg", plain_patch());
    RunSpec spec = make_api_run(GENERATE(from_range(api_programs())), {"config_show"});
    spec.directory = dir.path();
    spec.readonly = true;
    CHECK_THAT(run_process(spec).out, Contains("version 1.0\n"));
    spec.args = {"config_set", "version=2"};
    CHECK(run_process(spec).out == "update: -1 EACCES\n");
    CHECK(dir.read("../patch.cfg").value_or("") == plain_patch());
}

TEST_CASE("c config: strings with and without their NUL", "[c]") {
    const StateDir dir;
    CHECK(run_config(dir, {"config_strings"}) == "2.0 3\n2.0 3\n 0\nno config: -1 EINVAL\n");
}
