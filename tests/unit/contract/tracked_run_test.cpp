// SPDX-License-Identifier: Apache-2.0
// Runs that reach their files through a view of their own: what it says they have written, and what
// is left of it, whoever dies.
#include <csignal>
#include <fstream>

#include <catch2/catch.hpp>
#include <sys/stat.h>

#include "run_fixture.hpp"

using namespace hp;
using namespace hp::contract;

namespace {

constexpr std::size_t block = 64 * 1024;
constexpr std::size_t blocks = 40;

// A node's directory and a contract that is a shell script.
class TrackedNode {
public:
    explicit TrackedNode(config::Sandbox sandbox = config::Sandbox::automatic)
        : launcher_(test::RunFixture::start_launcher()), stop_(test::RunFixture::make_stop()) {
        std::filesystem::permissions(dir_.path(), std::filesystem::perms(0755));
        std::filesystem::create_directories(state());
        std::ofstream(large()) << std::string(blocks * block, 'x');
        Confinement confinement;
        confinement.sandbox = sandbox;
        confinement.node_dir = dir_.path().string();
        confinement.view = (dir_ / "contract_fs/seed").string();
        confinement.track = true;
        const auto done = launcher_->confine(confinement);
        if (!done) {
            problem_ = done.err().context;
        } else if (!done->tracking) {
            problem_ = done->no_tracking;
        }
    }

    // Says so.
    bool is_impossible() const {
        if (!problem_.empty()) {
            WARN("skipped: " << problem_);
        }
        return !problem_.empty();
    }

    std::filesystem::path state() const { return dir_ / "contract_fs/seed/state"; }
    std::filesystem::path large() const { return state() / "large"; }
    Launcher& launcher() { return *launcher_; }

    RunSpec spec(const std::string& script) const {
        write_script("contract.sh", script);
        RunSpec spec = test::make_child_spec(state());
        spec.bin_path = "contract.sh";
        spec.environment = {{"PATH", "/usr/sbin:/usr/bin:/sbin:/bin"}};
        spec.tracked = true;
        return spec;
    }
    void write_script(const char* name, const std::string& script) const {
        std::ofstream(state() / name) << "#!/bin/sh\n" << script;
        std::filesystem::permissions(state() / name, std::filesystem::perms(0755));
    }
    RunResult run(const RunSpec& spec) {
        RunResult result = run_contract(*launcher_, spec, {}, stop_, Log());
        INFO(describe(result));
        CHECK(is_idle());
        return result;
    }
    RunResult run(const std::string& script) { return run(spec(script)); }

    // No process serves a view any more, and nobody here has seen one.
    bool is_idle() const {
        const bool gone = test::wait_until([] { return view_servers().empty(); });
        return gone &&
               test::read_text("/proc/self/mountinfo").find("hpnode-view") == std::string::npos;
    }
    static std::vector<int> view_servers() {
        std::vector<int> out;
        for (const int helper : test::children_of(::getpid())) {
            for (const int child : test::children_of(helper)) {
                const std::string id = std::to_string(child);
                if (test::read_text("/proc/" + id + "/comm") == "hpnode-view\n" &&
                    test::is_alive(child)) {
                    out.push_back(child);
                }
            }
        }
        return out;
    }

    const tracked::WrittenFile* record_of_large(const RunResult& result) const {
        struct stat st {};
        REQUIRE(::stat(large().c_str(), &st) == 0);
        REQUIRE(result.written);
        return result.written->find(st.st_dev, st.st_ino);
    }
    char at(std::size_t offset) const {
        std::ifstream file(large());
        file.seekg(static_cast<std::streamoff>(offset));
        return static_cast<char>(file.get());
    }

private:
    test::TempDir dir_;
    std::unique_ptr<Launcher> launcher_;
    StopSource stop_;
    std::string problem_;
};

std::string write_byte(std::size_t offset) {
    return "printf y | dd of=large bs=1 conv=notrunc status=none seek=" + std::to_string(offset) +
           "\n";
}

} // namespace

TEST_CASE("a tracked run tells which blocks it has written", "[tracked]") {
    const auto sandbox =
        GENERATE(config::Sandbox::off, config::Sandbox::automatic, config::Sandbox::strict);
    TrackedNode node(sandbox);
    if (node.is_impossible()) {
        return;
    }
    const RunResult result =
        node.run(write_byte(3 * block + 5) + "cat large > /dev/null; echo new > other; exit 3");
    CHECK(result.code == 3);
    const auto* record = node.record_of_large(result);
    REQUIRE(record != nullptr);
    CHECK_FALSE(record->everything);
    for (std::size_t i = 0; i < blocks; ++i) {
        CHECK(record->has(i) == (i == 3));
    }
    CHECK(result.written->files.size() == 1);
    CHECK(node.at(3 * block + 5) == 'y');
    CHECK(test::read_text(node.state() / "other") == "new\n");
    // A run without a view in between, and one that writes nothing.
    RunSpec plain = node.spec("true");
    plain.tracked = false;
    CHECK_FALSE(node.run(plain).written);
    CHECK(node.record_of_large(node.run("cat large > /dev/null")) == nullptr);
}

