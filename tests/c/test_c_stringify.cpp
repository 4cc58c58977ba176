// SPDX-License-Identifier: Apache-2.0
//
// The Node.js contract library writes patch.cfg with JSON.stringify(config, null, 4), and the bytes
// of the file are what nodes agree on. A contract in C must write the same ones.
//
// Threads: one.
#include "c_run.hpp"

#include <array>
#include <cstdio>

using namespace hp::test;

namespace {

/// What Node.js writes after running `statements` on the configuration `config` in `path`.
std::string stringify(const std::string& path, const std::string& statements) {
    const std::string script = "const config = JSON.parse(require('fs').readFileSync('" + path +
                               "', 'utf8')); " + statements +
                               "; process.stdout.write(JSON.stringify(config, null, 4));";
    const std::string command = HP_NODE " -e \"" + script + "\"";
    FILE* pipe = ::popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    std::string out;
    std::array<char, 4096> buffer;
    for (std::size_t got = 1; got > 0; out.append(buffer.data(), got))
        got = std::fread(buffer.data(), 1, buffer.size(), pipe);
    CHECK(::pclose(pipe) == 0);
    return out;
}

void check_same(const Strings& changes, const std::string& statements,
                const std::string& before = plain_patch()) {
    const StateDir dir;
    dir.write("../patch.cfg", before);
    const std::string expected = stringify(beside(dir, "patch.cfg"), statements);
    Strings args = {"config_set"};
    args.insert(args.end(), changes.begin(), changes.end());
    RunSpec spec = make_api_run(HP_API_CONTRACT, args);
    spec.directory = dir.path();
    CHECK(run_process(spec).out == "update: 0\n");
    CHECK(dir.read("../patch.cfg").value_or("") == expected);
}

} // namespace

TEST_CASE("c config: the bytes of JSON.stringify", "[c]") {
    check_same({}, "");
    check_same({"version=2.0 \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
               "config.version = '2.0 \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80'");
    check_same({"bin_args=\x01\x02\x08\x09\x0a\x0b\x0c\x0d\x1e\x1f\x7f/\xe2\x80\xa8\\"},
               R"(config.bin_args = '\\x01\\x02\\b\\t\\n\\v\\f\\r\\x1e\\x1f\\x7f/\\u2028\\\\')");
    check_same({"bin_path=\"quoted\""}, R"(config.bin_path = '\"quoted\"')");
    check_same({"environment=A:1", "environment=B:\"", "environment=C:"},
               R"(config.environment = {A: '1', B: '\"', C: ''})");
    check_same({"unl=" + make_key(1) + "," + make_key(2) + "," + make_key(3)},
               "config.unl = ['" + make_key(1) + "', '" + make_key(2) + "', '" + make_key(3) +
                   "']");
    check_same({"roundtime=2000", "threshold=66", "mode=public", "npl_mode=public",
                "exec_timeout=0", "proc_mem_bytes=9007199254740991"},
               "Object.assign(config.consensus, {roundtime: 2000, threshold: 66, mode: 'public'}); "
               "config.npl.mode = 'public'; config.round_limits.exec_timeout = 0; "
               "config.round_limits.proc_mem_bytes = 9007199254740991");
}

TEST_CASE("c config: unknown members as JSON.stringify writes them", "[c]") {
    const std::string before =
        replaced(plain_patch(), "300000\n    }\n}",
                 "300000, \"extra\": [[], {}, [1, \"\\u00e9\\/\\ud83d\\ude00\\u001f\"]]},"
                 "\"more\":{\"a\":null,\"b\":[true,false],\"c\":-12.5}}");
    check_same({"version=2"}, "config.version = '2'", before);
}
