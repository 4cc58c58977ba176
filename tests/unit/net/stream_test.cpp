// SPDX-License-Identifier: Apache-2.0
// Open streams: messages, limits, control frames, closing, back-pressure, lifetimes.
// user-protocol.md 2.2, 2.3 and its conformance tests 5-9.
#include "net_support.hpp"
#include "raw_client.hpp"

#include <numeric>

namespace hp::net::test {
namespace {

constexpr int text_frame = 1;
constexpr int binary_frame = 2;
constexpr int continuation_frame = 0;
constexpr int close_frame = 8;
constexpr int ping_frame = 9;
constexpr int pong_frame = 10;

ListenOptions options_with_limit(std::size_t message_bytes_max) {
    ListenOptions options = loopback_options();
    options.message_bytes_max = message_bytes_max;
    return options;
}

// Reads frames until the close frame, whose code it returns; 0 when the connection just ended.
int read_close_code(RawClient& client) {
    while (true) {
        const Frame frame = client.read_frame();
        if (frame.opcode == -1) {
            return 0;
        }
        if (frame.opcode == close_frame) {
            return frame.close_code();
        }
    }
}

std::string pattern(std::size_t count) {
    std::string text(count, ' ');
    for (std::size_t i = 0; i < count; ++i) {
        text[i] = static_cast<char>('a' + i * 7 % 26);
    }
    return text;
}

} // namespace

TEST_CASE("messages of all sizes come back over ws and wss", "[net]") {
    const TempDir dir;
    const std::string scheme = GENERATE("ws", "wss");
    ListenOptions options = loopback_options();
    if (scheme == "wss") {
        options.tls = dir.tls_files();
        REQUIRE(make_self_signed(*options.tls, "node"));
    }
    Server server(options);
    LoopThread client;
    Record record;
    REQUIRE(connect_and_wait(client, connect_options(server.url(scheme)), record));
    const std::vector<std::size_t> sizes = {0,    1,     125,   126,     200,       4095,
                                            4096, 65535, 65536, 300'000, 5'242'880, 3};
    client.call([&] {
        for (const std::size_t size : sizes) {
            record.stream->send(shared(pattern(size)));
        }
    });
    REQUIRE(client.wait([&] { return record.messages.size() == sizes.size(); }, 30s));
    client.call([&] {
        for (std::size_t i = 0; i < sizes.size(); ++i) {
            CHECK((record.messages[i] == pattern(sizes[i])));
        }
        CHECK(record.stream->queued_bytes() == 0);
        CHECK(record.stream->remote_host() == "127.0.0.1");
    });
    client.stop();
    record.stream.reset();
}

TEST_CASE("ten thousand pipelined messages keep their order", "[net]") {
    const TempDir dir;
    ListenOptions options = loopback_options();
    options.tls = dir.tls_files();
    REQUIRE(make_self_signed(*options.tls, "node"));
    Server server(options);
    LoopThread client;
    Record record;
    REQUIRE(connect_and_wait(client, connect_options(server.url("wss")), record));
    constexpr std::size_t count = 10'000;
    client.call([&] {
        for (std::size_t i = 0; i < count; ++i) {
            record.stream->send(shared(std::to_string(i)));
        }
    });
    REQUIRE(client.wait([&] { return record.messages.size() == count; }, 60s));
    client.call([&] {
        bool in_order = true;
        for (std::size_t i = 0; i < count; ++i) {
            in_order = in_order && record.messages[i] == std::to_string(i);
        }
        CHECK(in_order);
    });
    client.stop();
    record.stream.reset();
}

TEST_CASE("text is taken like binary, answers are binary", "[net]") {
    Server server;
    RawClient client(server.port);
    client.upgrade();
    REQUIRE(client.send_frame(text_frame, "{}"));
    const Frame answer = client.read_frame();
    CHECK(answer.opcode == binary_frame);
    CHECK(answer.fin);
    CHECK(answer.payload == "{}");
}

TEST_CASE("fragments are joined, pings between them are answered", "[net]") {
    Server server;
    RawClient client(server.port);
    client.upgrade();
    REQUIRE(client.send_frame(binary_frame, "one ", false));
    REQUIRE(client.send_frame(ping_frame, "payload"));
    REQUIRE(client.send_frame(continuation_frame, "", false));
    REQUIRE(client.send_frame(continuation_frame, "two", true));
    const Frame pong = client.read_frame();
    CHECK(pong.opcode == pong_frame);
    CHECK(pong.payload == "payload");
    CHECK(client.read_frame().payload == "one two");
    CHECK(server.message_count() == 1);
}

TEST_CASE("a frame may come byte by byte, many in one segment", "[net]") {
    Server server;
    RawClient client(server.port);
    client.upgrade();
    for (const char byte : RawClient::frame(binary_frame, pattern(130))) {
        REQUIRE(client.send_text(std::string_view(&byte, 1)));
    }
    CHECK(client.read_frame().payload == pattern(130));
    std::string many;
    for (int i = 0; i < 100; ++i) {
        many += RawClient::frame(binary_frame, std::to_string(i));
    }
    REQUIRE(client.send_text(many));
    for (int i = 0; i < 100; ++i) {
        REQUIRE(client.read_frame().payload == std::to_string(i));
    }
}

TEST_CASE("the message limit is inclusive and exact", "[net]") {
    Server server(options_with_limit(10'000));
    RawClient client(server.port);
    client.upgrade();
    REQUIRE(client.send_frame(binary_frame, pattern(10'000)));
    CHECK(client.read_frame().payload == pattern(10'000));

    SECTION("one frame") {
        client.send_frame(binary_frame, pattern(10'001));
    }
    SECTION("fragments") {
        client.send_frame(binary_frame, pattern(5'000), false);
        client.send_frame(continuation_frame, pattern(5'001), true);
    }
    SECTION("a frame that only announces too much") {
        client.send_text(std::string("\x82\xff\x00\x00\x00\x01\x00\x00\x00\x00mask", 14));
    }
    SECTION("far more than the sockets buffer, sent to the end") {
        client.send_frame(binary_frame, pattern(1'000'000));
    }
    CHECK(read_close_code(client) == 1009);
    REQUIRE(server.wait_close());
    CHECK(server.close_info().code == 1009);
    CHECK_FALSE(server.close_info().by_remote);
    CHECK(server.message_count() == 1);
}

TEST_CASE("breaches of the frame rules close with 1002", "[net]") {
    Server server;
    RawClient client(server.port);
    client.upgrade();
    const std::string bad = GENERATE(std::string("\x82\x01x", 3),              // not masked
                                     RawClient::frame(3, "x"),                 // unknown opcode
                                     RawClient::frame(continuation_frame, ""), // continues nothing
                                     RawClient::frame(ping_frame, std::string(126, 'x')),
                                     RawClient::frame(ping_frame, "", false),
                                     RawClient::frame(0x42, "x")); // reserved bit
    REQUIRE(client.send_text(bad));
    CHECK(read_close_code(client) == 1002);
    REQUIRE(server.wait_close());
    CHECK(server.close_info().code == 1002);
    CHECK_FALSE(server.close_info().by_remote);
}

TEST_CASE("the server pings a silent client and lets go of a dead one", "[net]") {
    ListenOptions options = loopback_options();
    options.ping_interval_ms = 150;
    Server server(options);
    RawClient client(server.port);
    client.upgrade();
    REQUIRE(server.wait_stream());

    SECTION("answers keep it alive") {
        for (int i = 0; i < 5; ++i) {
            const Frame ping = client.read_frame();
            REQUIRE(ping.opcode == ping_frame);
            REQUIRE(client.send_frame(pong_frame, ping.payload));
        }
        CHECK(server.loop.call([&] { return server.records[0]->closes.empty(); }));
    }
    SECTION("silence ends it") {
        CHECK(client.read_frame().opcode == ping_frame);
        CHECK(client.at_end());
        REQUIRE(server.wait_close());
        CHECK(server.close_info().code == 1006);
        CHECK(server.close_info().by_remote);
    }
    SECTION("while reading is paused nobody is blamed") {
        server.loop.call([&] { server.records[0]->stream->pause_reading(true); });
        std::this_thread::sleep_for(600ms);
        CHECK(server.loop.call([&] { return server.records[0]->closes.empty(); }));
        server.loop.call([&] { server.records[0]->stream->pause_reading(false); });
        CHECK(client.read_frame().opcode == ping_frame);
        CHECK(client.at_end());
    }
}

TEST_CASE("a client stream answers pings and can ping", "[net]") {
    ListenOptions options = loopback_options();
    options.ping_interval_ms = 60;
    Server server(options);
    LoopThread client;
    Record record;
    ConnectOptions to = connect_options(server.url("ws"));
    to.ping_interval_ms = 50;
    REQUIRE(connect_and_wait(client, to, record));
    std::this_thread::sleep_for(500ms);
    CHECK(client.call([&] { return record.closes.empty(); }));
    CHECK(server.loop.call([&] { return server.records.at(0)->closes.empty(); }));
    client.stop();
    record.stream.reset();
}

TEST_CASE("the client closes", "[net]") {
    Server server;
    RawClient client(server.port);
    client.upgrade();

    SECTION("with a code and a reason") {
        REQUIRE(client.send_frame(close_frame, RawClient::close_payload(4000, "bye")));
        CHECK(client.read_frame().close_code() == 4000);
        CHECK(client.at_end());
        REQUIRE(server.wait_close());
        CHECK(server.close_info().code == 4000);
        CHECK(server.close_info().reason == "bye");
    }
    SECTION("without a code") {
        REQUIRE(client.send_frame(close_frame, ""));
        CHECK(client.read_frame().opcode == close_frame);
        REQUIRE(server.wait_close());
        CHECK(server.close_info().code == 1005);
    }
    SECTION("without a frame") {
        REQUIRE(server.wait_stream());
        shutdown(client.fd(), SHUT_RDWR);
        REQUIRE(server.wait_close());
        CHECK(server.close_info().code == 1006);
    }
    CHECK(server.close_info().by_remote);
}

TEST_CASE("the server closes", "[net]") {
    Server server;
    RawClient client(server.port);
    client.upgrade();
    REQUIRE(server.wait_stream());
    Stream& stream = *server.loop.call([&] { return server.records[0]->stream; });
    const auto begin = Steady::now();

    SECTION("and the client answers") {
        server.loop.call([&] { stream.close(CloseCode::policy, "enough"); });
        const Frame frame = client.read_frame();
        CHECK(frame.opcode == close_frame);
        CHECK(frame.close_code() == 1008);
        CHECK(frame.close_reason() == "enough");
        REQUIRE(client.send_frame(close_frame, frame.payload));
        CHECK(client.at_end());
        REQUIRE(server.wait_close());
        CHECK(Steady::now() - begin < 1900ms);
    }
    SECTION("and the client stays silent") {
        server.loop.call([&] { stream.close(CloseCode::policy, "enough"); });
        REQUIRE(server.wait_close());
        CHECK(Steady::now() - begin >= 1900ms);
        CHECK(read_close_code(client) == 1008);
        CHECK(client.at_end());
    }
    SECTION("and the client talks on") {
        server.loop.call([&] { stream.close(CloseCode::policy, "enough"); });
        for (int i = 0; i < 50; ++i) {
            client.send_frame(binary_frame, pattern(1000));
        }
        client.send_frame(close_frame, RawClient::close_payload(1008, ""));
        CHECK(read_close_code(client) == 1008);
        REQUIRE(server.wait_close());
        CHECK(server.message_count() == 0);
    }
    SECTION("twice, with an overlong reason, and sends after it") {
        server.loop.call([&] {
            stream.close(CloseCode::policy, std::string(500, 'x'));
            stream.close(CloseCode::normal, "second");
            stream.send(shared("late"));
        });
        const Frame frame = client.read_frame();
        CHECK(frame.close_code() == 1008);
        CHECK(frame.close_reason() == std::string(123, 'x'));
        client.send_frame(close_frame, frame.payload);
        REQUIRE(server.wait_close());
        std::this_thread::sleep_for(50ms);
    }
    SECTION("while it does not read") {
        server.loop.call([&] {
            stream.pause_reading(true);
            stream.close(CloseCode::policy, "");
        });
        CHECK(read_close_code(client) == 1008);
        client.send_frame(close_frame, RawClient::close_payload(1008, ""));
        REQUIRE(server.wait_close());
        CHECK(Steady::now() - begin < 1900ms);
    }
    SECTION("at the same time as the client") {
        server.loop.call([&] { stream.close(CloseCode::policy, ""); });
        client.send_frame(close_frame, RawClient::close_payload(1001, ""));
        CHECK(read_close_code(client) == 1008);
        REQUIRE(server.wait_close());
    }
    CHECK(server.close_info().code == 1008);
    CHECK_FALSE(server.close_info().by_remote);
    CHECK(server.loop.call([&] { return server.records[0]->closes.size(); }) == 1);
}

TEST_CASE("what was queued before close arrives before the close frame", "[net]") {
    const TempDir dir;
    ListenOptions options = loopback_options();
    options.tls = dir.tls_files();
    REQUIRE(make_self_signed(*options.tls, "node"));
    Server server(options);
    RawClient client(server.port, Transport::tls);
    client.upgrade();
    REQUIRE(server.wait_stream());
    server.loop.call([&] {
        Stream& stream = *server.records[0]->stream;
        stream.send(shared(pattern(3'000'000)));
        for (int i = 0; i < 1000; ++i) {
            stream.send(shared(std::to_string(i)));
        }
        stream.close(CloseCode::going_away, "restart");
    });
    CHECK((client.read_frame().payload == pattern(3'000'000)));
    for (int i = 0; i < 1000; ++i) {
        REQUIRE(client.read_frame().payload == std::to_string(i));
    }
    CHECK(client.read_frame().close_code() == 1001);
}

TEST_CASE("a stream closed before it was started ends, too", "[net]") {
    Server server;
    std::vector<CloseInfo> closes;
    server.loop.call([&] {
        server.on_stream = [&closes](Record&, std::shared_ptr<Stream> stream) {
            stream->close(CloseCode::try_later, "full");
            stream->start([](const Bytes&) {},
                          [&closes](CloseInfo info) { closes.push_back(std::move(info)); });
        };
    });
    RawClient client(server.port);
    client.upgrade();
    const Frame frame = client.read_frame();
    CHECK(frame.close_code() == 1013);
    client.send_frame(close_frame, frame.payload);
    CHECK(client.at_end());
    CHECK(server.loop.wait([&] { return closes.size() == 1; }));
}

TEST_CASE("a stream nobody starts or keeps ends its connection", "[net]") {
    Server server;
    server.loop.call([&] { server.on_stream = [](Record&, const std::shared_ptr<Stream>&) {}; });
    RawClient client(server.port);
    client.upgrade();
    CHECK(client.at_end());
}

TEST_CASE("a full send queue closes with 1013", "[net]") {
    ListenOptions options = loopback_options();
    options.send_queue_bytes_max = 8 << 20;
    Server server(options);
    RawClient client(server.port);
    client.upgrade();
    REQUIRE(server.wait_stream());

    SECTION("because the client does not read") {
        const SharedBytes megabyte = shared_zeros(1 << 20);
        REQUIRE(server.loop.wait([&] {
            Stream& stream = *server.records[0]->stream;
            stream.send(megabyte);
            CHECK(stream.queued_bytes() <= 8 << 20);
            return !server.records[0]->closes.empty();
        }));
    }
    SECTION("because one message is too much") {
        server.loop.call([&] {
            server.records[0]->stream->send(shared_zeros(8 << 20));
            server.records[0]->stream->send(shared_zeros(1));
        });
        REQUIRE(server.wait_close());
    }
    CHECK(server.close_info().code == 1013);
    CHECK_FALSE(server.close_info().by_remote);
}

TEST_CASE("paused reading delivers nothing and holds the sender back", "[net]") {
    Server server;
    LoopThread client;
    Record record;
    REQUIRE(connect_and_wait(client, connect_options(server.url("ws")), record));
    REQUIRE(server.wait_stream());
    server.loop.call([&] { server.records[0]->stream->pause_reading(true); });
    constexpr std::size_t count = 60;
    client.call([&] {
        for (std::size_t i = 0; i < count; ++i) {
            record.stream->send(shared(std::string(1 << 20, static_cast<char>('A' + i))));
        }
    });
    std::this_thread::sleep_for(300ms);
    CHECK(server.message_count() == 0);
    CHECK(client.call([&] { return record.stream->queued_bytes(); }) > 20 << 20);
    // Pausing again from inside the first delivery must hold, too.
    server.loop.call([&] { server.records[0]->stream->pause_reading(false); });
    REQUIRE(server.loop.wait([&] { return server.records[0]->messages.size() >= 3; }));
    server.loop.call([&] { server.records[0]->stream->pause_reading(true); });
    const std::size_t paused_at = server.message_count();
    std::this_thread::sleep_for(100ms);
    CHECK(server.message_count() == paused_at);
    server.loop.call([&] { server.records[0]->stream->pause_reading(false); });
    REQUIRE(server.loop.wait([&] { return server.records[0]->messages.size() == count; }, 30s));
    server.loop.call([&] {
        for (std::size_t i = 0; i < count; ++i) {
            CHECK(server.records[0]->messages[i].front() == static_cast<char>('A' + i));
        }
    });
    client.stop();
    record.stream.reset();
}

TEST_CASE("pausing inside on_message stops after that message", "[net]") {
    Server server;
    server.loop.call([&] {
        server.on_stream = [](Record& record, std::shared_ptr<Stream> stream) {
            record.stream = std::move(stream);
            record.stream->start(
                [&record](Bytes message) {
                    record.messages.push_back(to_text(message));
                    record.stream->pause_reading(true);
                    if (record.messages.size() == 2) { // a pause that ends at once is none
                        record.stream->pause_reading(false);
                    }
                },
                [](const CloseInfo&) {});
        };
    });
    RawClient client(server.port);
    client.upgrade();
    std::string many;
    for (int i = 0; i < 5; ++i) {
        many += RawClient::frame(binary_frame, std::to_string(i));
    }
    REQUIRE(client.send_text(many));
    REQUIRE(server.loop.wait([&] { return server.records[0]->messages.size() == 1; }));
    std::this_thread::sleep_for(50ms);
    CHECK(server.message_count() == 1);
    server.loop.call([&] { server.records[0]->stream->pause_reading(false); });
    REQUIRE(server.loop.wait([&] { return server.records[0]->messages.size() == 3; }));
    std::this_thread::sleep_for(50ms);
    CHECK(server.message_count() == 3);
}

TEST_CASE("a started stream lives without outside references until it is closed", "[net]") {
    Server server;
    auto closes = std::make_shared<int>(0);
    std::weak_ptr<Stream> weak;
    bool paused = GENERATE(false, true);
    server.loop.call([&] {
        server.on_stream = [&](Record&, const std::shared_ptr<Stream>& stream) {
            weak = stream;
            stream->start([](const Bytes&) {}, [closes](const CloseInfo&) { ++*closes; });
            stream->pause_reading(paused);
        };
    });
    {
        RawClient client(server.port);
        client.upgrade();
        client.send_frame(ping_frame, "x");
        if (!paused) {
            CHECK(client.read_frame().opcode == pong_frame);
        }
        CHECK_FALSE(server.loop.call([&] { return weak.expired(); }));
    }
    server.loop.call([&] {
        if (const auto stream = weak.lock()) {
            stream->pause_reading(false);
        }
    });
    CHECK(server.loop.wait([&] { return weak.expired(); }));
    CHECK(server.loop.call([&] { return *closes; }) == 1);
    CHECK(closes.use_count() == 1); // the callbacks are gone with it
}

TEST_CASE("callbacks may drop the last reference to their stream", "[net]") {
    Server server;
    std::weak_ptr<Stream> weak;
    server.loop.call([&] {
        server.on_stream = [&](Record& record, std::shared_ptr<Stream> stream) {
            weak = stream;
            record.stream = std::move(stream);
            record.stream->start(
                [&record](const Bytes&) {
                    record.stream->send(shared("last words"));
                    record.stream->close(CloseCode::normal, "");
                    record.stream.reset();
                },
                [&record](CloseInfo info) { record.closes.push_back(std::move(info)); });
        };
    });
    RawClient client(server.port);
    client.upgrade();
    REQUIRE(client.send_frame(binary_frame, "x"));
    CHECK(client.read_frame().payload == "last words");
    const Frame frame = client.read_frame();
    CHECK(frame.close_code() == 1000);
    client.send_frame(close_frame, frame.payload);
    REQUIRE(server.wait_close());
    CHECK(server.loop.wait([&] { return weak.expired(); }));
}

TEST_CASE("a reactor may go while everything is in flight", "[net]") {
    const TempDir dir;
    ListenOptions options = loopback_options();
    options.tls = dir.tls_files();
    REQUIRE(make_self_signed(*options.tls, "node"));
    auto server = std::make_unique<Server>(options);
    RawClient half(server->port);
    RawClient reader(server->port, Transport::tls);
    reader.upgrade();
    RawClient slow(server->port, Transport::tls);
    slow.upgrade();
    REQUIRE(server->loop.wait([&] { return server->records.size() == 2; }));
    server->loop.call([&] {
        for (const auto& record : server->records) {
            for (int i = 0; i < 10; ++i) {
                record->stream->send(shared_zeros(1 << 20));
            }
        }
        server->records[1]->stream->close(CloseCode::going_away, "");
    });
    server.reset();
    reader.read(50 << 20);
    CHECK(reader.at_end());
    CHECK(half.at_end());
}

TEST_CASE("a sender is told when everything has been handed on", "[net]") {
    Server server;
    LoopThread client;
    Record record;
    REQUIRE(connect_and_wait(client, connect_options(server.url("ws")), record));
    int drained = 0;
    client.call([&] {
        record.stream->on_drained([&] { ++drained; });
        record.stream->send(shared_zeros(100'000));
        record.stream->send(shared("end"));
    });
    REQUIRE(client.wait([&] { return record.messages.size() == 2; })); // echoed
    CHECK(client.call([&] { return drained; }) >= 1);
    CHECK(client.call([&] { return record.stream->queued_bytes(); }) == 0);
}

TEST_CASE("a stream may be allowed larger messages later", "[net]") {
    Server server(options_with_limit(100));
    server.loop.call([&] {
        server.on_stream = [](Record& record, std::shared_ptr<Stream> stream) {
            stream->limit_messages(1000);
            record.start(std::move(stream), true);
        };
    });
    LoopThread client;
    Record record;
    REQUIRE(connect_and_wait(client, connect_options(server.url("ws")), record));
    client.call([&] { record.stream->send(shared_zeros(1000)); });
    REQUIRE(client.wait([&] { return record.messages.size() == 1; }));
    client.call([&] { record.stream->send(shared_zeros(1001)); });
    REQUIRE(server.wait_close());
    CHECK(server.close_info().code == static_cast<std::uint16_t>(CloseCode::too_big));
}

} // namespace hp::net::test
