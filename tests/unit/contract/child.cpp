// SPDX-License-Identifier: Apache-2.0
// The contract of the runner's tests: argv[1] names what it does, the rest are its arguments. Exit
// code 0 says that everything it checks itself was right. Plain POSIX on purpose: it must see what
// a contract without any library of ours sees.
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <functional>
#include <map>
#include <poll.h>
#include <string>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <nlohmann/json.hpp>

extern char** environ;

namespace {

using nlohmann::json;
using Args = std::vector<std::string>;

std::string program; // argv[0]
std::string document_text;
std::size_t reads_of_document = 0;
json document;

std::string read_stdin() {
    std::string text;
    char buffer[65536];
    for (;;) {
        const ssize_t count = ::read(0, buffer, sizeof buffer);
        if (count <= 0) {
            return text;
        }
        ++reads_of_document;
        text.append(buffer, static_cast<std::size_t>(count));
    }
}

std::size_t number(const Args& args, std::size_t index) {
    return std::stoul(args.at(index));
}

void sleep_ms(std::size_t ms) {
    ::usleep(static_cast<useconds_t>(ms * 1000));
}

void append_line(const std::string& file, const std::string& line) {
    std::ofstream(file, std::ios::app) << line << "\n";
}

// --- users -------------------------------------------------------------------------------------

std::vector<int> user_fds() {
    std::vector<int> fds;
    for (const auto& [key, user] : document["users"].items()) {
        fds.push_back(user.at(0).get<int>());
    }
    return fds;
}

bool write_all(int fd, const std::string& bytes) {
    std::size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t count = ::write(fd, bytes.data() + done, bytes.size() - done);
        if (count < 0) {
            return false;
        }
        done += static_cast<std::size_t>(count);
    }
    return true;
}

std::string length_bytes(std::uint32_t size) {
    std::string out;
    for (int shift = 24; shift >= 0; shift -= 8) {
        out += static_cast<char>(size >> shift & 255);
    }
    return out;
}

std::string frame(const std::string& message) {
    return length_bytes(static_cast<std::uint32_t>(message.size())) + message;
}

std::string pread_all(int fd, std::uint64_t offset, std::uint64_t length) {
    std::string out(length, '\0');
    const ssize_t count = ::pread(fd, out.data(), out.size(), static_cast<off_t>(offset));
    out.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
    return out;
}

int echo(const Args&) {
    const int in = document["user_in_fd"];
    for (const auto& [key, user] : document["users"].items()) {
        for (std::size_t i = 1; i < user.size(); ++i) {
            if (!write_all(user[0], frame(pread_all(in, user[i][0], user[i][1])))) {
                return 1;
            }
        }
    }
    return 0;
}

// frames <count> <size> [<pause us>]: message i to every user is a digit repeated.
int frames(const Args& args) {
    for (std::size_t i = 0; i < number(args, 1); ++i) {
        const std::string message(number(args, 2), static_cast<char>('0' + i % 10));
        for (const int fd : user_fds()) {
            if (!write_all(fd, frame(message))) {
                return 1;
            }
        }
        if (args.size() > 3) {
            ::usleep(static_cast<useconds_t>(number(args, 3)));
        }
    }
    return 0;
}

int half_frame(const Args&) {
    return write_all(user_fds().front(), frame("whole") + length_bytes(100) + "only a part") ? 0
                                                                                             : 1;
}

