// SPDX-License-Identifier: Apache-2.0
// The handshake (user-protocol.md section 4): its three messages, and a session that is fed any
// sequence of messages, some of them correctly signed. Nobody may get in without a signature over
// this session's challenge, which is checked here once more by other means than the session's.
#include "fuzz_input.hpp"

#include "hp/base/check.hpp"
#include "user/session.hpp"

#include <nlohmann/json.hpp>

namespace {

using namespace hp;
using user::Actions;

const std::string challenge = "000102030405060708090a0b0c0d0e0f";
const std::string other_challenge = "ff0102030405060708090a0b0c0d0e0f";

crypto::KeyPair key_pair(std::uint8_t number) {
    std::array<std::uint8_t, 32> seed{};
    seed.fill(number);
    return crypto::key_pair_from_seed(seed);
}

// --- the messages --------------------------------------------------------------------------------

void check_messages(ByteView bytes) {
    if (const auto response = proto::decode_challenge_response(bytes)) {
        const Bytes once = proto::encode_challenge_response(*response);
        const auto again = proto::decode_challenge_response(once);
        HP_CHECK(again && proto::encode_challenge_response(*again) == once,
                 "a challenge response keeps its encoding");
        HP_CHECK(response->key.data[0] == key_prefix, "keys have their prefix");
    }
    if (const auto asked = proto::decode_challenge(bytes)) {
        HP_CHECK(asked->challenge.size() == 32 && from_hex(asked->challenge),
                 "clients sign nothing but challenges");
        const Bytes once = proto::encode_challenge(*asked);
        const auto again = proto::decode_challenge(once);
        HP_CHECK(again && proto::encode_challenge(*again) == once,
                 "a challenge keeps its encoding");
    }
    if (const auto server = proto::decode_server_response(bytes)) {
        const Bytes once = proto::encode_server_response(*server);
        const auto again = proto::decode_server_response(once);
        HP_CHECK(again && proto::encode_server_response(*again) == once,
                 "a server response keeps its encoding");
    }
}

// --- the session ---------------------------------------------------------------------------------

// Whether `message` proves `key`, by a parser and in a way that the node does not use.
bool proves(const PublicKey& key, ByteView message) {
    const auto text = as_text(message);
    const auto json = nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
    if (!json.is_object() || !json.contains("sig") || !json["sig"].is_string() ||
        !json.contains("pubkey") || !json["pubkey"].is_string()) {
        return false;
    }
    const auto signature = Signature::from_hex(json["sig"].get<std::string>());
    const auto claimed = PublicKey::from_hex(json["pubkey"].get<std::string>());
    return signature && claimed && *claimed == key &&
           crypto::verify(key, as_bytes(challenge), *signature);
}

enum class Step : std::uint8_t { raw, signed_, signed_for_other, tampered, wait, count };

class Driver {
public:
    Driver() : session_(1, "127.0.0.1", {10'000, 20, 30'000}, 0) {
        session_.open("3c349abe-4d70-4f50-9fa6-018f1f2530ab", "1.0", challenge);
    }

    void step(fuzz::Input& input) {
        const std::uint8_t head = input.u8();
        const auto step = static_cast<Step>(head % static_cast<unsigned>(Step::count));
        refuse_ = (head & 0x80) != 0; // like a node that is full
        const ByteView block = input.block();
        if (step == Step::wait) {
            wait(block);
        } else {
            deliver(step == Step::raw ? Bytes(block.begin(), block.end()) : response(step, block));
        }
    }

private:
    static Bytes response(Step step, ByteView block) {
        const crypto::KeyPair keys = key_pair(static_cast<std::uint8_t>(1 + block.size() % 3));
        const std::string& text = step == Step::signed_for_other ? other_challenge : challenge;
        proto::UserChallengeResponse out;
        out.signature = crypto::sign(keys, as_bytes(text));
        out.key = keys.public_key;
        out.encoding = block.size() % 2 == 0 ? proto::Encoding::json : proto::Encoding::bson;
        if (!block.empty()) {
            out.server_challenge = to_hex(block.first(std::min<std::size_t>(block.size(), 16)));
        }
        Bytes message = proto::encode_challenge_response(out);
        if (step == Step::tampered && block.size() >= 2) {
            message[(block[0] * 256U + block[1]) % message.size()] ^= block.back();
        }
        return message;
    }

    void deliver(const Bytes& message) {
        const bool was_verified = session_.verified();
        Actions actions;
        session_.on_message(now_ms_, message, actions);
        HP_CHECK(was_verified || !session_.verified(), "messages alone verify nobody");
        for (const user::Action& action : actions) {
            perform(action, message, was_verified);
        }
    }

    void perform(const user::Action& action, const Bytes& message, bool was_verified) {
        HP_CHECK(!closed_, "a closed session does nothing");
        if (const auto* in = std::get_if<user::Authenticated>(&action)) {
            HP_CHECK(!was_verified && proves(in->key, message), "only a signature opens a session");
            HP_CHECK(in->key == session_.key(), "the key that signed is the session's");
            authenticated_ = true;
            accept();
        } else if (std::holds_alternative<user::Close>(action)) {
            closed_ = true;
        } else {
            HP_CHECK(was_verified && authenticated_, "strangers get no answers");
            if (const auto* reply = std::get_if<user::Reply>(&action)) {
                HP_CHECK(proto::decode_message(session_.encoding(), reply->message).has_value(),
                         "replies are understood");
            }
        }
    }

    void accept() {
        if (refuse_) {
            return;
        }
        const crypto::KeyPair node = key_pair(9);
        const auto reply = session_.accept(now_ms_, node, {node.public_key});
        HP_CHECK(session_.verified(), "an accepted session is verified");
        if (reply) {
            HP_CHECK(proto::decode_server_response(*reply).has_value(), "the answer is understood");
        }
    }

    void wait(ByteView block) {
        now_ms_ += static_cast<TimeMs>(block.size()) * 1000;
        Actions actions;
        session_.on_tick(now_ms_, actions);
        for (const user::Action& action : actions) {
            HP_CHECK(std::holds_alternative<user::Close>(action), "time only closes");
        }
    }

    user::Session session_;
    TimeMs now_ms_ = 0;
    bool refuse_ = false;
    bool authenticated_ = false;
    bool closed_ = false;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    crypto::init();
    check_messages({data, size});
    fuzz::Input input({data, size});
    Driver driver;
    for (int steps = 0; !input.empty() && steps < 64; ++steps) {
        driver.step(input);
    }
    return 0;
}
