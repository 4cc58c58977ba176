// SPDX-License-Identifier: Apache-2.0
// What an agent may answer, what it may not, and how long. The real ssh-agent is in
// e2e/cli_nodes_test.py.
#include "hp/base/codec.hpp"
#include "hp/base/limits.hpp"
#include "hp/client/key_store.hpp"
#include "hp/client/ssh_agent.hpp"
#include "hp/crypto/base64.hpp"
#include "hp/os/local_socket.hpp"
#include "temp_dir.hpp"

#include <catch2/catch.hpp>
#include <poll.h>
#include <random>
#include <sys/socket.h>
#include <thread>

using namespace hp;

namespace {

constexpr std::string_view key_type = "ssh-ed25519";

crypto::KeyPair test_keys(std::uint8_t seed) {
    crypto::init();
    std::array<std::uint8_t, 32> bytes{};
    bytes.fill(seed);
    return crypto::key_pair_from_seed(bytes);
}

Bytes blob_of(const PublicKey& key, std::string_view type = key_type) {
    Writer out;
    out.bytes(as_bytes(type));
    out.bytes(key.view().subspan(1));
    return out.take();
}

Bytes identities(const std::vector<std::pair<Bytes, std::string>>& keys) {
    Writer out;
    out.u8(12);
    out.u32(static_cast<std::uint32_t>(keys.size()));
    for (const auto& [blob, comment] : keys) {
        out.bytes(blob);
        out.bytes(as_bytes(comment));
    }
    return out.take();
}

Bytes signed_answer(const Signature& signature, std::string_view type = key_type) {
    Writer inner;
    inner.bytes(as_bytes(type));
    inner.bytes(signature.view());
    Writer out;
    out.u8(14);
    out.bytes(inner.view());
    return out.take();
}

Bytes framed(const Bytes& answer) {
    Writer out;
    out.bytes(answer);
    return out.take();
}

// Whatever a decoder makes of changed, cut and prolonged answers, it stays within them (the
// sanitizers look on) and never takes what is not complete.
template <class Decode>
void decode_all_near(const Bytes& good, Decode decode) {
    REQUIRE(decode(good));
    for (std::size_t size = 0; size < good.size(); ++size) {
        CHECK_FALSE(decode(ByteView(good).first(size)));
    }
    Bytes longer = good;
    longer.push_back(0);
    CHECK_FALSE(decode(longer));
    std::mt19937 random(7);
    for (int i = 0; i < 20'000; ++i) {
        Bytes changed = good;
        const int changes = 1 + static_cast<int>(random() % 4);
        for (int n = 0; n < changes; ++n) {
            changed[random() % changed.size()] = static_cast<std::uint8_t>(random());
        }
        (void)decode(changed);
    }
}

// An agent of one conversation: reads the question, then does what it is told with the socket.
class FakeAgent {
public:
    using Reply = std::function<void(int fd, const Bytes& question)>;

    explicit FakeAgent(Reply reply)
        : listener_(*os::listen_local(dir_ / "agent")),
          thread_([this, reply = std::move(reply)] { serve(reply); }) {}
    ~FakeAgent() { thread_.join(); }

