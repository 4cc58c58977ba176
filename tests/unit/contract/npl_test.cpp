// SPDX-License-Identifier: Apache-2.0
// NPL and control through real processes (contract-protocol.md section 15, tests 43 and 47 to 53).
#include "contract/npl_channel.hpp"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "contract/fd_passing.hpp"
#include "hp/base/limits.hpp"
#include "run_fixture.hpp"

using namespace hp;
using namespace hp::contract;
using namespace hp::test;

TEST_CASE("300 NPL messages come back in pairs and in order") {
    RunFixture f;
    REQUIRE(f.succeeded(f.run("npl_echo 300 10")));
    REQUIRE(f.npl.size() == 300);
    CHECK(f.npl[0] == "0:aaaaaaaa");
    CHECK(f.npl[299].substr(0, 4) == "299:");
}

TEST_CASE("NPL messages of the largest size") {
    RunFixture f;
    REQUIRE(f.succeeded(f.run("npl_echo 20 131072")));
    REQUIRE(f.npl.size() == 20);
    CHECK(f.npl[19].size() == 131072);
}

TEST_CASE("a contract that does not read NPL harms nobody") {
    RunFixture f;
    // 3 MB as in the test of the specification, then far beyond the queue's bytes, then its count.
    for (const char* args :
         {"npl_flood 24 131072 0", "npl_flood 600 131072 0", "npl_flood 6000 10 0"}) {
        f.npl.clear();
        const RunResult result = f.run(args);
        REQUIRE(f.succeeded(result));
        CHECK(f.npl.size() == std::stoul(std::string(args).substr(10)));
    }
    f.spec.limits.exec_timeout = 200;
    const RunResult result = f.run("npl_flood 24 131072 20000");
    CHECK(result.end == RunEnd::timed_out);
    CHECK(result.stats.wall_us < 2'000'000);
}

TEST_CASE("npl_output_bytes drops what goes over it and nothing else") {
    RunFixture f;
    f.spec.limits.npl_output_bytes = 100;
    const RunResult result = f.run("npl_limit");
    CHECK(f.succeeded(result));
    CHECK(f.npl.size() == 2);
    CHECK(result.notes.size() == 1);
}

TEST_CASE("a node that may not send NPL sends none and echoes none") {
    RunFixture f;
    f.spec.npl_enabled = false;
    CHECK(f.succeeded(f.run("npl_silent")));
    CHECK(f.npl.empty());
}

TEST_CASE("empty and oversized NPL packets are no messages") {
    RunFixture f;
    const RunResult result = f.run("npl_odd");
    CHECK(f.succeeded(result));
    CHECK(f.npl == std::vector<std::string>{"good"});
    CHECK(result.notes.size() == 1);
}

TEST_CASE("a contract that stops sending still receives") {
    RunFixture f;
    CHECK(f.succeeded(f.run("npl_half_close")));
}

TEST_CASE("control messages arrive one by one") {
    RunFixture f;
    REQUIRE(f.succeeded(f.run("control {\"type\":\"contract_end\"} second")));
    CHECK(f.control == std::vector<std::string>{"{\"type\":\"contract_end\"}", "second"});
}

TEST_CASE("channels closed early neither end the run nor keep the node busy") {
    RunFixture f;
    rusage before{};
    rusage after{};
    ::getrusage(RUSAGE_THREAD, &before);
    REQUIRE(f.succeeded(f.run("close_channels 300")));
    ::getrusage(RUSAGE_THREAD, &after);
    const auto cpu_us = [](const rusage& usage) {
        return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1'000'000 +
               usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
    };
    CHECK(cpu_us(after) - cpu_us(before) < 100'000);
}

TEST_CASE("a foreign process that holds the channels cannot hold up the node") {
    RunFixture f;
    f.spec.log_files = RunLogFiles{"/dev/null", "/dev/null"};
    const std::string path = f.state / "give";
    const os::Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener.get(), 1) == 0);

    const auto old_handler = std::signal(SIGPIPE, SIG_IGN); // the writer below meets closed pipes
    std::atomic<bool> over{false};
    std::size_t received = 0;
    std::thread writer([&] {
        const os::Fd link(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
        std::uint8_t byte = 0;
        std::vector<int> fds;
        static_cast<void>(receive_packet(link.get(), {&byte, 1}, fds));
        received = fds.size();
        static_cast<void>(os::write_all(link.get(), {&byte, 1}));
        const std::string noise(4096, '\0');
        while (!over) {
            for (const int fd : fds) {
                if (::send(fd, noise.data(), noise.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
                    errno == ENOTSOCK) {
                    [[maybe_unused]] const ssize_t count = ::write(fd, noise.data(), 1);
                }
            }
        }
        for (const int fd : fds) {
            ::close(fd);
        }
    });
    const RunResult result = f.run("give_away " + path);
    over = true;
    writer.join();
    std::signal(SIGPIPE, old_handler);
    CHECK(received == 4);
    CHECK(f.succeeded(result));
    CHECK(result.stats.wall_us < 10'000'000);
}

TEST_CASE("the outbox is bounded and keeps pairs together over a full socket") {
    auto pair = make_packet_channel();
    REQUIRE(pair);
    NplOutbox outbox;
    const Bytes message(100'000, 'm');
    std::size_t pushed = 0;
    while (outbox.push(numbered_key(1), message)) {
        ++pushed;
        outbox.flush(pair->ours);
    }
    CHECK(pushed >= limits::npl_queue_bytes_max / message.size());
    Bytes buffer(limits::npl_message_bytes_max);
    for (std::size_t i = 0; i < pushed; ++i) {
        REQUIRE(::recv(pair->theirs.get(), buffer.data(), buffer.size(), MSG_DONTWAIT) == 66);
        REQUIRE(to_text(ByteView(buffer).first(66)) == numbered_key(1).hex());
        outbox.flush(pair->ours);
        REQUIRE(::recv(pair->theirs.get(), buffer.data(), buffer.size(), MSG_DONTWAIT) == 100'000);
    }
    CHECK(outbox.empty());
    pair->theirs.reset();
    outbox.push(numbered_key(1), message);
    outbox.flush(pair->ours);
    CHECK(outbox.empty());
}
