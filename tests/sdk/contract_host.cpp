// SPDX-License-Identifier: Apache-2.0
//
// One poll loop plays the node. It ends when the contract process has ended and its sockets hold no
// more data, whoever else still keeps them open.
//
// Threads: one thread at a time.
#include "contract_host.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <utility>

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace hp::test {
namespace {

constexpr std::uint64_t input_alignment = 4096;
constexpr std::size_t packet_bytes_max = 262144;

[[noreturn]] void fail(const std::string& what) {
    throw std::runtime_error(what + ": " + std::strerror(errno));
}

class Fd {
public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {
        if (fd < 0)
            fail("descriptor");
    }
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd() { close(); }

    void close() {
        if (fd_ >= 0)
            ::close(std::exchange(fd_, -1));
    }
    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] bool is_open() const { return fd_ >= 0; }

private:
    int fd_ = -1;
};

struct Pair {
    Fd host;
    Fd contract;
};

Pair make_sockets(int type) {
    std::array<int, 2> fds{};
    if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds.data()) != 0)
        fail("socketpair");
    return {Fd(fds[0]), Fd(fds[1])};
}

Pair make_pipe() {
    std::array<int, 2> fds{};
    if (::pipe2(fds.data(), O_CLOEXEC) != 0)
        fail("pipe2");
    return {Fd(fds[0]), Fd(fds[1])};
}

void write_file(int fd, std::string_view bytes, std::uint64_t offset) {
    while (!bytes.empty()) {
        const ssize_t written =
            ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (written <= 0)
            fail("pwrite");
        bytes.remove_prefix(static_cast<std::size_t>(written));
        offset += static_cast<std::uint64_t>(written);
    }
}

struct InputPlace {
    std::uint64_t offset;
    std::size_t length;
};

/// Everything the contract is given, and the host's ends of it.
struct Host {
    explicit Host(const RunSpec& run) : spec(run) {}

    const RunSpec& spec;
    Fd inputs;
    std::vector<std::vector<InputPlace>> places; ///< by user
    std::vector<Pair> users;
    Pair control;
    Pair npl;
    Pair out;
    Pair err;
    Pair in;
    pid_t pid = -1;
    Fd pid_fd;
    RunOutcome outcome;
    std::string unsent_document;
};

void store_inputs(Host& host) {
    const unsigned flags = MFD_CLOEXEC | (host.spec.seal_inputs ? MFD_ALLOW_SEALING : 0U);
    host.inputs = Fd(::memfd_create("inputs", flags));
    std::uint64_t end = 0;
    for (const HostUser& user : host.spec.users) {
        auto& places = host.places.emplace_back();
        for (const std::string& input : user.inputs) {
            write_file(host.inputs.get(), input, end);
            places.push_back({end, input.size()});
            end += (input.size() + input_alignment - 1) / input_alignment * input_alignment;
        }
    }
    if (::ftruncate(host.inputs.get(), static_cast<off_t>(end)) != 0)
        fail("ftruncate");
    if (host.spec.seal_inputs)
        ::fcntl(host.inputs.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK);
}

std::string describe_users(const Host& host) {
    std::ostringstream out;
    for (std::size_t i = 0; i < host.users.size(); ++i) {
        out << (i == 0 ? "" : ",") << '"' << host.spec.users[i].key_hex << "\":["
            << host.users[i].contract.get();
        for (const InputPlace& place : host.places[i])
            out << ",[" << place.offset << ',' << place.length << ']';
        out << ']';
    }
    return out.str();
}

std::string make_document(const Host& host) {
    std::ostringstream out;
    out << R"({"hp_version":"0.6.4","contract_id":"71216897-7ae3-4c4d-8c62-7b38d7f7db60",)"
        << R"("public_key":")" << node_key() << R"(","private_key":")" << node_private_key()
        << R"(","timestamp":)" << (host.spec.readonly ? "0" : "1795212533671") << R"(,"readonly":)"
        << (host.spec.readonly ? "true" : "false");
    if (!host.spec.readonly)
        out << R"(,"lcl_seq_no":13,"lcl_hash":")" << lcl_hash() << R"(","npl_fd":)"
            << host.npl.contract.get();
    out << R"(,"control_fd":)" << host.control.contract.get() << R"(,"user_in_fd":)"
        << host.inputs.get() << R"(,"users":{)" << describe_users(host) << R"(},"unl":{")"
        << node_key() << R"(":{"active_on":1795212534477}}})";
    return out.str();
}

