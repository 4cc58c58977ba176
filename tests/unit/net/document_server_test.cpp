// SPDX-License-Identifier: Apache-2.0
// One document for everybody who connects, and nobody who connects can hold up the loop.
#include "hp/net/document_server.hpp"

#include <sys/socket.h>

#include "hp/base/limits.hpp"
#include "hp/os/local_socket.hpp"
#include "net_support.hpp"

namespace hp::net::test {
namespace {

constexpr std::int64_t read_ms = 10'000;

class Served {
public:
    explicit Served(std::string text) : path_(temp_.file("socket")), text_(std::move(text)) {
        auto listening = os::listen_local(path_);
        REQUIRE(listening);
        loop_.call([&] {
            server_ = std::make_unique<DocumentServer>(loop_.reactor(), std::move(*listening),
                                                       [this] { return text_ + number(); });
        });
    }
    ~Served() { stop(); }
    Served(const Served&) = delete;
    Served& operator=(const Served&) = delete;

    void stop() {
        loop_.call([this] { server_.reset(); });
    }

    os::Fd connect() const {
        auto socket = os::connect_local(path_);
        // The kernel lets few wait; on a busy machine the loop may be late.
        for (int i = 0; i < 500 && !socket && socket.err().code == Errc::timeout; ++i) {
            std::this_thread::sleep_for(10ms);
            socket = os::connect_local(path_);
        }
        INFO((socket ? std::string() : socket.err().context));
        REQUIRE(socket);
        return std::move(*socket);
    }

    static std::string read(const os::Fd& socket) {
        const auto got = os::read_to_end(socket, limits::status_bytes_max, read_ms);
        return got ? to_text(*got) : "<" + got.err().context + ">";
    }

    LoopThread& loop() { return loop_; }

private:
    std::string number() { return std::to_string(++made_); }

    TempDir temp_;
    std::string path_;
    std::string text_;
    int made_ = 0;
    std::unique_ptr<DocumentServer> server_;
    LoopThread loop_;
};

} // namespace

TEST_CASE("everybody gets a document of the moment, and then the end", "[net]") {
    Served served("document ");
    for (int i = 1; i <= 50; ++i) {
        CHECK(Served::read(served.connect()) == "document " + std::to_string(i));
    }
}

TEST_CASE("a document that does not fit into the socket is sent as it is read", "[net]") {
    const std::string large(2'000'000, 'x');
    Served served(large);
    const os::Fd socket = served.connect();
    CHECK(served.loop().call([] { return 1; }) == 1); // the loop goes on meanwhile
    CHECK(Served::read(socket) == large + "1");
}

TEST_CASE("readers that do not read keep a few places only, and those for a while", "[net]") {
    Served served(std::string(2'000'000, 'x'));
    std::vector<os::Fd> idle;
    for (std::size_t i = 0; i < limits::status_readers_max; ++i) {
        idle.push_back(served.connect());
    }
    CHECK(Served::read(served.connect()).empty()); // turned away, not kept waiting
    idle.clear();
    const auto deadline = Steady::now() + 30s;
    std::string got;
    while (got.empty() && Steady::now() < deadline) {
        got = Served::read(served.connect());
    }
    CHECK(got.size() > 2'000'000);
}

TEST_CASE("a reader that sends something or goes away at once harms nobody", "[net]") {
    Served served("document ");
    for (int i = 0; i < 20; ++i) {
        const os::Fd socket = served.connect();
        // It may be closed already: no SIGPIPE then.
        ::send(socket.get(), "GET / HTTP", 10, MSG_NOSIGNAL);
    }
    CHECK_THAT(Served::read(served.connect()), Catch::StartsWith("document "));
}

TEST_CASE("a line is answered; more or less than a line is not", "[net]") {
    TempDir temp;
    const std::string path = temp.file("socket");
    auto listening = os::listen_local(path);
    REQUIRE(listening);
    LoopThread loop;
    std::unique_ptr<DocumentServer> server;
    loop.call([&] {
        server = std::make_unique<DocumentServer>(
            loop.reactor(), std::move(*listening), 8,
            [](const std::string& request) { return "<" + request + ">"; });
    });
    const auto ask = [&path](const std::string& request) {
        const auto socket = os::connect_local(path);
        REQUIRE(socket);
        ::send(socket->get(), request.data(), request.size(), MSG_NOSIGNAL);
        ::shutdown(socket->get(), SHUT_WR);
        return Served::read(*socket);
    };
    CHECK(ask("hello\n") == "<hello>");
    CHECK(ask("\n") == "<>");
    CHECK(ask("two\nmore") == "<two>");
    CHECK(ask("hello").empty());
    // Unread bytes make it a reset rather than an end.
    CHECK_THAT(ask("longer than it may be\n"), !Catch::Contains("longer"));
    loop.call([&] { server.reset(); });
}

TEST_CASE("nothing is answered once the server is gone", "[net]") {
    Served served(std::string(2'000'000, 'x'));
    const os::Fd open = served.connect();
    CHECK(served.loop().call([] { return 1; }) == 1);
    served.stop();
    CHECK(Served::read(open).size() < 2'000'000); // cut
}

} // namespace hp::net::test
