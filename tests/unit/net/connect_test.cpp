// SPDX-License-Identifier: Apache-2.0
// connect(): what goes wrong, and how it is named. Certificates are in tls_test.cpp.
#include "net_support.hpp"
#include "raw_client.hpp"

namespace hp::net::test {
namespace {

// A port that accepts TCP and then says only what it is told to.
class RawServer {
public:
    explicit RawServer(std::string answer = "") : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        sockaddr generic{};
        std::memcpy(&generic, &address, sizeof address);
        socklen_t size = sizeof generic;
        REQUIRE(bind(fd_.get(), &generic, size) == 0);
        REQUIRE(::listen(fd_.get(), 8) == 0);
        REQUIRE(getsockname(fd_.get(), &generic, &size) == 0);
        std::memcpy(&address, &generic, sizeof address);
        port_ = ntohs(address.sin_port);
        if (!answer.empty()) {
            thread_ = std::thread([this, answer = std::move(answer)] { serve(answer); });
        }
    }
    ~RawServer() {
        if (thread_.joinable()) {
            thread_.join();
        }
    }
    RawServer(const RawServer&) = delete;
    RawServer& operator=(const RawServer&) = delete;

    std::string url(const std::string& scheme) const {
        return scheme + "://127.0.0.1:" + std::to_string(port_) + "/";
    }

private:
    void serve(const std::string& answer) const {
        const os::Fd client(accept(fd_.get(), nullptr, nullptr));
        std::array<char, 4096> scratch{};
        recv(client.get(), scratch.data(), scratch.size(), 0);
        send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    }

    os::Fd fd_;
    std::uint16_t port_ = 0;
    std::thread thread_;
};

Status try_connect(ConnectOptions options) {
    LoopThread loop;
    Record record;
    Status status = connect_and_wait(loop, options, record);
    loop.stop();
    record.stream.reset();
    return status;
}

} // namespace

TEST_CASE("URLs that cannot be are refused", "[net]") {
    const std::string url =
        GENERATE("", "http://127.0.0.1:80/", "ws://127.0.0.1/", "ws://127.0.0.1", "ws://:80/",
                 "ws://host:0/", "ws://host:65536/", "ws://host:+80/", "ws://host:8o/", "ws://",
                 "ws://::1:80/", "ws://[::1:80/", "ws://::1]:80/", "ws://[]:80/", "ws://[host]:80/",
                 "ws://user@host:80/", "ws://host:80/a b", "ws://host:80/\r\nX: y", "WS://host:80/",
                 "ws://host?:80/", "wss:/host:80");
    CAPTURE(url);
    CHECK(code_of(try_connect(connect_options(url))) == Errc::invalid);
}

TEST_CASE("nobody listens", "[net]") {
    std::string url;
    {
        const RawServer closed;
        url = closed.url("ws");
    }
    const Status status = try_connect(connect_options(url));
    CHECK(code_of(status) == Errc::io);
    CHECK(status.err().context.find("refused") != std::string::npos);
}

TEST_CASE("a name that cannot be resolved", "[net]") {
    // A label over 63 characters fails without asking any name server.
    const Status status = try_connect(connect_options("ws://" + std::string(70, 'x') + ":80/"));
    CHECK(code_of(status) == Errc::io);
    CHECK(status.err().context.find("cannot resolve") != std::string::npos);
}

TEST_CASE("silence at any stage ends in a timeout", "[net]") {
    const RawServer silent;
    ConnectOptions options = connect_options(silent.url(GENERATE("ws", "wss")));
    options.timeout_ms = 200;
    const auto begin = Steady::now();
    CHECK(code_of(try_connect(options)) == Errc::timeout);
    CHECK(Steady::now() - begin >= 200ms);
    CHECK(Steady::now() - begin < 5s);
}

TEST_CASE("servers that are something else", "[net]") {
    const RawServer web("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    CHECK(code_of(try_connect(connect_options(web.url("ws")))) == Errc::io);
    const RawServer mail("220 mail ready\r\n");
    CHECK(code_of(try_connect(connect_options(mail.url("wss")))) == Errc::io);
    const RawServer liar("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                         "Connection: Upgrade\r\nSec-WebSocket-Accept: bm90IHRoZSBrZXk=\r\n\r\n");
    CHECK(code_of(try_connect(connect_options(liar.url("ws")))) == Errc::io);
}

TEST_CASE("a certificate cannot be verified without TLS", "[net]") {
    Server server;
    ConnectOptions options = connect_options(server.url("ws"));
    options.verify_certificate = true;
    CHECK(code_of(try_connect(options)) == Errc::invalid);
}

TEST_CASE("connect calls back later, never from inside", "[net]") {
    LoopThread loop;
    std::promise<bool> was_inside;
    loop.call([&] {
        bool inside = true;
        const auto shared_inside = std::make_shared<bool>(true);
        connect(loop.reactor(), connect_options("nonsense"),
                [&was_inside, shared_inside](const Result<std::shared_ptr<Stream>>&) {
                    was_inside.set_value(*shared_inside);
                });
        *shared_inside = false;
        inside = false;
        return inside;
    });
    CHECK_FALSE(was_inside.get_future().get());
}

} // namespace hp::net::test
