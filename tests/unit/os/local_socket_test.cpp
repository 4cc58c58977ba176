// SPDX-License-Identifier: Apache-2.0
// Local sockets: who may connect, names of any length, and what is told when nobody answers.
#include "hp/os/local_socket.hpp"

#include <fcntl.h>
#include <fstream>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "temp_dir.hpp"

using namespace hp;
using namespace hp::test;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t short_ms = 100;
constexpr std::int64_t long_ms = 10'000;

// Takes one connection, sends `text` and closes it.
void answer_once(const os::Fd& listening, const std::string& text) {
    for (;;) {
        const os::Fd connection(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (connection) {
            const auto sent = os::write_all(connection.get(), as_bytes(text));
            CHECK(sent);
            return;
        }
        std::this_thread::yield();
    }
}

} // namespace

TEST_CASE("a local socket answers under names of any length", "[os]") {
    for (const std::size_t depth : {0U, 1U, 3U}) {
        const TempDir temp;
        fs::path directory = temp.path();
        for (std::size_t i = 0; i < depth; ++i) {
            directory /= std::string(200, 'd');
        }
        fs::create_directories(directory);
        const fs::path path = directory / "socket";
        INFO(path.string().size());
        const auto listening = os::listen_local(path);
        INFO((listening ? std::string() : listening.err().context));
        REQUIRE(listening);
        const std::string text(300'000, 'x');
        std::thread server([&] { answer_once(*listening, text); });
        const auto socket = os::connect_local(path);
        const auto got = socket ? os::read_to_end(*socket, text.size(), long_ms)
                                : Result<Bytes>(fail(socket.err()));
        server.join();
        REQUIRE(got);
        CHECK(to_text(*got) == text);
    }
}

TEST_CASE("only the owner may connect to a local socket, whatever the umask", "[os]") {
    const TempDir temp;
    for (const mode_t mask : {0U, 022U, 0777U}) {
        const mode_t before = ::umask(mask);
        const auto listening = os::listen_local(temp / "socket");
        ::umask(before);
        REQUIRE(listening);
        struct stat st {};
        REQUIRE(::stat((temp / "socket").c_str(), &st) == 0);
        CHECK((st.st_mode & 07777) == 0600);
        CHECK(S_ISSOCK(st.st_mode));
        CHECK((::fcntl(listening->get(), F_GETFD) & FD_CLOEXEC) != 0);
    }
}

TEST_CASE("what is left of an earlier socket is replaced", "[os]") {
    const TempDir temp;
    const fs::path path = temp / "socket";
    REQUIRE(os::listen_local(path)); // closed again: the name stays
    REQUIRE(fs::exists(path));
    const auto stale = os::connect_local(path);
    REQUIRE_FALSE(stale);
    CHECK(stale.err().code == Errc::closed);
    const auto listening = os::listen_local(path);
    REQUIRE(listening);
    CHECK(os::connect_local(path));

    fs::remove(path);
    std::ofstream(path) << "a file";
    CHECK(os::listen_local(path));
    fs::remove(path);
    fs::create_directory(path);
    CHECK_FALSE(os::listen_local(path)); // nothing that a node leaves behind
}

TEST_CASE("what is not there or does not answer is told apart", "[os]") {
    const TempDir temp;
    const auto missing = os::connect_local(temp / "none");
    REQUIRE_FALSE(missing);
    CHECK(missing.err().code == Errc::not_found);
    CHECK(os::connect_local(temp / std::string(200, 'd') / "none").error().code == Errc::not_found);
    CHECK_FALSE(os::listen_local(temp / "no directory" / "socket"));

    const auto listening = os::listen_local(temp / "socket");
    REQUIRE(listening);
    const auto silent = os::connect_local(temp / "socket");
    REQUIRE(silent);
    const auto nothing = os::read_to_end(*silent, 10, short_ms);
    REQUIRE_FALSE(nothing);
    CHECK(nothing.err().code == Errc::timeout);

    // Nobody is kept waiting to be let in either.
    std::vector<os::Fd> waiting;
    Errc refused = Errc::invalid;
    for (int i = 0; i < 1000 && refused == Errc::invalid; ++i) {
        auto one = os::connect_local(temp / "socket");
        if (one) {
            waiting.push_back(std::move(*one));
        } else {
            refused = one.err().code;
        }
    }
    CHECK(refused == Errc::timeout);
}

TEST_CASE("an answer over the limit is an error, however it comes", "[os]") {
    const TempDir temp;
    const auto listening = os::listen_local(temp / "socket");
    REQUIRE(listening);
    for (const std::size_t size : {99U, 100U, 101U, 200'000U}) {
        std::thread server([&] { answer_once(*listening, std::string(size, 'x')); });
        const auto socket = os::connect_local(temp / "socket");
        const auto got =
            socket ? os::read_to_end(*socket, 100, long_ms) : Result<Bytes>(fail(socket.err()));
        server.join();
        if (size <= 100) {
            REQUIRE(got);
            CHECK(got->size() == size);
        } else {
            REQUIRE_FALSE(got);
            CHECK(got.err().code == Errc::too_large);
        }
    }
}
