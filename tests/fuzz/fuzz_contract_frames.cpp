// SPDX-License-Identifier: Apache-2.0
// The output frames of contracts (contract-protocol.md 8.3): pieces of any size for any user in any
// order. The same streams are also read by a plain second implementation that has all of them at
// once; both must keep the same messages, or nodes would differ by how fast they read.
#include "fuzz_input.hpp"

#include "contract/channels.hpp"
#include "hp/base/check.hpp"
#include "hp/base/limits.hpp"

namespace {

using namespace hp;
using contract::OutputLimits;

constexpr std::size_t users_max = 4;

struct Frame {
    std::size_t user = 0;
    std::uint64_t announced = 0;
    Bytes body;

    bool complete() const { return body.size() == announced; }
};

// The frames of one user that count: up to the first that goes over one of the user's limits.
void parse_frames(std::size_t user, ByteView stream, const OutputLimits& limits,
                  std::vector<Frame>& out) {
    std::uint64_t framed = 0;
    while (stream.size() >= 4) {
        Frame frame{user, 0, {}};
        for (const std::uint8_t byte : stream.first(4)) {
            frame.announced = frame.announced * 256 + byte;
        }
        framed += 4 + frame.announced;
        if (frame.announced > limits.message_bytes ||
            (limits.user_bytes > 0 && framed > limits.user_bytes)) {
            return;
        }
        stream = stream.subspan(4);
        const auto size =
            static_cast<std::size_t>(std::min<std::uint64_t>(frame.announced, stream.size()));
        frame.body.assign(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(size));
        stream = stream.subspan(size);
        out.push_back(std::move(frame));
    }
}

// By user: the longest beginning of all frames that fits into the run's limit.
std::vector<std::vector<Bytes>> expected(const std::vector<Bytes>& streams,
                                         const OutputLimits& limits) {
    std::vector<Frame> frames;
    for (std::size_t user = 0; user < streams.size(); ++user) {
        parse_frames(user, streams[user], limits, frames);
    }
    std::vector<std::vector<Bytes>> messages(streams.size());
    std::uint64_t cost = 0;
    for (Frame& frame : frames) {
        cost += 4 + frame.announced + limits::output_message_overhead_bytes;
        if (cost > limits.run_bytes) {
            break;
        }
        if (frame.complete()) {
            messages[frame.user].push_back(std::move(frame.body));
        }
    }
    return messages;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input({data, size});
    const std::size_t users = 1 + input.u8() % users_max;
    OutputLimits limits;
    limits.user_bytes = input.u16();
    limits.run_bytes = input.u16();
    limits.message_bytes = input.u16();

    std::vector<PublicKey> keys(users);
    for (std::size_t i = 0; i < users; ++i) {
        keys[i].data[0] = key_prefix;
        keys[i].data[1] = static_cast<std::uint8_t>(i);
    }
    contract::Notes notes;
    contract::OutputCollector collector(keys, limits, notes);
    std::vector<Bytes> streams(users);
    while (!input.empty()) {
        const std::uint8_t head = input.u8(); // which user, and how many bytes
        const std::size_t user = head % users;
        const ByteView piece = input.bytes(1 + head / users_max);
        collector.on_bytes(user, piece);
        append(streams[user], piece);
    }
    collector.finish();
    const std::vector<std::vector<Bytes>> wanted = expected(streams, limits);
    for (std::size_t user = 0; user < users; ++user) {
        HP_CHECK(collector.take(user) == wanted[user], "messages depend on bytes, not on pieces");
    }
    HP_CHECK(notes.take().size() <= 32, "notes are bounded");
    return 0;
}
