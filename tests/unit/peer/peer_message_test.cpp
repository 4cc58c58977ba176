// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "hp/base/limits.hpp"
#include "peer/peer_message.hpp"

using namespace hp;
using namespace hp::peer;

namespace {

const std::vector<Frame>& samples() {
    static const std::vector<Frame> all = {
        Hello{{}, {}, 22860},
        Proof{},
        Agreement{to_bytes("votes")},
        Npl{{7, {}}, to_bytes("x")},
        GetConfig{},
        Config{to_bytes("{}")},
        StateRequest{to_bytes("r")},
        StateAnswer{to_bytes("a")},
        Addresses{{{"a.example", 1}, {"::1", 65535}}},
        NoLedger{9},
        GetEpochs{9},
        Epochs{to_bytes("e")},
        GetSnapshot{},
        Snapshot{to_bytes("s")},
        GetOutputs{9},
        Outputs{9, to_bytes("o")},
        Forward{{PublicKey(), PublicKey()}},
    };
    return all;
}

template <class... Messages>
bool is_one_of(const Frame& frame) {
    const auto* message = std::get_if<PeerMessage>(&frame);
    return message != nullptr && (std::holds_alternative<Messages>(*message) || ...);
}

} // namespace

TEST_CASE("every message comes back as it was") {
    for (const Frame& message : samples()) {
        const Bytes bytes = encode_frame(message);
        const auto decoded = decode_frame(bytes);
        REQUIRE(decoded);
        CHECK(decoded->index() == message.index());
        CHECK(encode_frame(*decoded) == bytes);
    }
}

TEST_CASE("messages of a fixed shape are neither longer nor shorter") {
    for (const Frame& message : samples()) {
        if (is_one_of<Agreement, Npl, Config, StateRequest, StateAnswer, Epochs, Snapshot, Outputs>(
                message)) {
            continue; // end with bytes of any length
        }
        Bytes bytes = encode_frame(message);
        for (std::size_t length = 0; length < bytes.size(); ++length) {
            CHECK_FALSE(decode_frame(ByteView(bytes).first(length)));
        }
        bytes.push_back(0);
        CHECK_FALSE(decode_frame(bytes));
    }
    CHECK_FALSE(decode_frame(Bytes{0}));
    CHECK_FALSE(decode_frame(Bytes{18}));
}

TEST_CASE("limits are kept") {
    CHECK_FALSE(decode_frame(encode_frame(Npl{{1, {}}, {}})));
    CHECK(decode_frame(encode_frame(Npl{{1, {}}, Bytes(limits::npl_message_bytes_max)})));
    CHECK_FALSE(decode_frame(encode_frame(Npl{{1, {}}, Bytes(limits::npl_message_bytes_max + 1)})));
    CHECK_FALSE(decode_frame(encode_frame(Config{Bytes(limits::patch_bytes_max + 1)})));
    CHECK_FALSE(decode_frame(encode_frame(Addresses{{{"", 1}}})));
    CHECK_FALSE(decode_frame(encode_frame(Addresses{{{"a", 0}}})));
    CHECK_FALSE(
        decode_frame(encode_frame(Addresses{{{std::string(limits::host_bytes_max + 1, 'a'), 1}}})));
    CHECK_FALSE(decode_frame(encode_frame(
        Addresses{std::vector<Address>(limits::known_peers_max + 1, Address{"a", 1})})));
}
