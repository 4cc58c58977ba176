// SPDX-License-Identifier: Apache-2.0
// What contracts are kept from, attacked by shell scripts run as contracts in a directory laid out
// like a node's. What a machine does not allow is reported as lacking, and not expected.
#include <cerrno>
#include <csignal>
#include <fstream>
#include <sstream>

#include <sys/wait.h>

#include <catch2/catch.hpp>

#include "contract/launch_protocol.hpp"
#include "contract/launcher.hpp"
#include "hp/base/limits.hpp"
#include "run_fixture.hpp"
#include "temp_dir.hpp"

using namespace hp;
using namespace hp::contract;

namespace {

// A node's directory with a launcher of its own.
struct Jail {
    test::TempDir dir;
    std::unique_ptr<Launcher> launcher;
    Protection protection;

    Jail() {
        for (const char* name : {"cfg", "ledger_fs", "log", "contract_fs/seed/state",
                                 "contract_fs/base/state", "contract_fs/deltas"}) {
            std::filesystem::create_directories(dir / name);
        }
        std::ofstream(dir / "cfg/hp.cfg") << "secret";
        std::ofstream(dir / "contract_fs/seed/state/file") << "content";
        std::ofstream(dir / "contract_fs/base/state/file") << "content";
        std::filesystem::create_symlink("../seed/private", dir / "contract_fs/base/private");
        std::ofstream(dir / "contract_fs/seed/private") << "mine";
        auto started = Launcher::start({});
        REQUIRE(started);
        launcher = std::move(*started);
    }
    Confinement confinement(config::Sandbox sandbox, bool reader) const {
        Confinement out;
        out.sandbox = sandbox;
        out.node_dir = dir.path().string();
        out.view = reader ? "" : (dir / "contract_fs/seed").string();
        for (const char* name : {"cfg", "ledger_fs", "log", "contract_fs/deltas"}) {
            out.hidden.push_back((dir / name).string());
        }
        return out;
    }
    void confine(config::Sandbox sandbox, bool reader) {
        const auto done = launcher->confine(confinement(sandbox, reader));
        INFO((done ? "" : done.err().context));
        REQUIRE(done);
        protection = *done;
        INFO(describe(protection));
    }
    // Exit code of `sh -c script`, -signal, or -1000 when it was not started.
    int shell(const std::string& script, const std::string& where = "contract_fs/seed/state",
              std::optional<config::RunAs> run_as = std::nullopt) {
        SpawnRequest request;
        request.state_dir = (dir / where).string();
        request.bin_path = "/bin/sh";
        request.args = {"-c", script};
        request.environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
        request.run_as = run_as;
        auto process = launcher->spawn(request);
        REQUIRE(process);
        const auto report = process->read_report();
        REQUIRE(report);
        INFO(to_string(report->failed_step));
        if (!report->started()) {
            return -1000;
        }
        return report->signaled ? -report->code : report->code;
    }
    std::string content(const char* name) const { return test::read_text(dir / name); }
};

// Not root in a user namespace that may make no mount namespaces.
bool may_mount() {
    return ::geteuid() == 0 && std::system("unshare -m true 2>/dev/null") == 0; // NOLINT
}

const char* const reads_state = "contract_fs/base/state";

} // namespace