    client::AgentOptions options(std::int64_t timeout_ms = 20'000) const {
        client::AgentOptions out;
        out.socket = dir_ / "agent";
        out.timeout_ms = timeout_ms;
        return out;
    }

private:
    void serve(const Reply& reply) {
        pollfd wanted{listener_.get(), POLLIN, 0};
        if (::poll(&wanted, 1, 20'000) != 1) {
            return;
        }
        const os::Fd peer(::accept(listener_.get(), nullptr, nullptr));
        std::array<std::uint8_t, 4> head{};
        if (::recv(peer.get(), head.data(), head.size(), MSG_WAITALL) != 4) {
            return;
        }
        Bytes question(Reader(head).u32());
        if (::recv(peer.get(), question.data(), question.size(), MSG_WAITALL) > 0) {
            reply(peer.get(), question);
        }
    }

    test::TempDir dir_;
    os::Fd listener_;
    std::thread thread_;
};

void wait_for_end(int fd) {
    std::uint8_t byte = 0;
    (void)::recv(fd, &byte, 1, MSG_WAITALL);
}

} // namespace

TEST_CASE("the keys that an agent tells", "[client]") {
    const PublicKey one = test_keys(1).public_key;
    const PublicKey two = test_keys(2).public_key;
    const Bytes answer =
        identities({{blob_of(one), "me@home"},
                    {to_bytes("\0\0\0\7ssh-rsa and so on"), "another kind"},
                    {blob_of(two, "ssh-ed25519-cert-v01@openssh.com"), "a certificate"},
                    {blob_of(two), "\x1b[2Jbad\n"}});
    const auto keys = client::decode_agent_keys(answer);
    REQUIRE(keys);
    REQUIRE(keys->size() == 2);
    CHECK(keys->at(0).key == one);
    CHECK(keys->at(0).comment == "me@home");
    CHECK(keys->at(0).fingerprint.starts_with("SHA256:"));
    CHECK(keys->at(0).fingerprint.size() == 7 + 43);
    CHECK(keys->at(1).key == two);
    CHECK(keys->at(1).comment == "?[2Jbad?");

    CHECK(client::decode_agent_keys(identities({}))->empty());
    CHECK(client::decode_agent_keys(Bytes{5}).err().code == Errc::denied);
    decode_all_near(answer, client::decode_agent_keys);
    Writer many;
    many.u8(12);
    many.u32(static_cast<std::uint32_t>(limits::agent_keys_max) + 1);
    CHECK(client::decode_agent_keys(many.view()).err().code == Errc::corrupt);
    const std::string comment(limits::agent_comment_bytes_max + 1, 'c');
    CHECK(client::decode_agent_keys(identities({{blob_of(one), comment}}))->at(0).comment.size() ==
          limits::agent_comment_bytes_max);
}

TEST_CASE("signatures of an agent", "[client]") {
    const auto keys = test_keys(1);
    const Signature signature = crypto::sign(keys, as_bytes("message"));
    CHECK(*client::decode_agent_signature(signed_answer(signature)) == signature);
    CHECK(client::decode_agent_signature(Bytes{5}).err().code == Errc::denied);
    CHECK(client::decode_agent_signature(signed_answer(signature, "ssh-rsa")).err().code ==
          Errc::corrupt);
    decode_all_near(signed_answer(signature), client::decode_agent_signature);
}

TEST_CASE("an agent signs what it is asked to", "[client]") {
    const auto keys = test_keys(3);
    Bytes asked;
    FakeAgent agent([&](int fd, const Bytes& question) {
        asked = question;
        const Bytes answer = framed(signed_answer(crypto::sign(keys, as_bytes("challenge"))));
        for (const std::uint8_t byte : answer) { // in pieces
            (void)::send(fd, &byte, 1, MSG_NOSIGNAL);
        }
    });
    const auto signer = client::agent_signer(agent.options(), keys.public_key);
    CHECK(signer.public_key() == keys.public_key);
    const auto signature = signer.sign(as_bytes("challenge"));
    REQUIRE(signature);
    CHECK(crypto::verify(keys.public_key, as_bytes("challenge"), *signature));
    Writer expected;
    expected.u8(13);
    expected.bytes(blob_of(keys.public_key));
    expected.bytes(as_bytes("challenge"));
    expected.u32(0);
    CHECK(asked == expected.view());
}

TEST_CASE("agents that do not sign", "[client]") {
    const auto keys = test_keys(3);
    const auto ask = [&](FakeAgent::Reply reply, std::int64_t timeout_ms = 20'000) {
        FakeAgent agent(std::move(reply));
        const auto signer = client::agent_signer(agent.options(timeout_ms), keys.public_key);
        const auto signature = signer.sign(as_bytes("challenge"));
        REQUIRE_FALSE(signature);
        return signature.err().code;
    };
    const auto reply = [](Bytes bytes) {
        return [bytes = std::move(bytes)](int fd, const Bytes&) {
            (void)::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        };
    };
    CHECK(ask(reply(framed({5}))) == Errc::denied);
    CHECK(ask(reply({})) == Errc::closed);
    CHECK(ask(reply({0, 0})) == Errc::closed);
    CHECK(ask(reply({0, 0, 0, 0})) == Errc::too_large);
    CHECK(ask(reply({0x7f, 0, 0, 0})) == Errc::too_large);
    CHECK(ask(reply(framed({99, 1, 2}))) == Errc::corrupt);
    // Good in form, but of another key or for another text.
    const auto other = crypto::sign(test_keys(4), as_bytes("challenge"));
    CHECK(ask(reply(framed(signed_answer(other)))) == Errc::corrupt);
    const auto elsewhere = crypto::sign(keys, as_bytes("another challenge"));
    CHECK(ask(reply(framed(signed_answer(elsewhere)))) == Errc::corrupt);
    CHECK(ask([](int fd, const Bytes&) { wait_for_end(fd); }, 50) == Errc::timeout);

    client::AgentOptions nowhere;
    nowhere.socket = "/nonexistent/agent";
    CHECK(client::list_agent_keys(nowhere).err().code == Errc::not_found);
}

TEST_CASE("a slow agent is told about once", "[client]") {
    FakeAgent agent([](int fd, const Bytes&) { wait_for_end(fd); });
    auto options = agent.options(200);
    int told = 0;
    options.slow_ms = 20;
    options.on_slow = [&told] { ++told; };
    CHECK(client::list_agent_keys(options).err().code == Errc::timeout);
    CHECK(told == 1);
}

TEST_CASE("nobody signs nothing", "[client]") {
    CHECK(client::Signer().sign(as_bytes("x")).err().code == Errc::denied);
    const auto keys = test_keys(1);
    const client::Signer signer = keys;
    CHECK(signer.public_key() == keys.public_key);
    CHECK(*signer.sign(as_bytes("x")) == crypto::sign(keys, as_bytes("x")));
}

// --- key files
// ------------------------------------------------------------------------------------

namespace {

struct KeyFile {
    crypto::KeyPair keys = test_keys(9);
    std::string type{key_type};
    std::string cipher = "none";
    std::string kdf = "none";
    std::uint32_t count = 1;
    std::uint32_t second_check = 77;
    PublicKey public_part = keys.public_key;
    PublicKey inner_public = keys.public_key;
    Bytes padding{1, 2, 3, 4, 5, 6};

