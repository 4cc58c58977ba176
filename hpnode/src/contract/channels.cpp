// SPDX-License-Identifier: Apache-2.0
#include "contract/channels.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/socket.h>

#include "hp/base/check.hpp"
#include "hp/base/limits.hpp"

namespace hp::contract {
namespace {

constexpr std::size_t notes_max = 16;

// Room is made in steps: an announced size is only a claim.
constexpr std::size_t body_reserve_step = 64 * limits::kib;

// Several of the largest NPL messages, so that their sender need not wait for each.
constexpr int packet_buffer_bytes = 1024 * 1024;

constexpr std::uint64_t framed(std::uint64_t message_bytes) {
    return 4 + message_bytes;
}

constexpr std::uint64_t run_cost(std::uint64_t message_bytes) {
    return framed(message_bytes) + limits::output_message_overhead_bytes;
}

} // namespace

void Notes::add(std::string note) {
    if (notes_.size() < notes_max) {
        notes_.push_back(std::move(note));
    } else {
        ++left_out_;
    }
}

std::vector<std::string> Notes::take() {
    if (left_out_ > 0) {
        notes_.push_back("and " + std::to_string(left_out_) + " more notes like these");
    }
    return std::move(notes_);
}

OutputCollector::OutputCollector(std::vector<PublicKey> keys, const OutputLimits& limits,
                                 Notes& notes)
    : keys_(std::move(keys)), limits_(limits), notes_(notes), users_(keys_.size()),
      cut_user_(keys_.size()) {}

void OutputCollector::on_bytes(std::size_t user, ByteView bytes) {
    UserOutput& output = users_[user];
    while (!bytes.empty() && !output.discarding) {
        bytes = output.in_body ? take_body(output, bytes) : take_header(user, bytes);
    }
}

// Returns what is left of `bytes`, as does take_body().
ByteView OutputCollector::take_header(std::size_t user, ByteView bytes) {
    UserOutput& output = users_[user];
    const std::size_t count = std::min(output.header.size() - output.header_bytes, bytes.size());
    std::copy_n(bytes.begin(), count, output.header.begin() + output.header_bytes);
    output.header_bytes += count;
    if (output.header_bytes == output.header.size()) {
        output.header_bytes = 0;
        on_header(user);
    }
    return bytes.subspan(count);
}

void OutputCollector::on_header(std::size_t user) {
    UserOutput& output = users_[user];
    output.announced = 0;
    for (const std::uint8_t byte : output.header) {
        output.announced = output.announced << 8 | byte;
    }
    if (output.announced > limits_.message_bytes) {
        discard_rest(user, "announces a message of " + std::to_string(output.announced) +
                               " bytes, which is over the limit");
        return;
    }
    const std::uint64_t size = framed(output.announced);
    if (limits_.user_bytes != 0 && output.framed_bytes + size > limits_.user_bytes) {
        discard_rest(user, "goes over user_output_bytes");
        return;
    }
    output.framed_bytes += size;
    output.run_cost += run_cost(output.announced);
    run_cost_ += run_cost(output.announced);
    output.in_body = true;
    enforce_run_limit();
    if (output.in_body) {
        take_body(output, {}); // an empty message is complete already
    }
}

ByteView OutputCollector::take_body(UserOutput& output, ByteView bytes) {
    const std::size_t count = std::min(output.announced - output.body.size(), bytes.size());
    const std::size_t size = output.body.size() + count;
    if (size > output.body.capacity()) {
        // Doubling, but never beyond what was announced.
        output.body.reserve(std::max(
            size, std::min<std::size_t>(output.announced,
                                        std::max(2 * output.body.capacity(), body_reserve_step))));
    }
    append(output.body, bytes.first(count));
    if (output.body.size() == output.announced) {
        output.messages.push_back(std::exchange(output.body, {}));
        output.in_body = false;
    }
    return bytes.subspan(count);
}

void OutputCollector::discard_rest(std::size_t user, std::string_view why) {
    users_[user].discarding = true;
    notes_.add("output for user " + keys_[user].hex() + " " + std::string(why) +
               "; this message and all later ones for this user are dropped");
}

// The unfinished message if there is one, else the last.
void OutputCollector::drop_last(UserOutput& output) {
    std::uint64_t cost = 0;
    if (output.in_body) {
        cost = run_cost(output.announced);
        output.in_body = false;
        output.body = Bytes();
    } else {
        HP_CHECK(!output.messages.empty(), "counted output bytes without a message");
        cost = run_cost(output.messages.back().size());
        output.messages.pop_back();
    }
    output.run_cost -= cost;
    run_cost_ -= cost;
}

// Takes messages off the end of the order until the rest fits. What is left is the longest
// beginning of the order that fits, whatever arrived first: the messages in front of the cut can
// only become more, so that a cut never moves back.
void OutputCollector::enforce_run_limit() {
    while (run_cost_ > limits_.run_bytes) {
        if (cut_user_ == users_.size()) {
            notes_.add("the outputs of this run go over the limit of " +
                       std::to_string(limits_.run_bytes) +
                       " bytes; those of the last users are "
                       "dropped");
        }
        std::size_t last = std::min(cut_user_, users_.size() - 1);
        while (users_[last].run_cost == 0) {
            users_[last].discarding = true;
            --last;
        }
        users_[last].discarding = true;
        drop_last(users_[last]);
        cut_user_ = last;
    }
}

void OutputCollector::finish() {
    for (std::size_t user = 0; user < users_.size(); ++user) {
        const UserOutput& output = users_[user];
        if (!output.discarding && (output.in_body || output.header_bytes > 0)) {
            notes_.add("the last output for user " + keys_[user].hex() +
                       " is incomplete and dropped");
        }
    }
}

Result<os::FdPair> make_packet_channel() {
    HP_TRY(os::FdPair pair, os::seqpacket_pair());
    // With this option every packet comes with its sender's credentials, and the end of the stream
    // with none: otherwise an empty packet would look like the end.
    const int on = 1;
    if (::setsockopt(pair.ours.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0) {
        return fail(errno_error("cannot set SO_PASSCRED", errno));
    }
    // The kernel takes less where its administrator says so; its default is enough as well.
    for (const os::Fd* end : {&pair.ours, &pair.theirs}) {
        ::setsockopt(end->get(), SOL_SOCKET, SO_SNDBUF, &packet_buffer_bytes,
                     sizeof packet_buffer_bytes);
    }
    return pair;
}

Packet receive_packet_now(const os::Fd& socket, std::span<std::uint8_t> buffer) {
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred))];
    iovec part{buffer.data(), buffer.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    ssize_t count = -1;
    do {
        count = ::recvmsg(socket.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        // ECONNRESET comes once, when the contract has closed without reading all that we sent.
        // What it sent before is still there.
    } while (count < 0 && (errno == EINTR || errno == ECONNRESET));
    if (count < 0) {
        return {errno == EAGAIN ? Packet::Kind::none : Packet::Kind::end, 0};
    }
    if (count == 0 && message.msg_controllen == 0) {
        return {Packet::Kind::end, 0};
    }
    if ((message.msg_flags & MSG_TRUNC) != 0) {
        return {Packet::Kind::longer, 0};
    }
    return {Packet::Kind::data, static_cast<std::size_t>(count)};
}

} // namespace hp::contract