TEST_CASE("read-only runs cannot write anywhere in the node's directory", "[sandbox]") {
    const auto sandbox =
        GENERATE(config::Sandbox::off, config::Sandbox::automatic, config::Sandbox::strict);
    Jail jail;
    if (const auto done = jail.launcher->confine(jail.confinement(sandbox, true)); !done) {
        WARN("not possible here: " << done.err().context);
        CHECK(done.err().code == Errc::unsupported);
        CHECK(sandbox == config::Sandbox::strict);
        return;
    } else if (jail.protection = *done; !jail.protection.keeps_writes_out()) {
        WARN("no protection here: " << describe(jail.protection));
        return;
    }
    CHECK(jail.shell("grep -q content file", reads_state) == 0);
    CHECK(jail.shell("grep -q mine ../private", reads_state) == 0);
    for (const char* attack :
         {"echo x > file",
          "echo x >> file",
          ": > file",
          "rm file",
          "mv file other",
          "echo x > new",
          "mkdir new",
          "ln file new",
          "ln -s file new",
          "rmdir .",
          "truncate -s 0 file",
          "echo x > ../../seed/state/file",
          "rm ../../seed/state/file",
          "echo x > ../private",
          "echo x > ../../deltas/1",
          "echo x > ../../../log/x",
          "mount -o remount,rw ../../.. && echo x > file",
          "mount -o remount,rw,bind ../../.. ; echo x > file",
          "umount -l ../../..; echo x > file",
          "unshare -rm sh -c 'mount -o remount,rw,bind ../../..; echo x > file'",
          "unshare -m sh -c 'umount -l ../../..; echo x > file'"}) {
        CAPTURE(attack);
        CHECK(jail.shell(attack, reads_state) != 0);
        CHECK(jail.content("contract_fs/base/state/file") == "content");
        CHECK(jail.content("contract_fs/seed/state/file") == "content");
        CHECK(jail.content("contract_fs/seed/private") == "mine");
    }
    CHECK_FALSE(std::filesystem::exists(jail.dir / "contract_fs/base/state/new"));
    if (sandbox == config::Sandbox::off) {
        CHECK(jail.shell("echo x > /dev/shm/hp_reader_$$ && rm /dev/shm/hp_reader_$$",
                         reads_state) == 0);
    }
    // The node sees through it, and nothing stays mounted.
    std::ofstream(jail.dir / "contract_fs/base/state/file") << "changed by the node";
    CHECK(jail.shell("grep -q changed file", reads_state) == 0);
    CHECK(test::read_text("/proc/self/mounts").find(jail.dir.path().string()) == std::string::npos);
}

TEST_CASE("sandboxed consensus runs write to their view and see nothing of the node", "[sandbox]") {
    const auto sandbox = GENERATE(config::Sandbox::automatic, config::Sandbox::strict);
    Jail jail;
    if (const auto done = jail.launcher->confine(jail.confinement(sandbox, false)); !done) {
        WARN("not possible here: " << done.err().context);
        CHECK(sandbox == config::Sandbox::strict);
        return;
    } else {
        jail.protection = *done;
    }
    CHECK(jail.shell("echo x > new && mv new ../moved && mv ../moved moved && rm moved") == 0);
    CHECK(jail.shell("mkdir ../dir && mv ../dir . && rmdir dir && echo y > ../private") == 0);
    CHECK(jail.content("contract_fs/seed/private") == "y\n");
    if (jail.protection.keeps_writes_out()) {
        CHECK(jail.shell("cat ../../../cfg/hp.cfg") != 0);
        CHECK(jail.shell("echo x > ../../../cfg/hp.cfg") != 0);
        CHECK(jail.shell("echo x > ../../base/state/file") != 0);
        CHECK(jail.shell("echo x > ../../deltas/1") != 0);
    }
    CHECK(jail.content("cfg/hp.cfg") == "secret");
    CHECK(jail.content("contract_fs/base/state/file") == "content");
    CHECK(jail.shell("kill -INT $$; sleep 5") == -SIGINT); // not protected from its own signals
    if (jail.protection.processes) {
        CHECK(jail.shell("[ $$ -lt 100 ] && [ $PPID = 1 ]") == 0);
        CHECK(jail.shell("kill -KILL $PPID; kill -STOP $PPID; exit 7") == 7);
        CHECK(jail.shell("kill -KILL -1; exit 8") == 8); // only itself is there
    }
    if (jail.protection.fresh_proc) {
        CHECK(jail.shell("[ -d /proc/$$ ] && [ $(ls -d /proc/[0-9]* | wc -l) -lt 10 ]") == 0);
    }
}

TEST_CASE("strict: no network, nothing else to write to, a private /tmp", "[sandbox]") {
    Jail jail;
    if (const auto done = jail.launcher->confine(jail.confinement(config::Sandbox::strict, false));
        !done) {
        WARN("not possible here: " << done.err().context);
        return;
    }
    CHECK(jail.shell("[ $(tail -n +3 /proc/net/dev | wc -l) = 1 ]") == 0);
    CHECK(jail.shell("echo x > /etc/hp_test") != 0);
    CHECK(jail.shell("echo x > /var/hp_test") != 0);
    CHECK(jail.shell("echo x > /tmp/hp_test && grep -q x /tmp/hp_test") == 0);
    CHECK_FALSE(std::filesystem::exists("/tmp/hp_test"));
    CHECK(jail.shell("mount -t tmpfs x /mnt") != 0);
    CHECK(jail.shell("unshare -r true") != 0);
    CHECK(jail.shell("grep -q 'NoNewPrivs:.1' /proc/self/status") == 0);
    CHECK(jail.shell("grep -q 'Seccomp:.2' /proc/self/status") == 0);
    CHECK(jail.shell("grep -q 'CapEff:.0*$' /proc/self/status") == 0);
}

