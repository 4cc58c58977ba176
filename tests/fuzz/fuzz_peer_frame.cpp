// SPDX-License-Identifier: Apache-2.0
// Frames between nodes: any bytes. What is understood must encode to the same bytes again, and a
// session fed with it must not go wrong before anything is proven.
#include "hp/base/check.hpp"
#include "peer/peer_session.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace hp;
    const ByteView bytes(data, size);
    const auto message = peer::decode_frame(bytes);
    if (message) {
        HP_CHECK(equal(peer::encode_frame(*message), bytes), "one form for each message");
    } else {
        HP_CHECK(!message.err().context.empty(), "a refusal without a reason");
    }
    static const peer::Own own = [] {
        crypto::init();
        return peer::Own{crypto::make_key_pair(), {}, 1};
    }();
    peer::PeerSession session(own, false, Bytes(32, 1));
    const auto first = session.on_message(bytes);
    HP_CHECK(!first || !first->established, "established by one message");
    const auto second = session.on_message(bytes);
    HP_CHECK(!second || !second->established, "established without a proof");
    return 0;
}
