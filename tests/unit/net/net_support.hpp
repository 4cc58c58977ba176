// SPDX-License-Identifier: Apache-2.0
// What the net tests share: a reactor on its own thread, a server that records what happens to it
// (and echoes unless told otherwise), a recorder for one client stream.
// Thread rule: the test's thread calls; everything recorded is touched on the loop thread only.
#pragma once

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "hp/net/message_stream.hpp"
#include "hp/net/reactor.hpp"
#include "hp/net/tls.hpp"

namespace hp::net::test {

using Steady = std::chrono::steady_clock;
using namespace std::chrono_literals;

class TempDir {
public:
    TempDir() {
        std::string name = (std::filesystem::temp_directory_path() / "hp_net_XXXXXX").string();
        path_ = mkdtemp(name.data());
    }
    ~TempDir() { std::filesystem::remove_all(path_); }
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    std::string file(const std::string& name) const { return (path_ / name).string(); }
    TlsFiles tls_files() const { return {file("cert.pem"), file("key.pem")}; }

private:
    std::filesystem::path path_;
};

class LoopThread {
public:
    LoopThread() : thread_([this] { reactor_.run(); }) {}
    ~LoopThread() { stop(); }
    LoopThread(const LoopThread&) = delete;
    LoopThread& operator=(const LoopThread&) = delete;

    Reactor& reactor() { return reactor_; }

    void stop() {
        reactor_.stop();
        if (thread_.joinable()) {
            thread_.join();
        }
    }

    // Runs `work` on the loop and returns what it returns.
    template <class Work>
    auto call(Work work) {
        auto task = std::make_shared<std::packaged_task<decltype(work())()>>(std::move(work));
        auto future = task->get_future();
        reactor_.post([task] { (*task)(); });
        return future.get();
    }

    // Asks `condition` on the loop until it holds; false after `limit`.
    bool wait(const std::function<bool()>& condition, std::chrono::milliseconds limit = 10s) {
        const auto deadline = Steady::now() + limit;
        while (!call(condition)) {
            if (Steady::now() > deadline) {
                return false;
            }
            std::this_thread::sleep_for(2ms);
        }
        return true;
    }

private:
    Reactor reactor_;
    std::thread thread_;
};

inline SharedBytes shared(std::string_view text) {
    return std::make_shared<const Bytes>(to_bytes(text));
}

inline SharedBytes shared_zeros(std::size_t count) {
    return std::make_shared<const Bytes>(count);
}

// What one stream has seen.
struct Record {
    std::shared_ptr<Stream> stream;
    std::vector<std::string> messages;
    std::vector<CloseInfo> closes;

    void start(std::shared_ptr<Stream> started, bool echo = false) {
        stream = std::move(started);
        stream->start(
            [this, echo](Bytes message) {
                CHECK(closes.empty());
                messages.push_back(to_text(message));
                if (echo) {
                    stream->send(std::make_shared<const Bytes>(std::move(message)));
                }
            },
            [this](CloseInfo info) { closes.push_back(std::move(info)); });
    }
};

inline ListenOptions loopback_options() {
    ListenOptions options;
    options.address = "127.0.0.1";
    options.message_bytes_max = 8 << 20;
    options.send_queue_bytes_max = 64 << 20;
    options.setup_timeout_ms = 5000;
    options.ping_interval_ms = 25000;
    return options;
}

class Server {
public:
    explicit Server(ListenOptions options = loopback_options(), Log log = {}) {
        ListenHandlers handlers;
        handlers.admit = [this](const std::string& host) {
            hosts.push_back(host);
            return admit;
        };
        handlers.on_stream = [this](std::shared_ptr<Stream> stream) {
            records.push_back(std::make_unique<Record>());
            Record* record = records.back().get();
            if (on_stream) {
                on_stream(*record, std::move(stream));
            } else {
                record->start(std::move(stream), true);
            }
        };
        handlers.on_aborted = [this](const std::string&, const std::string& why) {
            aborted.push_back(why);
        };
        loop.call([&] {
            auto made = listen(loop.reactor(), options, std::move(handlers), std::move(log));
            REQUIRE(made);
            listener = std::move(*made);
            port = listener->port();
        });
    }
    ~Server() { loop.stop(); } // then the members may go on this thread
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // Of the first connection.
    bool wait_stream() {
        return loop.wait([this] { return !records.empty(); });
    }
    bool wait_close() {
        return loop.wait([this] { return !records.empty() && !records[0]->closes.empty(); });
    }
    CloseInfo close_info() {
        return loop.call([this] { return records.at(0)->closes.at(0); });
    }
    std::size_t message_count() {
        return loop.call([this] { return records.empty() ? 0 : records[0]->messages.size(); });
    }
    std::size_t aborted_count() {
        return loop.call([this] { return aborted.size(); });
    }
    std::string url(const std::string& scheme) const {
        return scheme + "://127.0.0.1:" + std::to_string(port) + "/";
    }

    LoopThread loop;
    bool admit = true;
    std::function<void(Record&, std::shared_ptr<Stream>)> on_stream; // set through loop.call
    std::vector<std::string> hosts;
    std::vector<std::string> aborted;
    std::vector<std::unique_ptr<Record>> records;
    std::unique_ptr<Listener> listener;
    std::uint16_t port = 0;
};

inline ConnectOptions connect_options(std::string url) {
    ConnectOptions options;
    options.url = std::move(url);
    options.message_bytes_max = 8 << 20;
    options.send_queue_bytes_max = 64 << 20;
    options.timeout_ms = 5000;
    return options;
}

// Connects on `loop` and waits for the outcome; a stream is started into `record`.
inline Status connect_and_wait(LoopThread& loop, const ConnectOptions& options, Record& record) {
    auto outcome = std::make_shared<std::promise<Status>>();
    auto future = outcome->get_future();
    loop.call([&, outcome] {
        connect(loop.reactor(), options,
                [outcome, &record](Result<std::shared_ptr<Stream>> result) {
                    if (!result) {
                        outcome->set_value(fail(std::move(result.error())));
                        return;
                    }
                    record.start(std::move(*result));
                    outcome->set_value({});
                });
    });
    if (future.wait_for(30s) != std::future_status::ready) {
        return fail(Errc::timeout, "connect never called back");
    }
    return future.get();
}

inline Errc code_of(const Status& status) {
    REQUIRE_FALSE(status);
    return status.err().code;
}

} // namespace hp::net::test