void open_channels(Host& host) {
    for (std::size_t i = 0; i < host.spec.users.size(); ++i) {
        Pair& pair = host.users.emplace_back(make_sockets(SOCK_STREAM));
        const int size = host.spec.output_buffer_bytes;
        if (size > 0 &&
            ::setsockopt(pair.contract.get(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size) != 0)
            fail("SO_SNDBUF");
    }
    host.control = make_sockets(SOCK_SEQPACKET);
    if (!host.spec.readonly)
        host.npl = make_sockets(SOCK_SEQPACKET);
    host.out = make_pipe();
    host.err = make_pipe();
}

/// Returns the descriptor that becomes the contract's standard input.
int open_stdin(Host& host) {
    if (host.spec.stdin_fd >= 0)
        return host.spec.stdin_fd;
    std::string& text = host.outcome.document;
    text = make_document(host);
    if (host.spec.edit_document)
        text = host.spec.edit_document(std::move(text));
    if (host.spec.stdin_from_pipe) {
        host.in = make_pipe();
        std::swap(host.in.host, host.in.contract); // the contract reads
        ::fcntl(host.in.host.get(), F_SETFL, O_NONBLOCK);
        host.unsent_document = text;
    } else {
        host.in.contract = Fd(::memfd_create("stdin", MFD_CLOEXEC));
        write_file(host.in.contract.get(), text, 0);
    }
    return host.in.contract.get();
}

std::vector<char*> make_pointers(std::vector<std::string>& strings) {
    std::vector<char*> out;
    for (std::string& text : strings)
        out.push_back(text.data());
    out.push_back(nullptr);
    return out;
}

void inherit(const Fd& fd) {
    if (fd.is_open())
        ::fcntl(fd.get(), F_SETFD, 0);
}

/// Runs in the child. Only calls that are safe after fork.
[[noreturn]] void exec_contract(const Host& host, int stdin_fd, char* const* argv,
                                char* const* envp) {
    ::setpgid(0, 0);
    ::dup2(stdin_fd, STDIN_FILENO);
    ::dup2(host.out.contract.get(), STDOUT_FILENO);
    ::dup2(host.err.contract.get(), STDERR_FILENO);
    // What the test runner itself inherited is not part of the run.
    ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    inherit(host.inputs);
    inherit(host.control.contract);
    inherit(host.npl.contract);
    for (const Pair& user : host.users)
        inherit(user.contract);
    if (host.spec.directory.empty() || ::chdir(host.spec.directory.c_str()) == 0)
        ::execve(argv[0], argv, envp);
    ::_exit(125);
}

void start(Host& host) {
    const int stdin_fd = open_stdin(host);
    std::vector<std::string> args{host.spec.program};
    args.insert(args.end(), host.spec.args.begin(), host.spec.args.end());
    std::vector<std::string> environment = host.spec.environment;
    const std::vector<char*> argv = make_pointers(args);
    const std::vector<char*> envp = make_pointers(environment);
    host.pid = ::fork();
    if (host.pid < 0)
        fail("fork");
    if (host.pid == 0)
        exec_contract(host, stdin_fd, argv.data(), envp.data());
    // Not glibc's pidfd_open: its header lacks C linkage before 2.37.
    host.pid_fd = Fd(static_cast<int>(::syscall(SYS_pidfd_open, host.pid, 0)));
    for (Pair* pair : {&host.control, &host.npl, &host.out, &host.err, &host.in})
        pair->contract.close();
    for (Pair& user : host.users)
        user.contract.close();
}

void send_packet(int fd, std::string_view packet) {
    if (::send(fd, packet.data(), packet.size(), MSG_NOSIGNAL) < 0 && errno != EPIPE)
        fail("send");
}

/// Takes what is there; closes `fd` at its end.
std::optional<std::string> take(Fd& fd, std::size_t bytes_max) {
    std::string buffer(bytes_max, '\0');
    const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR)
        return std::string();
    if (got <= 0) {
        fd.close();
        return std::nullopt;
    }
    buffer.resize(static_cast<std::size_t>(got));
    return buffer;
}

void on_output(Host& host, std::size_t user) {
    std::string& all = host.outcome.outputs[host.spec.users[user].key_hex];
    if (const auto bytes = take(host.users[user].host, host.spec.output_chunk_bytes))
        all += *bytes;
    if (all.size() > host.spec.output_bytes_max)
        host.users[user].host.close();
}

void on_npl(Host& host) {
    const auto packet = take(host.npl.host, packet_bytes_max);
    if (!packet)
        return;
    host.outcome.npl.push_back(*packet);
    if (host.spec.npl_echo) {
        send_packet(host.npl.host.get(), node_key());
        send_packet(host.npl.host.get(), *packet);
    }
}

void on_control(Host& host) {
    if (const auto packet = take(host.control.host, packet_bytes_max))
        host.outcome.control.push_back(*packet);
}

void on_stdin_writable(Host& host) {
    std::string& text = host.unsent_document;
    const ssize_t written = ::write(host.in.host.get(), text.data(), text.size());
    if (written > 0)
        text.erase(0, static_cast<std::size_t>(written));
    if (text.empty() || (written < 0 && errno != EAGAIN))
        host.in.host.close();
}

