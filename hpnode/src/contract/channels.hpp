// SPDX-License-Identifier: Apache-2.0
// The data side of a run's channels, without the event loop: output frames of users, and packets.
// Everything a contract writes passes through here and is bounded here. A contract that goes over
// a limit is never disturbed by it (no early close, no EPIPE): what is over the limit is read and
// thrown away, because an error at a moment that depends on how fast this node reads would make
// the same contract end differently on different nodes. One owner; not thread safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hp/base/ids.hpp"
#include "hp/os/fd.hpp"

namespace hp::contract {

// What the contract did wrong, for the log. Bounded: a contract can do very many things wrong.
class Notes {
public:
    void add(std::string note);
    std::vector<std::string> take();

private:
    std::vector<std::string> notes_;
    std::size_t left_out_ = 0;
};

struct OutputLimits {
    std::uint64_t user_bytes = 0; // round_limits.user_output_bytes: framed, per user; 0 = none
    std::uint64_t run_bytes = 0;  // all users, framed, plus an overhead for each message
    std::uint64_t message_bytes = 0;
};

// Assembles the messages of all users from pieces of any size.
//
// Both byte limits cut at the same message on every node, however the pieces arrive. Per user: the
// first message that does not fit and everything behind it is dropped. For the whole run: of all
// messages in the order of users, then of writing, those beyond the limit are dropped. A message
// counts from its header on with the size it announces.
class OutputCollector {
public:
    // `keys` name the users in notes; ascending, as in the run.
    OutputCollector(std::vector<PublicKey> keys, const OutputLimits& limits, Notes& notes);

    void on_bytes(std::size_t user, ByteView bytes);

    // At the end of the run: drops unfinished messages.
    void finish();
    std::vector<Bytes> take(std::size_t user) { return std::move(users_[user].messages); }

private:
    struct UserOutput {
        std::vector<Bytes> messages;
        std::uint64_t framed_bytes = 0; // of all that counted, the announced one included
        std::uint64_t run_cost = 0;     // of `messages` and the announced one
        std::array<std::uint8_t, 4> header{};
        std::size_t header_bytes = 0;
        bool in_body = false;
        std::uint32_t announced = 0; // size of the message in `body`
        Bytes body;
        bool discarding = false; // over a limit: nothing more counts
    };

    ByteView take_header(std::size_t user, ByteView bytes);
    ByteView take_body(UserOutput& output, ByteView bytes);
    void on_header(std::size_t user);
    void discard_rest(std::size_t user, std::string_view why);
    void drop_last(UserOutput& output);
    void enforce_run_limit();

    std::vector<PublicKey> keys_;
    OutputLimits limits_;
    Notes& notes_;
    std::vector<UserOutput> users_;
    std::uint64_t run_cost_ = 0; // all users
    std::size_t cut_user_;       // users from here on are over the run's limit
};

// One packet of a SOCK_SEQPACKET socket.
struct Packet {
    enum class Kind : std::uint8_t {
        data,   // in the buffer, possibly empty
        longer, // than the buffer, and gone
        none,   // nothing waiting
        end,    // the other side has closed or stopped sending
    };
    Kind kind = Kind::none;
    std::size_t size = 0;

    bool received() const { return kind == Kind::data || kind == Kind::longer; }
};

// A SOCK_SEQPACKET pair with room for the largest packets in both directions, `ours` prepared for
// receive_packet_now().
Result<os::FdPair> make_packet_channel();
Packet receive_packet_now(const os::Fd& socket, std::span<std::uint8_t> buffer);

} // namespace hp::contract
