// SPDX-License-Identifier: Apache-2.0
// The directory lock between real processes: a living holder, a killed one, and one whose helpers
// are still on their way out.
#include "hp/os/dir_lock.hpp"

#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "temp_dir.hpp"

using namespace hp;
using namespace hp::test;
using os::DirLock;

namespace {

// A child process that takes the lock, runs `then`, and waits until it is killed.
class Holder {
public:
    Holder(const std::filesystem::path& path, const std::function<void()>& then) {
        auto ready = os::pipe_pair();
        REQUIRE(ready);
        pid_ = ::fork();
        if (pid_ == 0) {
            const auto lock = DirLock::acquire(path, 0);
            then();
            const char answer = lock ? 'y' : 'n';
            [[maybe_unused]] const auto ignored = ::write(ready->theirs.get(), &answer, 1);
            for (;;) {
                ::pause();
            }
        }
        char answer = 0;
        REQUIRE(::read(ready->ours.get(), &answer, 1) == 1);
        REQUIRE(answer == 'y');
    }
    ~Holder() {
        kill();
        reap();
    }
    Holder(const Holder&) = delete;
    Holder& operator=(const Holder&) = delete;

    pid_t pid() const { return pid_; }
    // Returns when it is dead, but still a zombie.
    void kill() {
        if (!reaped_) {
            ::kill(pid_, SIGKILL);
            siginfo_t info{};
            ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
        }
    }
    void reap() {
        if (!reaped_) {
            ::waitpid(pid_, nullptr, 0);
            reaped_ = true;
        }
    }

private:
    pid_t pid_ = -1;
    bool reaped_ = false;
};

class Stopwatch {
public:
    std::int64_t ms() const {
        return std::chrono::duration_cast<std::chrono::milliseconds>(
                   std::chrono::steady_clock::now() - start_)
            .count();
    }

private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

} // namespace

TEST_CASE("a free lock is taken, private and signed with our pid", "[os]") {
    const TempDir temp;
    const auto path = temp / "lock";
    { std::ofstream(path) << "99999999999 stale text of another program"; }
    ::unlink(path.c_str());
    const auto lock = DirLock::acquire(path, 0);
    REQUIRE(lock);
    CHECK(mode_of(path) == 0600);
    CHECK((::fcntl(lock->fd().get(), F_GETFD) & FD_CLOEXEC) != 0);
    std::string text;
    std::getline(std::ifstream(path), text);
    CHECK(text == std::to_string(::getpid()));
}

TEST_CASE("a stale lock file does not matter", "[os]") {
    const TempDir temp;
    for (const char* content : {"", "1", "not a pid", "4194304000000", "-5"}) {
        std::ofstream(temp / "lock") << content;
        REQUIRE(DirLock::acquire(temp / "lock", 0));
    }
}

TEST_CASE("the same process cannot take it twice", "[os]") {
    const TempDir temp;
    auto first = DirLock::acquire(temp / "lock", 0);
    REQUIRE(first);
    const auto second = DirLock::acquire(temp / "lock", 5000);
    REQUIRE_FALSE(second);
    CHECK(second.err().code == Errc::exists);
    first = DirLock::acquire(temp / "other", 0); // closes the first
    CHECK(DirLock::acquire(temp / "lock", 0));
}

TEST_CASE("a living holder is named at once", "[os]") {
    const TempDir temp;
    const Holder holder(temp / "lock", [] {});
    const Stopwatch watch;
    const auto lock = DirLock::acquire(temp / "lock", 10'000);
    CHECK(watch.ms() < 5'000);
    REQUIRE_FALSE(lock);
    CHECK(lock.err().code == Errc::exists);
    CHECK_THAT(lock.err().context,
               Catch::EndsWith("is locked by process " + std::to_string(holder.pid())));
}

TEST_CASE("a killed holder frees the lock", "[os]") {
    const TempDir temp;
    Holder holder(temp / "lock", [] {});
    holder.kill();
    CHECK(DirLock::acquire(temp / "lock", 5'000)); // also while it is still a zombie
    holder.reap();
    CHECK(DirLock::acquire(temp / "lock", 0));
}

TEST_CASE("helpers of a dead holder keep the lock until they are gone", "[os]") {
    const TempDir temp;
    // The helper inherits the descriptor by fork and ends when its end of the pipe closes.
    auto leash = os::pipe_pair();
    REQUIRE(leash);
    Holder holder(temp / "lock", [&leash] {
        if (::fork() == 0) {
            leash->theirs.reset();
            char byte = 0;
            [[maybe_unused]] const auto ignored = ::read(leash->ours.get(), &byte, 1);
            ::_exit(0);
        }
        leash->theirs.reset();
    });
    holder.kill();
    SECTION("reaped") {
        holder.reap();
    }
    SECTION("a zombie") {}

    const Stopwatch watch;
    const auto refused = DirLock::acquire(temp / "lock", 100);
    CHECK(watch.ms() >= 100);
    REQUIRE_FALSE(refused);
    CHECK(refused.err().code == Errc::exists);
    CHECK_THAT(refused.err().context,
               Catch::Contains("helpers of process " + std::to_string(holder.pid())));

    // Let it go while another acquire is waiting.
    const pid_t closer = ::fork();
    if (closer == 0) {
        ::usleep(100'000);
        ::_exit(0); // the last copy of the pipe's write end goes with it
    }
    leash->theirs.reset();
    CHECK(DirLock::acquire(temp / "lock", 10'000));
    ::waitpid(closer, nullptr, 0);
}

TEST_CASE("a lock file that cannot be made is an error", "[os]") {
    const TempDir temp;
    const auto lock = DirLock::acquire(temp / "none/lock", 1000);
    REQUIRE_FALSE(lock);
    CHECK(lock.err().code == Errc::not_found);
    std::filesystem::create_symlink(temp / "elsewhere", temp / "link");
    CHECK_FALSE(DirLock::acquire(temp / "link", 0));
    CHECK_FALSE(std::filesystem::exists(temp / "elsewhere"));
}