// A length no one can mean, then more; the second user's output must not suffer.
int huge_header(const Args&) {
    const std::vector<int> fds = user_fds();
    const bool sent = write_all(fds[0], frame("before") + "\xff\xff\xff\xf0" + "garbage");
    sleep_ms(50);
    return sent && write_all(fds[0], std::string(300'000, 'x')) && write_all(fds[1], frame("fine"))
               ? 0
               : 1;
}

int slow_header(const Args&) {
    for (const char byte : frame("slowly")) {
        if (!write_all(user_fds().front(), std::string(1, byte))) {
            return 1;
        }
        sleep_ms(5);
    }
    return write_all(user_fds().front(), frame("") + frame("after")) ? 0 : 1;
}

// Every input is "input <index>", and zeros follow it up to the next page.
int check_inputs(const Args& args) {
    const int in = document["user_in_fd"];
    struct stat info {};
    ::fstat(in, &info);
    const auto size = static_cast<std::size_t>(info.st_size);
    const void* map = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, in, 0);
    if (map == MAP_FAILED) {
        return 1;
    }
    const char* bytes = static_cast<const char*>(map);
    std::size_t index = 0;
    for (const auto& [key, user] : document["users"].items()) {
        for (std::size_t i = 1; i < user.size(); ++i, ++index) {
            const std::size_t offset = user[i][0];
            const std::string expected = "input " + std::to_string(index);
            if (offset % 4096 != 0 || user[i][1] != expected.size() ||
                ::strcmp(bytes + offset, expected.c_str()) != 0) {
                return 2;
            }
        }
    }
    return index == number(args, 1) && size % 4096 == 0 ? 0 : 3;
}

int write_inputs(const Args&) {
    for (const int fd : {document["user_in_fd"].get<int>(), 0}) {
        const std::string path = "/proc/self/fd/" + std::to_string(fd);
        const int again = ::open(path.c_str(), O_RDWR);
        for (const int target : {fd, again}) {
            if (target >= 0 && (::pwrite(target, "x", 1, 0) >= 0 || ::ftruncate(target, 0) == 0 ||
                                ::ftruncate(target, 1 << 20) == 0)) {
                return 1;
            }
        }
        if (::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED) {
            return 2;
        }
    }
    return 0;
}

// --- NPL and control ---------------------------------------------------------------------------

bool npl_send(const std::string& message) {
    return ::send(document["npl_fd"], message.data(), message.size(), 0) ==
           static_cast<ssize_t>(message.size());
}

// Empty at the end of the channel or after `timeout_ms`.
std::string npl_packet(int timeout_ms) {
    pollfd wait{document["npl_fd"].get<int>(), POLLIN, 0};
    if (::poll(&wait, 1, timeout_ms) != 1) {
        return {};
    }
    std::string buffer(200'000, '\0');
    const ssize_t count = ::recv(wait.fd, buffer.data(), buffer.size(), 0);
    buffer.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
    return buffer;
}

bool npl_expect(const std::string& message) {
    return npl_packet(5000) == document["public_key"].get<std::string>() &&
           npl_packet(5000) == message;
}

std::string npl_text(std::size_t index, std::size_t size) {
    std::string text = std::to_string(index) + ":";
    text.resize(std::max(size, text.size()), static_cast<char>('a' + index % 26));
    return text;
}

// npl_echo <count> <size>: send all, then read all back, in order.
int npl_echo(const Args& args) {
    for (std::size_t i = 0; i < number(args, 1); ++i) {
        if (!npl_send(npl_text(i, number(args, 2)))) {
            return 1;
        }
    }
    for (std::size_t i = 0; i < number(args, 1); ++i) {
        if (!npl_expect(npl_text(i, number(args, 2)))) {
            return 2;
        }
    }
    return npl_packet(50).empty() ? 0 : 3;
}

// npl_flood <count> <size> <ms>: send, read nothing, sleep.
int npl_flood(const Args& args) {
    const std::string message(number(args, 2), 'f');
    for (std::size_t i = 0; i < number(args, 1); ++i) {
        if (!npl_send(message)) {
            return 1;
        }
    }
    sleep_ms(number(args, 3));
    return 0;
}

// Three messages of 40 bytes with a limit of 100; then what came back.
int npl_limit(const Args&) {
    const std::string message(40, 'l');
    for (int i = 0; i < 3; ++i) {
        if (!npl_send(message)) {
            return 1;
        }
    }
    return npl_expect(message) && npl_expect(message) && npl_packet(100).empty() ? 0 : 2;
}

int npl_silent(const Args&) {
    return npl_send("nobody hears this") && npl_packet(200).empty() ? 0 : 1;
}

// An empty packet and one over the size are no messages; they end nothing either.
int npl_odd(const Args&) {
    const int fd = document["npl_fd"];
    const std::string large(150'000, 'L');
    return ::send(fd, "", 0, 0) == 0 && ::send(fd, large.data(), large.size(), 0) == 150'000 &&
                   ::send(fd, "", 0, 0) == 0 && npl_send("good") && npl_expect("good")
               ? 0
               : 1;
}

int npl_half_close(const Args&) {
    const bool sent = npl_send("last");
    ::shutdown(document["npl_fd"], SHUT_WR);
    sleep_ms(50);
    return sent && npl_expect("last") ? 0 : 1;
}

// npl_collect <count> [<text>]: sends the text, then passes on so many messages to the first user,
// each with a part of its sender's key.
int npl_collect(const Args& args) {
    if (args.size() > 2 && !npl_send(args[2])) {
        return 1;
    }
    for (std::size_t i = 0; i < number(args, 1); ++i) {
        const std::string key = npl_packet(10'000);
        const std::string text = npl_packet(10'000);
        if (key.size() != 66 || text.empty() ||
            !write_all(user_fds().front(), frame(key.substr(0, 10) + " " + text))) {
            return 2;
        }
    }
    return npl_packet(50).empty() ? 0 : 3;
}

// contract_end <count> <size>: sends so many NPL messages, says that it is done and reads NPL and
// control to their ends.
int contract_end(const Args& args) {
    const int npl = document["npl_fd"];
    const int control = document["control_fd"];
    for (std::size_t i = 0; i < number(args, 1); ++i) {
        if (!npl_send(npl_text(i, number(args, 2)))) {
            return 1;
        }
    }
    sleep_ms(50); // the echoes fill the socket
    const std::string end = "{\"type\":\"contract_end\"}";
    ::send(control, end.data(), end.size(), 0);
    std::string buffer(200'000, '\0');
    std::size_t packets = 0;
    while (::recv(npl, buffer.data(), buffer.size(), 0) > 0) {
        ++packets;
    }
    if (packets % 2 != 0 || ::recv(control, buffer.data(), buffer.size(), 0) != 0) {
        return 2;
    }
    return npl_send("still heard") && write_all(user_fds().front(), frame("after the end")) ? 0 : 3;
}

int control(const Args& args) {
    for (std::size_t i = 1; i < args.size(); ++i) {
        ::send(document["control_fd"], args[i].data(), args[i].size(), 0);
        ::send(document["control_fd"], "", 0, 0);
    }
    return 0;
}

// --- processes ---------------------------------------------------------------------------------

int sleep_args(const Args& args) {
    sleep_ms(number(args, 1));
    return 0;
}

int stubborn(const Args&) {
    ::signal(SIGTERM, SIG_IGN);
    append_line("pids.txt", std::to_string(::getpid()));
    for (;;) {
        sleep_ms(1000);
    }
}

// A process of its own that writes its pid and stays.
void stay(bool new_session) {
    if (::fork() == 0) {
        if (new_session) {
            ::setsid();
        } else {
            ::setpgid(0, 0);
        }
        if (::fork() == 0) {
            ::signal(SIGTERM, SIG_IGN);
            ::signal(SIGHUP, SIG_IGN);
            append_line("pids.txt", std::to_string(::getpid()));
            for (;;) {
                sleep_ms(1000);
            }
        }
        ::_exit(0);
    }
}

// daemons <ms>: leaves daemons behind that hold all descriptors, sleeps and ends.
int leave_daemons(const Args& args) {
    append_line("pids.txt", std::to_string(::getpid()));
    for (int i = 0; i < 4; ++i) {
        stay(i % 2 == 0);
    }
    for (int lines = 0; lines < 5; sleep_ms(1)) { // all have written their pids
        std::ifstream in("pids.txt");
        lines = static_cast<int>(std::count(std::istreambuf_iterator<char>(in), {}, '\n'));
    }
    sleep_ms(number(args, 1));
    return 0;
}

// Ten lines of processes, each of which forks its successor and ends, for 20 seconds: never more
// than a few at a time, but always others. With "session" each has a session of its own.
int relay(const Args& args) {
    const bool new_sessions = args.at(1) == "session";
    const auto end = ::time(nullptr) + 20;
    for (int i = 0; i < 10; ++i) {
        if (::fork() != 0) {
            continue;
        }
        while (::time(nullptr) < end) {
            if (::fork() != 0) {
                ::_exit(0);
            }
            if (new_sessions) {
                ::setsid();
            }
        }
        ::_exit(0);
    }
    sleep_ms(50);
    return 0;
}

// Many orphans that end while the contract runs.
int orphans(const Args&) {
    for (int i = 0; i < 50; ++i) {
        const pid_t pid = ::fork();
        if (pid == 0) {
            if (::fork() != 0) {
                ::_exit(0);
            }
            ::_exit(3);
        }
        ::waitpid(pid, nullptr, 0);
    }
    sleep_ms(50);
    const std::string children = "/proc/" + std::to_string(::getppid()) + "/task/" +
                                 std::to_string(::getppid()) + "/children";
    std::ifstream in(children);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    return text == std::to_string(::getpid()) + " " ? 0 : 1; // no zombies beside this
}

int kill_supervisor(const Args&) {
    append_line("pids.txt", std::to_string(::getpid()));
    stay(true);
    sleep_ms(100);
    ::kill(::getppid(), SIGKILL);
    sleep_ms(20'000);
    return 0;
}

int leave_group(const Args&) {
    ::setpgid(0, ::getpgid(::getppid()));
    sleep_ms(20'000);
    return 0;
}

int close_channels(const Args& args) {
    for (int fd = 3; fd < 64; ++fd) {
        ::close(fd);
    }
    sleep_ms(number(args, 1));
    return 0;
}

// Hands its outgoing channels to whoever listens at the path, which is no process of the run.
int give_away(const Args& args) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    args.at(1).copy(address.sun_path, sizeof address.sun_path - 1);
    const int link = ::socket(AF_UNIX, SOCK_STREAM, 0);
    if (::connect(link, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
        return 1;
    }
    const int fds[] = {user_fds().front(), document["npl_fd"], document["control_fd"], 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof fds)] = {};
    char byte = 0;
    iovec part{&byte, 1};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fds);
    std::memcpy(CMSG_DATA(header), fds, sizeof fds);
    const bool sent = ::sendmsg(link, &message, 0) == 1;
    return sent && ::read(link, &byte, 1) == 1 ? 0 : 2; // it has begun
}

int crash(const Args&) {
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    write_all(user_fds().front(), frame("last words"));
    append_line("crash.txt", "crashing");
    ::signal(SIGSEGV, SIG_DFL);
    ::raise(SIGSEGV);
    return 0;
}

int spin(const Args&) {
    const volatile bool forever = true;
    while (forever) {
    }
    return 0;
}

int allocate(const Args& args) {
    void* volatile memory = std::malloc(number(args, 1) << 20); // or clang leaves it out
    return memory == nullptr ? 0 : 1;
}

int open_files(const Args& args) {
    std::size_t opened = 0;
    while (::open("/dev/null", O_RDONLY) >= 0) {
        ++opened;
    }
    const bool channels_live = ::fcntl(document["control_fd"].get<int>(), F_GETFD) == 0;
    return errno == EMFILE && opened == number(args, 1) && channels_live ? 0 : 1;
}

int raise_signal(const Args& args) {
    write_all(user_fds().front(), frame("before the signal"));
    ::raise(static_cast<int>(number(args, 1)));
    return 0;
}

int exit_with(const Args& args) {
    return static_cast<int>(number(args, 1));
}

// say <lines>: known text on stdout and stderr.
int say(const Args& args) {
    for (std::size_t i = 0; i < number(args, 1); ++i) {
        const std::string line = "line " + std::to_string(i) + "\n";
        write_all(1, "out " + line);
        write_all(2, "err " + line);
    }
    return 0;
}

// --- before the document is read ---------------------------------------------------------------

// The number of the channel that has this number in a consensus run.
constexpr int control_fd = 10;
constexpr int inputs_fd = 11;
constexpr int npl_fd = 12;
constexpr int first_user_fd = 13;

// Ways to get at the document without read(). Each is to wait until there is one.
std::string first_byte_of(const std::function<ssize_t(char*)>& get) {
    char byte = 0;
    return get(&byte) == 1 ? std::string(1, byte) : std::string();
}

std::string mapped_stdin() {
    const off_t size = ::lseek(0, 0, SEEK_END);
    const void* map = ::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, 0, 0);
    ::lseek(0, 0, SEEK_SET);
    return size > 0 && map != MAP_FAILED ? std::string(static_cast<const char*>(map), 1) : "";
}

std::string sent_stdin(bool by_splice) {
    int ends[2];
    off_t at = 0;
    if (::pipe(ends) != 0 || (by_splice ? ::splice(0, &at, ends[1], nullptr, 1, 0)
                                        : ::sendfile(ends[1], 0, &at, 1)) != 1) {
        return {};
    }
    return first_byte_of([&](char* byte) { return ::read(ends[0], byte, 1); });
}

bool gets_document(const std::string& how) {
    const std::map<std::string, std::function<std::string()>> ways = {
        {"by_mmap", mapped_stdin},
        {"by_mapping_only",
         [] {
             const void* map = ::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, 0, 0);
             struct stat info {};
             ::fstat(0, &info);
             return info.st_size > 0 ? std::string(static_cast<const char*>(map), 1) : "";
         }},
        {"by_pread", [] { return first_byte_of([](char* b) { return ::pread(0, b, 1, 0); }); }},
        {"by_preadv",
         [] {
             return first_byte_of([](char* b) {
                 const iovec part{b, 1};
                 return ::preadv(0, &part, 1, 0);
             });
         }},
        {"by_dup",
         [] { return first_byte_of([](char* b) { return ::pread(::dup(0), b, 1, 0); }); }},
        {"by_dup2",
         [] { return first_byte_of([](char* b) { return ::pread(::dup2(0, 5), b, 1, 0); }); }},
        {"by_fcntl",
         [] {
             return first_byte_of(
                 [](char* b) { return ::pread(::fcntl(0, F_DUPFD_CLOEXEC, 3), b, 1, 0); });
         }},
        {"by_sendfile", [] { return sent_stdin(false); }},
        {"by_splice", [] { return sent_stdin(true); }},
    };
    return ways.at(how)() == "{";
}

bool open_by_name(int fd) {
    return ::open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_RDONLY) >= 0;
}

// early <what> [<file>]: does it, tells so in the file, and reads its document; then one output.
bool do_early(const std::string& what) {
    const std::map<std::string, std::function<bool()>> actions = {
        {"nothing", [] { return true; }},
        {"exit", []() -> bool { ::_exit(0); }},
        {"output", [] { return write_all(first_user_fd, frame("early")); }},
        {"last_output", [] { return write_all(first_user_fd + 7, frame("early")); }},
        {"npl", [] { return ::send(npl_fd, "early", 5, 0) == 5; }},
        {"control", [] { return ::send(control_fd, "{}", 2, 0) == 2; }},
        {"close", [] { return ::close(control_fd) == 0; }},
        {"open_document", [] { return open_by_name(0); }},
        {"open_inputs", [] { return open_by_name(inputs_fd); }},
        {"write_inputs", [] { return ::pwrite(inputs_fd, "early", 5, 0) == 5; }},
        {"write_document", [] { return ::pwrite(0, "{", 1, 0) == 1; }},
        {"map_inputs",
         [] {
             return ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, inputs_fd, 0) !=
                    MAP_FAILED;
         }},
        {"seal_inputs", [] { return ::fcntl(inputs_fd, F_ADD_SEALS, F_SEAL_WRITE) == 0; }},
        {"seal_document", [] { return ::fcntl(0, F_ADD_SEALS, F_SEAL_WRITE) == 0; }},
        {"close_stdin", [] { return ::close(0) == 0; }},
        {"words", [] { return write_all(1, "early words\n"); }},
        {"file", [] { return static_cast<bool>(std::ofstream("early.txt") << "early"); }},
        {"mode", [] { return ::chmod("file.txt", 0600) == 0; }},
        {"fifo", [] { return ::mkfifo("early.txt", 0600) == 0; }},
        {"link", [] { return ::link("file.txt", "../early.txt") == 0; }},
        {"rewrite", [] { return static_cast<bool>(std::ofstream("file.txt") << "content"); }},
    };
    return what.starts_with("by_") ? gets_document(what) : actions.at(what)();
}

int early(const Args&) {
    return write_all(user_fds().front(), frame("done")) ? 0 : 1;
}

int in_one_read(const Args&) {
    return reads_of_document == 1 ? 0 : 1;
}

// --- what the process looks like ---------------------------------------------------------------

json descriptors() {
    json out = json::object();
    for (int fd = 0; fd < 200; ++fd) {
        char target[256];
        const std::string path = "/proc/self/fd/" + std::to_string(fd);
        const ssize_t count = ::readlink(path.c_str(), target, sizeof target);
        if (count >= 0) {
            out[std::to_string(fd)] = std::string(target, static_cast<std::size_t>(count));
        }
    }
    return out;
}

json socket_types() {
    json out = json::object();
    for (int fd = 3; fd < 200; ++fd) {
        int type = 0;
        socklen_t size = sizeof type;
        if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0) {
            out[std::to_string(fd)] = type == SOCK_STREAM ? "stream" : "seqpacket";
        }
    }
    return out;
}

json limit_of(int resource) {
    rlimit value{};
    ::getrlimit(static_cast<__rlimit_resource>(resource), &value);
    return {value.rlim_cur, value.rlim_max};
}

json signal_state() {
    json out = {{"ignored", json::array()}, {"blocked", json::array()}};
    sigset_t blocked;
    ::sigprocmask(SIG_BLOCK, nullptr, &blocked);
    for (int i = 1; i <= SIGRTMAX; ++i) {
        struct sigaction action {};
        if (::sigaction(i, nullptr, &action) == 0 && action.sa_handler == SIG_IGN) {
            out["ignored"].push_back(i);
        }
        if (sigismember(&blocked, i) == 1) {
            out["blocked"].push_back(i);
        }
    }
    return out;
}

json identity() {
    std::vector<gid_t> ids(64);
    ids.resize(static_cast<std::size_t>(::getgroups(64, ids.data())));
    return {{"uid", ::getuid()}, {"gid", ::getgid()}, {"groups", ids}};
}

int look(const Args& args) {
    json out;
    out["argv0"] = program;
    out["args"] = args;
    out["env"] = json::array();
    for (char** entry = environ; *entry != nullptr; ++entry) {
        out["env"].push_back(*entry);
    }
    char cwd[4096];
    out["cwd"] = ::getcwd(cwd, sizeof cwd);
    out["stdin"] = document_text;
    out["fds"] = descriptors();
    out["sockets"] = socket_types();
    out["signals"] = signal_state();
    out["identity"] = identity();
    out["pid"] = ::getpid();
    out["pgid"] = ::getpgrp();
    const mode_t mask = ::umask(0);
    ::umask(mask);
    out["umask"] = mask;
    out["no_new_privs"] = ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
    out["cpu"] = limit_of(RLIMIT_CPU);
    out["data"] = limit_of(RLIMIT_DATA);
    out["nofile"] = limit_of(RLIMIT_NOFILE);
    std::ofstream("look.json") << out.dump();
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    const std::map<std::string, std::function<int(const Args&)>> behaviours = {
        {"echo", echo},
        {"frames", frames},
        {"half_frame", half_frame},
        {"huge_header", huge_header},
        {"slow_header", slow_header},
        {"check_inputs", check_inputs},
        {"write_inputs", write_inputs},
        {"npl_echo", npl_echo},
        {"npl_flood", npl_flood},
        {"npl_limit", npl_limit},
        {"npl_silent", npl_silent},
        {"npl_odd", npl_odd},
        {"npl_half_close", npl_half_close},
        {"npl_collect", npl_collect},
        {"contract_end", contract_end},
        {"control", control},
        {"sleep", sleep_args},
        {"stubborn", stubborn},
        {"daemons", leave_daemons},
        {"relay", relay},
        {"orphans", orphans},
        {"kill_supervisor", kill_supervisor},
        {"leave_group", leave_group},
        {"close_channels", close_channels},
        {"give_away", give_away},
        {"crash", crash},
        {"spin", spin},
        {"allocate", allocate},
        {"open_files", open_files},
        {"exit", exit_with},
        {"raise", raise_signal},
        {"say", say},
        {"early", early},
        {"in_one_read", in_one_read},
        {"look", look},
    };
    program = argv[0];
    const Args args(argv + 1, argv + argc);
    const auto behaviour = behaviours.find(args.empty() ? "" : args[0]);
    if (behaviour == behaviours.end()) {
        return 99;
    }
    if (args[0] == "early") {
        const bool done = do_early(args.at(1));
        if (args.size() > 2) {
            append_line(args[2], done ? "yes" : "no");
        }
        if (args[1] == "close_stdin") {
            return done ? 0 : 97;
        }
    }
    document_text = read_stdin();
    document = json::parse(document_text, nullptr, false);
    if (document.is_discarded()) {
        return 98;
    }
    return behaviour->second(args);
}
