// SPDX-License-Identifier: Apache-2.0
// From TCP accept to a stream: user-protocol.md 2.1 and its conformance tests 1-4, 10, 11, plus
// what hostile or broken clients do instead.
#include "net_support.hpp"
#include "raw_client.hpp"

#include <sys/resource.h>

namespace hp::net::test {
namespace {

ListenOptions impatient_options() {
    ListenOptions options = loopback_options();
    options.setup_timeout_ms = 300;
    return options;
}

void check_aborted_as_slow(Server& server, RawClient& client) {
    const auto begin = Steady::now();
    CHECK(client.at_end());
    CHECK(Steady::now() - begin < 3s);
    REQUIRE(server.loop.wait([&] { return server.aborted.size() == 1; }));
    CHECK(server.loop.call([&] { return server.aborted[0]; }) == "TLS and upgrade took too long");
    CHECK(server.loop.call([&] { return server.records.empty(); }));
}

} // namespace

TEST_CASE("any path and query is upgraded, with exactly three headers", "[net]") {
    Server server;
    RawClient client(server.port);
    REQUIRE(client.send_text(RawClient::request("/any?x=1")));
    CHECK(client.read_head() == RawClient::expected_response());
    REQUIRE(server.wait_stream());
    CHECK(server.loop.call([&] { return server.hosts; }) == std::vector<std::string>{"127.0.0.1"});
    CHECK(server.loop.call([&] { return server.records[0]->stream->remote_host(); }) ==
          "127.0.0.1");
}

TEST_CASE("extensions and subprotocols are never selected", "[net]") {
    Server server;
    RawClient client(server.port);
    REQUIRE(client.send_text(RawClient::request(
        "/", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
             "Sec-WebSocket-Protocol: chat, superchat\r\n")));
    CHECK(client.read_head() == RawClient::expected_response());
}

TEST_CASE("an upgrade request may come in any number of segments", "[net]") {
    Server server;
    RawClient halves(server.port);
    const std::string request = RawClient::request();
    REQUIRE(halves.send_text(request.substr(0, 40)));
    std::this_thread::sleep_for(200ms);
    REQUIRE(halves.send_text(request.substr(40)));
    CHECK(halves.read_head() == RawClient::expected_response());

    RawClient bytes(server.port);
    for (const char byte : request) {
        REQUIRE(bytes.send_text(std::string_view(&byte, 1)));
    }
    CHECK(bytes.read_head() == RawClient::expected_response());
}

TEST_CASE("frames that come with the upgrade request are not lost", "[net]") {
    Server server;
    RawClient client(server.port);
    const std::string large(3000, 'z'); // more than Beast's own buffer takes
    REQUIRE(client.send_text(RawClient::request() + RawClient::frame(2, "early") +
                             RawClient::frame(2, large)));
    CHECK(client.read_head() == RawClient::expected_response());
    CHECK(client.read_frame().payload == "early");
    CHECK(client.read_frame().payload == large);
}

TEST_CASE("requests that are no upgrade are answered and closed", "[net]") {
    Server server;
    RawClient browser(server.port);
    REQUIRE(browser.send_text("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    const std::string head = browser.read_head();
    CHECK(head.starts_with("HTTP/1.1 426 "));
    const std::string body = browser.read(1000);
    CHECK(head.find("Content-Length: " + std::to_string(body.size()) + "\r\n") !=
          std::string::npos);

    RawClient wrong_version(server.port);
    std::string request = RawClient::request();
    request.replace(request.find("Version: 13"), 11, "Version: 12");
    REQUIRE(wrong_version.send_text(request));
    CHECK(wrong_version.read_head().starts_with("HTTP/1.1 426 "));
    wrong_version.read(1000);

    RawClient garbage(server.port);
    REQUIRE(garbage.send_text("garbage\r\n\r\n"));
    CHECK(garbage.at_end());

    RawClient gone(server.port);
    REQUIRE(gone.send_text("GET "));
    shutdown(gone.fd(), SHUT_WR);
    CHECK(gone.at_end());

    CHECK(server.loop.wait([&] { return server.aborted.size() == 4; }));
    CHECK(server.loop.call([&] { return server.records.empty(); }));
}

TEST_CASE("an HTTP head has a limit", "[net]") {
    Server server;
    const std::string request = RawClient::request();
    const std::string header = "X: ";
    const std::size_t room = 8192 - request.size() - header.size() - 2;

    RawClient largest(server.port);
    REQUIRE(largest.send_text(RawClient::request("/", header + std::string(room, 'x') + "\r\n")));
    CHECK(largest.read_head() == RawClient::expected_response());

    RawClient larger(server.port);
    larger.send_text(RawClient::request("/", header + std::string(room + 1, 'x') + "\r\n"));
    CHECK(larger.at_end());

    RawClient endless(server.port);
    endless.send_text(request.substr(0, 20) + std::string(20000, 'x'));
    CHECK(endless.at_end());
    CHECK(server.loop.wait([&] { return server.aborted.size() == 2; }));
}

TEST_CASE("a client that is silent during TLS is dropped and delays nobody", "[net]") {
    const TempDir dir;
    ListenOptions options = impatient_options();
    options.tls = dir.tls_files();
    REQUIRE(make_self_signed(*options.tls, "node"));
    Server server(options);
    RawClient silent(server.port);
    RawClient half(server.port);
    REQUIRE(half.send_text(std::string("\x16\x03\x01\x02\x00\x01", 6))); // a ClientHello begins
    RawClient good(server.port, Transport::tls);
    good.upgrade();
    CHECK(silent.at_end());
    CHECK(half.at_end());
    CHECK(server.loop.wait([&] { return server.aborted.size() == 2; }));
    REQUIRE(good.send_frame(2, "still here"));
    CHECK(good.read_frame().payload == "still here");
}

TEST_CASE("a client that is silent after TLS is dropped", "[net]") {
    const TempDir dir;
    ListenOptions options = impatient_options();
    options.tls = dir.tls_files();
    REQUIRE(make_self_signed(*options.tls, "node"));
    Server server(options);
    RawClient client(server.port, Transport::tls);
    check_aborted_as_slow(server, client);
}

TEST_CASE("a client that sends its HTTP head drop by drop is dropped", "[net]") {
    Server server(impatient_options());
    RawClient client(server.port);
    const std::string request = RawClient::request();
    for (std::size_t i = 0; i < 8; ++i) { // 400 ms: activity does not move the deadline
        client.send_text(request.substr(i, 1));
        std::this_thread::sleep_for(50ms);
    }
    check_aborted_as_slow(server, client);
}

TEST_CASE("hosts that are not admitted are closed before anything else", "[net]") {
    Server server;
    server.loop.call([&] { server.admit = false; });
    RawClient client(server.port);
    CHECK(client.at_end());
    CHECK(server.loop.call([&] { return server.hosts.size(); }) == 1);
    CHECK(server.aborted_count() == 0);
}

TEST_CASE("a stopped listener accepts nothing, calls nobody and leaves streams open", "[net]") {
    Server server;
    RawClient open(server.port);
    open.upgrade();
    REQUIRE(server.wait_stream());
    RawClient half(server.port);
    REQUIRE(half.send_text("GET /"));
    REQUIRE(server.loop.wait([&] { return server.hosts.size() == 2; }));
    server.loop.call([&] { server.listener->stop(); });
    CHECK(half.at_end());
    REQUIRE(open.send_frame(2, "still here"));
    CHECK(open.read_frame().payload == "still here");
    CHECK(server.aborted_count() == 0);
    CHECK(server.loop.call([&] { return server.records.size(); }) == 1);

    Record record;
    CHECK(code_of(connect_and_wait(server.loop, connect_options(server.url("ws")), record)) ==
          Errc::io);
}

TEST_CASE("listening fails with a reason", "[net]") {
    Server server;
    Reactor reactor;
    ListenOptions options = loopback_options();
    options.port = server.port;
    const auto taken = listen(reactor, options, {}, {});
    REQUIRE_FALSE(taken);
    CHECK(taken.err().code == Errc::exists);
    options.address = "localhost";
    const auto unclear = listen(reactor, options, {}, {});
    REQUIRE_FALSE(unclear);
    CHECK(unclear.err().code == Errc::invalid);
}

TEST_CASE("a dual-stack listener shows IPv4 hosts as IPv4", "[net]") {
    ListenOptions options = loopback_options();
    options.address = "::";
    Server server(options);
    RawClient client(server.port);
    client.upgrade();
    REQUIRE(server.wait_stream());
    Record record;
    const std::string url = "ws://[::1]:" + std::to_string(server.port) + "/";
    REQUIRE(connect_and_wait(server.loop, connect_options(url), record));
    REQUIRE(server.loop.wait([&] { return server.records.size() == 2; }));
    CHECK(server.loop.call([&] { return server.hosts; }) ==
          std::vector<std::string>{"127.0.0.1", "::1"});
    server.loop.stop();
    record.stream.reset();
}

TEST_CASE("a listener survives having no file descriptor left", "[net]") {
    Server server;
    RawClient client;
    rlimit before{};
    REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
    const int free_fd = dup(client.fd());
    REQUIRE(close(free_fd) == 0);
    rlimit full = before;
    full.rlim_cur = static_cast<rlim_t>(free_fd);
    // Nothing but plain calls until the limit is lifted: sanitizers, too, need descriptors.
    const int lowered = setrlimit(RLIMIT_NOFILE, &full);
    client.connect_to(server.port); // succeeds: the kernel's backlog takes it
    std::this_thread::sleep_for(250ms);
    const int restored = setrlimit(RLIMIT_NOFILE, &before);
    CHECK(lowered == 0);
    CHECK(restored == 0);
    client.upgrade();
}

TEST_CASE("two hundred clients at once", "[net]") {
    const TempDir dir;
    ListenOptions options = loopback_options();
    options.tls = dir.tls_files();
    options.setup_timeout_ms = 60'000; // sanitizers on a busy machine
    REQUIRE(make_self_signed(*options.tls, "node"));
    Server server(options);
    LoopThread clients;
    constexpr std::size_t count = 200;
    std::vector<Record> records(count);
    std::size_t failed = 0;
    clients.call([&] {
        ConnectOptions to = connect_options(server.url("wss"));
        to.timeout_ms = 60'000;
        for (std::size_t i = 0; i < count; ++i) {
            connect(clients.reactor(), to, [&, i](Result<std::shared_ptr<Stream>> result) {
                if (!result) {
                    ++failed;
                    return;
                }
                records[i].start(std::move(*result));
                records[i].stream->send(shared("hello " + std::to_string(i)));
            });
        }
    });
    CHECK(clients.wait(
        [&] {
            return std::all_of(records.begin(), records.end(),
                               [](const Record& record) { return record.messages.size() == 1; });
        },
        60s));
    clients.call([&] {
        CHECK(failed == 0);
        for (std::size_t i = 0; i < count; ++i) {
            REQUIRE(records[i].messages.size() == 1);
            CHECK(records[i].messages[0] == "hello " + std::to_string(i));
            records[i].stream->close(CloseCode::normal, "");
        }
    });
    CHECK(server.loop.wait([&] {
        return std::all_of(server.records.begin(), server.records.end(), [](const auto& record) {
            return record->closes.size() == 1 && record->closes[0].code == 1000;
        });
    }));
    clients.stop();
    records.clear();
}

} // namespace hp::net::test