TEST_CASE("nothing of a run is left when it has ended, wherever it went", "[sandbox]") {
    const auto sandbox = GENERATE(config::Sandbox::off, config::Sandbox::automatic);
    Jail jail;
    jail.confine(sandbox, false);
    // A daemon: own session, own group, orphaned, and one that ignores what it can.
    CHECK(jail.shell("setsid sh -c 'trap \"\" TERM HUP INT; (while :; do echo t >> ticks; sleep "
                     "0.01; done) &' & sleep 0.2") == 0);
    const std::string ticks = jail.content("contract_fs/seed/state/ticks");
    CHECK_FALSE(ticks.empty());
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    CHECK(jail.content("contract_fs/seed/state/ticks") == ticks);
    CHECK(test::processes_in(jail.dir / "contract_fs/seed/state").empty());
}

TEST_CASE("a supervisor that its contract stops goes on", "[sandbox]") {
    Jail jail;
    jail.confine(config::Sandbox::off, false);
    CHECK(jail.shell("kill -STOP $PPID; exit 9") == 9);
}

TEST_CASE("what a contract mounts is gone after its run", "[sandbox]") {
    const auto sandbox = GENERATE(config::Sandbox::off, config::Sandbox::automatic);
    Jail jail;
    jail.confine(sandbox, false);
    const int mounted = jail.shell("mkdir -p m && mount -t tmpfs x m && echo x > m/new && "
                                   "mount -t tmpfs x ../../.. && echo x > ../../../new");
    CAPTURE(mounted);
    if (may_mount() && sandbox == config::Sandbox::off) {
        CHECK(mounted == 0);
    }
    CHECK_FALSE(std::filesystem::exists(jail.dir / "contract_fs/seed/state/m/new"));
    CHECK(jail.content("contract_fs/seed/state/file") == "content");
    CHECK(jail.shell("[ ! -e m/new ] && grep -q content file") == 0);
    CHECK(test::read_text("/proc/self/mounts").find(jail.dir.path().string()) == std::string::npos);
}

TEST_CASE("the processes of a contract with a user of its own are numbered", "[sandbox]") {
    if (::geteuid() != 0) {
        return;
    }
    const auto sandbox = GENERATE(config::Sandbox::automatic, config::Sandbox::strict);
    constexpr config::RunAs user{231'071, 231'071};
    Jail jail;
    if (const auto done = jail.launcher->confine(jail.confinement(sandbox, false)); !done) {
        WARN("not possible here: " << done.err().context);
        return;
    }
    if (jail.shell("true", "contract_fs/seed/state", user) != 0) {
        WARN("no such user here");
        return;
    }
    const std::string limit = "Max processes *" + std::to_string(limits::run_processes_max);
    CHECK(jail.shell("grep -q '" + limit + "' /proc/self/limits", "contract_fs/seed/state", user) ==
          0);
}

TEST_CASE("confining to what is not there says so and harms nothing", "[sandbox]") {
    Jail jail;
    Confinement confinement = jail.confinement(config::Sandbox::automatic, false);
    confinement.view = (jail.dir / "missing").string();
    const auto done = jail.launcher->confine(confinement);
    REQUIRE(done);
    CHECK_FALSE(done->lacking.empty());
    CHECK(jail.shell("exit 7") == 7);
}

TEST_CASE("a confinement and its answer survive their way") {
    Protection protection;
    protection.mounts = protection.fresh_proc = protection.cgroup = true;
    protection.landlock_abi = 7;
    protection.lacking = {"a", "b (c)"};
    const auto back = decode_protection(encode_protection(protection));
    REQUIRE(back);
    CHECK(*back == protection);
    CHECK(decode_protection(encode_protection(fail(Errc::unsupported, "why"))).err().context ==
          "why");
    CHECK_FALSE(decode_protection({}));
}