TEST_CASE("whatever a run leaves alive has written when it ends, and does not write later",
          "[tracked]") {
    TrackedNode node;
    if (node.is_impossible()) {
        return;
    }
    const RunResult result = node.run("(" + write_byte(7) + "while true; do " + write_byte(block) +
                                      "done) >/dev/null 2>&1 &\nsleep 0.3");
    CHECK(result.code == 0);
    const auto* record = node.record_of_large(result);
    REQUIRE(record != nullptr);
    CHECK(record->has(0));
    CHECK(node.at(7) == 'y');
    CHECK_FALSE(record->has(2));
}

TEST_CASE("post_exec.sh writes through a view as well", "[tracked]") {
    TrackedNode node;
    if (node.is_impossible()) {
        return;
    }
    node.write_script("post_exec.sh", write_byte(5 * block));
    CHECK(node.record_of_large(node.run("true"))->has(5));
    node.write_script("post_exec.sh", write_byte(6 * block));
    // In both of them: what one finds the other has left is not known.
    CHECK(node.record_of_large(node.run(write_byte(1)))->everything);
    CHECK(node.at(6 * block) == 'y');
}

TEST_CASE("what a tracked run makes belongs to its user", "[tracked]") {
    if (::geteuid() != 0) {
        WARN("skipped: only root runs contracts as others");
        return;
    }
    TrackedNode node;
    if (node.is_impossible()) {
        return;
    }
    RunSpec spec = node.spec("mkdir d && echo x > d/f && ln -s f d/l && mkfifo d/p && "
                             "! echo y > large && ! rm contract.sh");
    spec.run_as = config::RunAs{54321, 54322};
    std::filesystem::permissions(node.state(), std::filesystem::perms(01777));
    const RunResult result = node.run(spec);
    CHECK(result.code == 0);
    for (const char* name : {"d", "d/f", "d/l", "d/p"}) {
        struct stat st {};
        REQUIRE(::lstat((node.state() / name).c_str(), &st) == 0);
        CHECK(st.st_uid == 54321);
        CHECK(st.st_gid == 54322);
    }
    CHECK(node.at(0) == 'x');
}

TEST_CASE("a run whose view dies has failed on this node", "[tracked]") {
    TrackedNode node;
    if (node.is_impossible()) {
        return;
    }
    std::thread killer([] {
        test::wait_until([] { return !TrackedNode::view_servers().empty(); });
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
        for (const int pid : TrackedNode::view_servers()) {
            ::kill(pid, SIGKILL);
        }
    });
    const RunResult result = node.run("sleep 1; echo x > late; exit 0");
    killer.join();
    CHECK(result.end == RunEnd::failed);
    CHECK_FALSE(result.written);
    REQUIRE_FALSE(result.notes.empty());
    CHECK_THAT(result.notes.front(), Catch::Contains("view of its files"));
    CHECK_FALSE(std::filesystem::exists(node.state() / "late"));
    CHECK(node.run("true").end == RunEnd::exited);
}

TEST_CASE("a supervisor that is killed takes the view with it", "[tracked]") {
    TrackedNode node;
    if (node.is_impossible()) {
        return;
    }
    std::thread killer([] {
        test::wait_until([] { return !TrackedNode::view_servers().empty(); });
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
        for (const int helper : test::children_of(::getpid())) {
            for (const int child : test::children_of(helper)) {
                const std::string id = std::to_string(child);
                if (test::read_text("/proc/" + id + "/comm") == "hpnode-run\n") {
                    ::kill(child, SIGKILL);
                }
            }
        }
    });
    const RunResult result = node.run(write_byte(block) + "sleep 60");
    killer.join();
    CHECK(result.end == RunEnd::signaled);
    CHECK(node.at(block) == 'y');
    CHECK(node.run("true").end == RunEnd::exited);
}

TEST_CASE("a machine without FUSE says why there is no view", "[tracked]") {
    if (::geteuid() == 0) {
        WARN("skipped: root may open everything");
        return;
    }
    TrackedNode node(config::Sandbox::off);
    CHECK(node.is_impossible());
}
