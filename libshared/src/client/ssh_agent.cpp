// SPDX-License-Identifier: Apache-2.0
#include "hp/client/ssh_agent.hpp"

#include "hp/base/codec.hpp"
#include "hp/base/limits.hpp"
#include "hp/base/time.hpp"
#include "hp/crypto/base64.hpp"
#include "hp/crypto/sha256.hpp"
#include "hp/os/local_socket.hpp"
#include "printable.hpp"
#include "ssh_key.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <poll.h>
#include <sys/socket.h>

namespace hp::client {
namespace {

// Message numbers of draft-miller-ssh-agent, section 7.
constexpr std::uint8_t agent_failure = 5;
constexpr std::uint8_t request_identities = 11;
constexpr std::uint8_t identities_answer = 12;
constexpr std::uint8_t sign_request = 13;
constexpr std::uint8_t sign_response = 14;

constexpr std::size_t length_bytes = 4;

tl::unexpected<Error> nonsense(const char* what) {
    return fail(Errc::corrupt, "the agent's answer makes no sense: " + std::string(what));
}

// Keeps the signals that end a program for the moments in which we wait: one that came between two
// of them would interrupt nothing.
class HeldSignals {
public:
    HeldSignals() {
        sigset_t held{};
        ::sigemptyset(&held);
        ::sigaddset(&held, SIGINT);
        ::sigaddset(&held, SIGTERM);
        ::pthread_sigmask(SIG_BLOCK, &held, &before_);
    }
    ~HeldSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    HeldSignals(const HeldSignals&) = delete;
    HeldSignals& operator=(const HeldSignals&) = delete;

    const sigset_t* while_waiting() const { return &before_; }

private:
    sigset_t before_{};
};

// One question to the agent and its answer.
class AgentCall {
public:
    explicit AgentCall(const AgentOptions& agent)
        : agent_(agent), started_ms_(SystemClock().now().mono_ms()) {}

    Result<Bytes> ask(ByteView question) {
        HP_TRY(socket_, os::connect_local(agent_.socket));
        Writer framed;
        framed.bytes(question);
        HP_TRY_STATUS(send_all(framed.view()));
        std::array<std::uint8_t, length_bytes> head{};
        HP_TRY_STATUS(receive_all(head));
        const std::uint32_t length = Reader(head).u32();
        if (length == 0 || length > limits::agent_answer_bytes_max) {
            return fail(Errc::too_large,
                        "the agent announces an answer of " + std::to_string(length) + " bytes");
        }
        Bytes answer(length);
        HP_TRY_STATUS(receive_all(answer));
        return answer;
    }

private:
    Status send_all(ByteView bytes) {
        while (!bytes.empty()) {
            HP_TRY_STATUS(wait(POLLOUT));
            const ssize_t sent =
                ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (sent < 0 && errno != EAGAIN && errno != EINTR) {
                return fail(Errc::closed, "the agent has closed the connection");
            }
            bytes = bytes.subspan(sent < 0 ? 0 : static_cast<std::size_t>(sent));
        }
        return {};
    }

    Status receive_all(std::span<std::uint8_t> into) {
        while (!into.empty()) {
            HP_TRY_STATUS(wait(POLLIN));
            const ssize_t got = ::recv(socket_.get(), into.data(), into.size(), MSG_DONTWAIT);
            if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
                return fail(Errc::closed, "the agent has closed the connection");
            }
            into = into.subspan(got < 0 ? 0 : static_cast<std::size_t>(got));
        }
        return {};
    }

