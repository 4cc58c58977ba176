// SPDX-License-Identifier: Apache-2.0
//
// The programs of docs/contracts-c.md do what the page says.
//
// Threads: one.
#include "c_run.hpp"

using namespace hp::test;

namespace {

Strings ask(RunSpec& spec) {
    const RunOutcome run = run_process(spec);
    CHECK(run.err.empty());
    CHECK(run.exit_code == 0);
    return split_messages(run.outputs.at(make_key(1)));
}

} // namespace

TEST_CASE("c guide: the counter", "[c]") {
    const StateDir dir;
    RunSpec spec;
    spec.program = HP_DOC_COUNTER;
    spec.directory = dir.path();
    spec.users = {{make_key(1), {"a", "b"}}};
    CHECK(ask(spec) == Strings{"1: a", "2: b"});
    CHECK(ask(spec) == Strings{"3: a", "4: b"});
    CHECK(dir.read("count").value_or("") == "4");
    spec.readonly = true;
    spec.users[0].inputs = {"how many"};
    CHECK(ask(spec) == Strings{"4: how many"});
}

TEST_CASE("c guide: the vote", "[c]") {
    const StateDir dir;
    RunSpec spec;
    spec.program = HP_DOC_NPL;
    spec.args = {"70"};
    spec.directory = dir.path();
    spec.users = {{make_key(1), {}}};
    CHECK(ask(spec) == Strings{"70 by 1 votes"});
    spec.npl_packets = {make_key(2), "42"};
    CHECK(ask(spec) == Strings{"42 by 1 votes"}); // the UNL has one node
}

TEST_CASE("c guide: the round time", "[c]") {
    const StateDir dir;
    dir.write("../patch.cfg", plain_patch());
    RunSpec spec;
    spec.program = HP_DOC_CONFIG;
    spec.directory = dir.path();
    spec.users = {{make_key(1), {"slower", "what", "slower"}}};
    CHECK(ask(spec) == Strings{"yes", "yes"});
    CHECK(dir.read("../patch.cfg").value_or("") == replaced(plain_patch(), "1000", "4000"));
    dir.write("../patch.cfg", replaced(plain_patch(), "1000", "30001"));
    CHECK(ask(spec) == Strings{"no", "no"});
}
