// SPDX-License-Identifier: Apache-2.0
// Contracts cannot write to a frozen directory; the node can, and nothing stays mounted.
#include <cerrno>
#include <fstream>
#include <sstream>

#include <catch2/catch.hpp>

#include "contract/launcher.hpp"
#include "temp_dir.hpp"

using namespace hp;
using namespace hp::contract;

namespace {

// Exit code of `sh -c script` run by the launcher in `directory`.
int shell(Launcher& launcher, const std::filesystem::path& directory, const std::string& script) {
    SpawnRequest request;
    request.state_dir = directory.string();
    request.bin_path = "/bin/sh";
    request.args = {"-c", script};
    auto process = launcher.spawn(request);
    REQUIRE(process);
    const auto report = process->read_report();
    REQUIRE(report);
    REQUIRE(report->started());
    return report->code;
}

std::string mounts() {
    std::ifstream file("/proc/self/mounts");
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

} // namespace

TEST_CASE("a frozen directory is read-only for contracts alone") {
    const test::TempDir dir;
    std::filesystem::create_directories(dir / "view/state");
    std::filesystem::create_directories(dir / "live");
    std::ofstream(dir / "view/state/file") << "content";
    auto launcher = Launcher::start({});
    REQUIRE(launcher);
    const auto frozen = (*launcher)->freeze((dir / "view").string());
    if (!frozen) {
        WARN("not possible here: " << frozen.err().context);
        CHECK(frozen.err().code == Errc::unsupported);
        return;
    }
    CHECK(shell(**launcher, dir / "view/state", "grep -q content file") == 0);
    CHECK(shell(**launcher, dir / "view/state", "echo x > file") != 0);
    CHECK(shell(**launcher, dir / "view/state", "rm file") != 0);
    CHECK(shell(**launcher, dir / "view/state", "echo x > other") != 0);
    CHECK(shell(**launcher, dir / "live", "echo x > file") == 0);

    std::ofstream(dir / "view/state/file") << "changed by the node";
    CHECK(shell(**launcher, dir / "view/state", "grep -q changed file") == 0);
    CHECK(mounts().find(dir.path().string()) == std::string::npos);
}

TEST_CASE("freezing what is not there is refused and harms nothing") {
    const test::TempDir dir;
    auto launcher = Launcher::start({});
    REQUIRE(launcher);
    CHECK_FALSE((*launcher)->freeze((dir / "missing").string()));
    CHECK_FALSE((*launcher)->freeze(""));
    CHECK(shell(**launcher, dir.path(), "exit 7") == 7);
}