struct Source {
    Fd* fd;
    short events;
    std::function<void()> on_ready;
};

std::vector<Source> make_sources(Host& host) {
    std::vector<Source> sources;
    const auto add = [&sources](Fd& fd, short events, std::function<void()> on_ready) {
        if (fd.is_open())
            sources.push_back({&fd, events, std::move(on_ready)});
    };
    for (std::size_t i = 0; i < host.users.size(); ++i)
        add(host.users[i].host, POLLIN, [&host, i] { on_output(host, i); });
    add(host.npl.host, POLLIN, [&host] { on_npl(host); });
    add(host.control.host, POLLIN, [&host] { on_control(host); });
    add(host.out.host, POLLIN, [&host] {
        if (const auto text = take(host.out.host, packet_bytes_max))
            host.outcome.out += *text;
    });
    add(host.err.host, POLLIN, [&host] {
        if (const auto text = take(host.err.host, packet_bytes_max))
            host.outcome.err += *text;
    });
    add(host.in.host, POLLOUT, [&host] { on_stdin_writable(host); });
    return sources;
}

/// Serves every channel that has something. True if any had.
bool serve(Host& host, int wait_ms) {
    const std::vector<Source> sources = make_sources(host);
    std::vector<pollfd> polled;
    for (const Source& source : sources)
        polled.push_back({source.fd->get(), source.events, 0});
    polled.push_back({host.pid_fd.get(), POLLIN, 0});
    if (::poll(polled.data(), polled.size(), wait_ms) < 0 && errno != EINTR)
        fail("poll");
    bool any = false;
    for (std::size_t i = 0; i < sources.size(); ++i)
        if (polled[i].revents != 0) {
            sources[i].on_ready();
            any = true;
        }
    return any;
}

bool has_ended(const Host& host) {
    pollfd entry{host.pid_fd.get(), POLLIN, 0};
    return ::poll(&entry, 1, 0) == 1;
}

void collect_exit(Host& host) {
    int status = 0;
    if (::waitpid(host.pid, &status, 0) != host.pid)
        fail("waitpid");
    if (WIFEXITED(status))
        host.outcome.exit_code = WEXITSTATUS(status);
    else
        host.outcome.signal = WTERMSIG(status);
}

void supervise(Host& host) {
    using Clock = std::chrono::steady_clock;
    const auto deadline = Clock::now() + std::chrono::milliseconds(host.spec.timeout_ms);
    while (!has_ended(host)) {
        serve(host, 20);
        if (Clock::now() < deadline)
            continue;
        host.outcome.timed_out = true;
        ::kill(host.pid, SIGKILL);
        break;
    }
    collect_exit(host);
    while (serve(host, 0)) {
    }
}

} // namespace

RunOutcome run_contract(const RunSpec& spec) {
    Host host(spec);
    store_inputs(host);
    open_channels(host);
    for (const std::string& packet : spec.npl_packets)
        send_packet(host.npl.host.get(), packet);
    if (spec.npl_close_early)
        host.npl.host.close();
    start(host);
    supervise(host);
    return std::move(host.outcome);
}

std::vector<std::string> split_frames(std::string_view bytes) {
    std::vector<std::string> out;
    while (!bytes.empty()) {
        std::size_t size = 0;
        for (const char c : bytes.substr(0, 4))
            size = size << 8U | static_cast<std::uint8_t>(c);
        if (bytes.size() < 4 || bytes.size() - 4 < size) {
            out.emplace_back("<partial>");
            break;
        }
        out.emplace_back(bytes.substr(4, size));
        bytes.remove_prefix(4 + size);
    }
    return out;
}

std::string make_key(unsigned number) {
    std::ostringstream digits;
    digits << std::hex << number;
    return "ed" + std::string(64 - digits.str().size(), '0') + digits.str();
}

std::string node_key() {
    return make_key(0xabcdef);
}

std::string node_private_key() {
    return "ed" + std::string(120, '5') + "00aaff99";
}

std::string lcl_hash() {
    return "d347c1fa" + std::string(48, '7') + "00ff10e2";
}

StateDir::StateDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hp_sdk_XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
        fail("mkdtemp");
    root_ = pattern;
    state_ = root_ + "/state";
    std::filesystem::create_directory(state_);
}

StateDir::~StateDir() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
}

std::string StateDir::read(const std::string& name) const {
    std::ifstream file(state_ + "/" + name, std::ios::binary);
    if (!file)
        return "<none>";
    return {std::istreambuf_iterator<char>(file), {}};
}

void StateDir::write(const std::string& name, std::string_view content) const {
    std::ofstream file(state_ + "/" + name, std::ios::binary);
    file << content;
}

std::string StateDir::list() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(state_))
        names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    std::string out;
    for (const std::string& name : names)
        out += (out.empty() ? "" : " ") + name;
    return out;
}

} // namespace hp::test