    // A signal ends it: whoever handles signals must get to know about them.
    Status wait(short event) {
        for (;;) {
            const std::int64_t passed_ms = SystemClock().now().mono_ms() - started_ms_;
            if (passed_ms >= agent_.timeout_ms) {
                return fail(Errc::timeout, "the agent has not answered within " +
                                               std::to_string(agent_.timeout_ms / 1000) + " s");
            }
            if (!told_ && agent_.on_slow && passed_ms >= agent_.slow_ms) {
                told_ = true;
                agent_.on_slow();
            }
            const std::int64_t until_ms = told_ || !agent_.on_slow
                                              ? agent_.timeout_ms
                                              : std::min(agent_.slow_ms, agent_.timeout_ms);
            pollfd wanted{socket_.get(), event, 0};
            const std::int64_t wait_ms = std::max<std::int64_t>(until_ms - passed_ms, 1);
            const timespec limit{wait_ms / 1000, wait_ms % 1000 * 1'000'000};
            const int ready = ::ppoll(&wanted, 1, &limit, signals_.while_waiting());
            if (ready > 0) {
                return {};
            }
            if (ready < 0) {
                return errno == EINTR ? fail(Errc::closed, "a signal ended the wait for the agent")
                                      : fail(errno_error("cannot wait for the agent", errno));
            }
        }
    }

    const AgentOptions& agent_;
    const HeldSignals signals_;
    const std::int64_t started_ms_;
    bool told_ = false;
    os::Fd socket_;
};

Result<Signature> sign_with(const AgentOptions& agent, const PublicKey& key, ByteView message) {
    Writer question;
    question.u8(sign_request);
    question.bytes(encode_ssh_public_key(key));
    question.bytes(message);
    question.u32(0); // flags: they are RSA's
    HP_TRY(const Bytes answer, AgentCall(agent).ask(question.view()));
    HP_TRY(const Signature signature, decode_agent_signature(answer));
    if (!crypto::verify(key, message, signature)) {
        return nonsense("a signature that is not the key's");
    }
    return signature;
}

} // namespace

Result<std::filesystem::path> agent_socket() {
    const char* path = std::getenv("SSH_AUTH_SOCK");
    if (path == nullptr || *path == '\0') {
        return fail(Errc::not_found, "SSH_AUTH_SOCK names no agent");
    }
    return std::filesystem::path(path);
}

Result<std::vector<AgentKey>> decode_agent_keys(ByteView answer) {
    Reader in(answer);
    const std::uint8_t type = in.u8();
    if (type == agent_failure && in.done()) {
        return fail(Errc::denied, "the agent does not tell its keys");
    }
    const std::uint32_t count = in.u32();
    if (type != identities_answer || !in.ok() || count > limits::agent_keys_max) {
        return nonsense("no list of keys");
    }
    std::vector<AgentKey> out;
    for (std::uint32_t i = 0; i < count; ++i) {
        const ByteView blob = in.bytes();
        const std::string_view comment = as_text(in.bytes());
        if (!in.ok()) {
            return nonsense("a list of keys that breaks off");
        }
        if (const auto key = decode_ssh_public_key(blob)) {
            std::string digest = crypto::to_base64(crypto::sha256(blob));
            digest.erase(std::min(digest.find('='), digest.size()));
            out.push_back(
                {*key, "SHA256:" + digest, printable(comment, limits::agent_comment_bytes_max)});
        }
    }
    if (!in.done()) {
        return nonsense("more than a list of keys");
    }
    return out;
}

Result<Signature> decode_agent_signature(ByteView answer) {
    Reader in(answer);
    const std::uint8_t type = in.u8();
    if (type == agent_failure && in.done()) {
        return fail(Errc::denied, "the agent refuses to sign");
    }
    const ByteView signature = in.bytes();
    if (type != sign_response || !in.done()) {
        return nonsense("no signature");
    }
    Reader parts(signature);
    const std::string_view algorithm = as_text(parts.bytes());
    const auto out = Signature::from(parts.bytes());
    if (!parts.done() || algorithm != ssh_key_type || !out) {
        return nonsense("a signature of another kind");
    }
    return *out;
}

Result<std::vector<AgentKey>> list_agent_keys(const AgentOptions& agent) {
    const std::array question = {request_identities};
    HP_TRY(const Bytes answer, AgentCall(agent).ask(question));
    return decode_agent_keys(answer);
}

Signer agent_signer(AgentOptions agent, const PublicKey& key) {
    return Signer(key, [agent = std::move(agent), key](ByteView message) {
        return sign_with(agent, key, message);
    });
}

} // namespace hp::client
