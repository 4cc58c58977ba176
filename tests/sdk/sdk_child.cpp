// SPDX-License-Identifier: Apache-2.0
//
// The contract that the SDK's unit tests run: the first argument chooses what it does with the SDK,
// and it reports on standard output, line by line.
//
// Threads: main thread only.
#include <hp/contract/contract.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <csignal>
#include <dirent.h>
#include <fcntl.h>
#include <sys/time.h>
#include <unistd.h>

namespace {

using namespace hp::contract;

void say(const char* name, std::string_view value) {
    std::printf("%s=%.*s\n", name, static_cast<int>(value.size()), value.data());
}

void say(const char* name, std::uint64_t value) {
    say(name, std::to_string(value));
}

/// An error by the name of the std::errc it stands for.
std::string_view error_name(std::error_code error) {
    if (!error)
        return "none";
    if (error == std::errc::broken_pipe)
        return "broken_pipe";
    if (error == std::errc::invalid_argument)
        return "invalid_argument";
    if (error == std::errc::message_size)
        return "message_size";
    if (error == std::errc::not_connected)
        return "not_connected";
    if (error == std::errc::protocol_error)
        return "protocol_error";
    return "other";
}

std::string_view status_name(NplStatus status) {
    switch (status) {
    case NplStatus::message:
        return "message";
    case NplStatus::timeout:
        return "timeout";
    case NplStatus::closed:
        return "closed";
    case NplStatus::failed:
        return "failed";
    case NplStatus::stopped:
        return "stopped";
    }
    return "unknown";
}

std::string make_pattern(std::size_t size) {
    std::string out(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
        out[i] = static_cast<char>('a' + i % 23);
    return out;
}

void dump(Context& c) {
    say("hp_version", c.hp_version());
    say("contract_id", c.contract_id());
    say("public_key", c.public_key().hex());
    say("public_key_byte0", c.public_key().bytes()[0]);
    say("public_key_byte32", c.public_key().bytes()[32]);
    say("private_key", c.private_key() ? c.private_key()->hex() : "absent");
    say("private_key_bytes", c.private_key() ? c.private_key()->bytes().size() : 0);
    say("timestamp", c.timestamp_ms());
    say("time", static_cast<std::uint64_t>(c.time().time_since_epoch().count()));
    say("readonly", c.readonly() ? "true" : "false");
    say("lcl_seq_no", c.lcl_seq_no() ? std::to_string(*c.lcl_seq_no()) : "absent");
    say("lcl_hash", c.lcl_hash() ? c.lcl_hash()->hex() : "absent");
    say("npl", c.npl().available() ? "available" : "absent");
    say("input_fd", c.input_fd() ? "present" : "absent");
    say("document_bytes", c.document().size());
    for (const UnlNode& node : c.unl())
        say("unl", std::string(node.public_key.hex()) + " " + std::to_string(node.active_on_ms));
    for (const User& user : c.users())
        say("user",
            std::string(user.public_key().hex()) + " " + std::to_string(user.inputs().size()));
}

/// Both ways to read an input must give the same bytes.
void inputs(Context& c) {
    std::uint64_t count = 0;
    std::uint64_t bytes = 0;
    for (User& user : c.users())
        for (const Input& input : user.inputs()) {
            Bytes copy;
            if (input.copy_to(copy) || as_text(copy) != input.text())
                say("differs", input.offset());
            user.send(copy);
            ++count;
            bytes += input.size();
        }
    say("count", count);
    say("bytes", bytes);
}

void lookup(Context& c) {
    say("count", c.users().count());
    for (User& user : c.users()) {
        say("by_key", c.users().find(user.public_key()) == &user ? "found" : "lost");
        say("by_hex", c.users().find(user.public_key().hex()) == &user ? "found" : "lost");
    }
    say("stranger", c.users().find(std::string(66, '0')) == nullptr ? "none" : "found");
    say("nonsense", c.users().find("xyz") == nullptr ? "none" : "found");
    say("own_node", c.unl().find(c.public_key()) != nullptr ? "found" : "none");
    say("other_node", c.unl().find(std::string(66, '0')) != nullptr ? "found" : "none");
}

void send_large(Context& c) {
    for (User& user : c.users())
        say("error", error_name(user.send(make_pattern(5'000'000))));
}

/// The same while signals keep interrupting the calls.
void send_interrupted(Context& c) {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    ::sigaction(SIGALRM, &action, nullptr); // without SA_RESTART
    const itimerval timer{{0, 500}, {0, 500}};
    ::setitimer(ITIMER_REAL, &timer, nullptr);
    send_large(c);
    const itimerval off{};
    ::setitimer(ITIMER_REAL, &off, nullptr);
}

/// A descriptor that somebody else made non-blocking.
void send_nonblocking(Context& c) {
    for (User& user : c.users())
        ::fcntl(user.output_fd(), F_SETFL, O_NONBLOCK);
    send_large(c);
}

void send_shapes(Context& c) {
    const std::string text = make_pattern(3000);
    std::vector<BytesView> letters;
    for (const char& letter : text)
        letters.push_back(as_bytes({&letter, 1}));
    for (User& user : c.users()) {
        say("send", error_name(user.send("")));
        say("parts", error_name(user.send_parts(letters)));
        say("no_parts", error_name(user.send_parts({})));
        say("batch", error_name(user.send_batch(letters)));
        say("no_batch", error_name(user.send_batch({})));
    }
}

void send_until_error(Context& c) {
    const std::string text = make_pattern(1000);
    for (User& user : c.users()) {
        std::error_code error;
        for (int i = 0; i < 100'000 && !error; ++i)
            error = user.send(text);
        say("error", error_name(error));
        say("again", error_name(user.send("x")));
    }
}

void say_received(const NplResult& result) {
    say("status", status_name(result.status));
    if (!result)
        return say("error", error_name(result.error));
    say("sender", result.message->sender.hex());
    say("self", result.message->from_self ? "true" : "false");
    say("bytes", result.message->data.size());
    say("data", result.message->text().substr(0, 40));
}

void npl_exchange(Context& c) {
    Npl& npl = c.npl();
    say("send", error_name(npl.send("hello nodes")));
    say_received(npl.receive(5000));
    say("largest", error_name(npl.send(make_pattern(Npl::message_bytes_max))));
    say_received(npl.receive(5000));
    say("empty", error_name(npl.send("")));
    say("too_long", error_name(npl.send(make_pattern(Npl::message_bytes_max + 1))));
    const auto start = std::chrono::steady_clock::now();
    say_received(npl.receive(60));
    const auto waited = std::chrono::steady_clock::now() - start;
    say("waited", waited >= std::chrono::milliseconds(60) ? "long enough" : "too short");
    say_received(npl.receive(0));
    say_received(npl.receive(-5));
}

void npl_receive(Context& c) {
    for (int i = 0; i < 4; ++i)
        say_received(c.npl().receive(100));
    say("send", error_name(c.npl().send("anybody?")));
}

void peers(Context& c) {
    using Peers = std::vector<std::string>;
    Control& control = c.control();
    const Peers two{"10.0.0.1:22860", "node.example:1"};
    const Peers one{"10.0.0.9:65535"};
    say("update", error_name(control.update_peers(two, one)));
    say("nothing", error_name(control.update_peers({}, {})));
    say("replace", error_name(control.replace_all(one)));
    for (const char* bad : {"", "host", ":1", "host:", "host:0", "host:65536", "host:1x", "a:b:1",
                            "ho\"st:1", "ho\\st:1", "ho st:1", "h\xc3\xb6st:1", "host:+1"}) {
        say("bad_add", error_name(control.update_peers(Peers{bad}, {})));
        say("bad_remove", error_name(control.update_peers({}, Peers{bad})));
        say("bad_replace", error_name(control.replace_all(Peers{bad})));
    }
    say("too_long", error_name(control.update_peers(Peers(20'000, "10.0.0.1:22860"), {})));
    say("end", error_name(control.contract_end()));
}

void random_numbers(Context& c) {
    for (int i = 0; i < 3; ++i)
        say("raw", c.rng()());
    for (int i = 0; i < 3; ++i)
        say("die", c.rng().below(6));
    say("zero", c.rng().below(0));
}

void close_on_exec(Context&) {
    DIR* const dir = ::opendir("/proc/self/fd");
    std::uint64_t marked = 0;
    while (const dirent* entry = ::readdir(dir)) {
        const int fd = std::atoi(entry->d_name);
        if (fd < 3 || fd == ::dirfd(dir))
            continue;
        if ((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0)
            ++marked;
        else
            say("leaks", static_cast<std::uint64_t>(fd));
    }
    ::closedir(dir);
    say("marked", marked);
}

void throw_error(Context& c) {
    for (User& user : c.users())
        user.send("before");
    throw std::runtime_error("disk on fire");
}

void throw_number(Context&) {
    throw 42;
}

struct Mode {
    std::string_view name;
    void (*handler)(Context&);
};

constexpr std::array modes{
    Mode{"dump", dump},
    Mode{"inputs", inputs},
    Mode{"lookup", lookup},
    Mode{"send_large", send_large},
    Mode{"send_interrupted", send_interrupted},
    Mode{"send_nonblocking", send_nonblocking},
    Mode{"send_shapes", send_shapes},
    Mode{"send_until_error", send_until_error},
    Mode{"npl_exchange", npl_exchange},
    Mode{"npl_receive", npl_receive},
    Mode{"peers", peers},
    Mode{"rng", random_numbers},
    Mode{"close_on_exec", close_on_exec},
    Mode{"throw_error", throw_error},
    Mode{"throw_number", throw_number},
};

} // namespace

int main(int argc, char** argv) {
    const std::string_view name = argc > 1 ? argv[1] : "";
    if (name == "twice") {
        const int first = run([](Context&) {});
        say("first", static_cast<std::uint64_t>(first));
        return run([](Context&) { say("ran", "twice"); });
    }
    const auto mode =
        std::find_if(modes.begin(), modes.end(), [name](const Mode& m) { return m.name == name; });
    return mode == modes.end() ? 99 : run(mode->handler);
}