    std::string text() const {
        const std::string kind = "OPENSSH PRIVATE KEY-----";
        Writer secret;
        secret.u32(77);
        secret.u32(second_check);
        secret.bytes(as_bytes(type));
        secret.bytes(inner_public.view().subspan(1));
        secret.bytes(keys.private_key.view().subspan(1));
        secret.bytes(as_bytes("me@home"));
        secret.raw(padding);
        Writer out;
        out.raw(as_bytes(std::string_view("openssh-key-v1\0", 15)));
        out.bytes(as_bytes(cipher));
        out.bytes(as_bytes(kdf));
        out.bytes({});
        out.u32(count);
        out.bytes(blob_of(public_part, type));
        out.bytes(secret.view());
        std::string body = crypto::to_base64(out.view());
        for (std::size_t at = 70; at < body.size(); at += 71) {
            body.insert(at, "\n");
        }
        return "-----BEGIN " + kind + "\n" + body + "\n-----END " + kind + "\n";
    }
};

Result<crypto::KeyPair> import(const std::string& text) {
    return client::decode_foreign_key(as_bytes(text), std::nullopt);
}

} // namespace

TEST_CASE("keys in OpenSSH's files", "[client]") {
    const KeyFile good;
    REQUIRE(import(good.text()));
    CHECK(*import(good.text()) == good.keys);

    KeyFile sealed;
    sealed.cipher = "aes256-ctr";
    sealed.kdf = "bcrypt";
    CHECK(import(sealed.text()).err().code == Errc::unsupported);
    KeyFile other;
    other.type = "ssh-dss";
    CHECK(import(other.text()).err().code == Errc::invalid);

    KeyFile bad;
    SECTION("two keys") {
        bad.count = 2;
    }
    SECTION("check numbers that differ") {
        bad.second_check = 78;
    }
    SECTION("another public key in front") {
        bad.public_part = test_keys(8).public_key;
    }
    SECTION("another public key inside") {
        bad.inner_public = test_keys(8).public_key;
    }
    SECTION("no padding") {
        bad.padding = {};
    }
    SECTION("other padding") {
        bad.padding[2] = 9;
    }
    SECTION("a whole block of padding") {
        bad.padding = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14};
    }
    SECTION("a key derivation without a cipher") {
        bad.kdf = "bcrypt";
    }
    const auto refused = import(bad.text());
    REQUIRE_FALSE(refused);
    CHECK(refused.err().code == Errc::corrupt);
}

TEST_CASE("damaged OpenSSH files", "[client]") {
    const std::string good = KeyFile().text();
    const auto keys = KeyFile().keys;
    for (std::size_t size = 30; size + 1 < good.size(); ++size) { // the last is a line's end
        CHECK_FALSE(import(good.substr(0, size)));
    }
    CHECK_FALSE(import(good + "more"));
    std::mt19937 random(11);
    for (int i = 0; i < 5'000; ++i) {
        std::string changed = good;
        changed[36 + random() % (good.size() - 36)] =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef0123456789+/=\n"[random() % 47];
        const auto got = import(changed); // only what is not secret may differ: the comment
        CHECK((!got || *got == keys));
    }
}
