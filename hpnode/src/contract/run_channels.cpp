// SPDX-License-Identifier: Apache-2.0
#include "contract/run_channels.hpp"

#include <array>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "hp/base/check.hpp"

namespace hp::contract {
namespace {

static_assert(RunChannels::buffer_bytes >= limits::npl_message_bytes_max);
static_assert(RunChannels::buffer_bytes >= limits::control_message_bytes_max);

// Control packets taken off before other channels get their turn.
constexpr int control_packets_per_turn = 64;

std::vector<PublicKey> keys_of(const std::vector<RunUser>& users) {
    std::vector<PublicKey> keys;
    keys.reserve(users.size());
    for (const RunUser& user : users) {
        keys.push_back(user.key);
    }
    return keys;
}

} // namespace

RunChannels::RunChannels(ChannelEnds ends, const RunSpec& spec, const RunHandlers& handlers,
                         Notes& notes, std::span<std::uint8_t> buffer)
    : spec_(spec), handlers_(handlers), notes_(notes), buffer_(buffer), ends_(std::move(ends)),
      outputs_(keys_of(spec.users),
               {spec.limits.user_output_bytes, limits::run_output_bytes_max,
                limits::output_message_bytes_max},
               notes) {}

RunChannels::~RunChannels() {
    if (inlet_ != nullptr) {
        inlet_->detach();
    }
}

Result<std::unique_ptr<RunChannels>> RunChannels::open(ChannelEnds ends, const RunSpec& spec,
                                                       const RunHandlers& handlers, Notes& notes,
                                                       std::span<std::uint8_t> buffer) {
    HP_CHECK(ends.users.size() == spec.users.size(), "an output channel for each user");
    std::unique_ptr<RunChannels> out(
        new RunChannels(std::move(ends), spec, handlers, notes, buffer));
    HP_TRY_STATUS(out->watch_all());
    return out;
}

Status RunChannels::watch_all() {
    epoll_ = os::Fd(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll_) {
        return fail(errno_error("cannot make an epoll", errno));
    }
    HP_TRY_STATUS(watch(ends_.control.get(), Source::control, EPOLLIN));
    for (std::size_t i = 0; i < ends_.users.size(); ++i) {
        HP_TRY_STATUS(watch(ends_.users[i].get(), Source::user, EPOLLIN, i));
    }
    return ends_.npl ? open_npl() : Status();
}

Status RunChannels::open_npl() {
    HP_CHECK(spec_.lcl.has_value(), "a consensus run without its ledger");
    inlet_ = handlers_.npl_inlet;
    if (inlet_ == nullptr) {
        inlet_ = &own_inlet_;
        own_inlet_.begin(*spec_.lcl);
    }
    HP_TRY(inlet_event_, os::event_fd());
    // Edge-triggered: nobody resets it. Each signal is an event of its own, and messages that are
    // left waiting for room in the socket are taken when there is some.
    HP_TRY_STATUS(watch(inlet_event_.get(), Source::npl_inlet, EPOLLIN | EPOLLET));
    npl_.emplace(std::move(ends_.npl),
                 NplChannel::Settings{*spec_.lcl, spec_.node_keys.public_key,
                                      spec_.limits.npl_output_bytes, spec_.npl_enabled},
                 *inlet_, notes_);
    npl_events_ = npl_->wanted_events();
    HP_TRY_STATUS(watch(npl_->fd(), Source::npl, npl_events_));
    inlet_->attach(inlet_event_.get());
    return {};
}

Status RunChannels::watch(int fd, Source source, std::uint32_t events, std::size_t index) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = std::uint64_t{static_cast<std::uint32_t>(source)} << 32 | index;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
        return fail(errno_error("cannot watch a channel", errno));
    }
    return {};
}

void RunChannels::on_ready() {
    std::array<epoll_event, 64> events;
    const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        switch (static_cast<Source>(event.data.u64 >> 32)) {
        case Source::control:
            for (int packets = 0; packets < control_packets_per_turn && read_control(); ++packets) {
            }
            break;
        case Source::npl:
            on_npl(event.events);
            break;
        case Source::npl_inlet:
            npl_->flush();
            update_npl_watch();
            break;
        case Source::user:
            read_user(event.data.u64 & UINT32_MAX);
            break;
        }
    }
}

// False when nothing is waiting. Closes the channel at its end, which also ends its watch.
bool RunChannels::read_user(std::size_t index) {
    os::Fd& fd = ends_.users[index];
    if (!fd) {
        return false;
    }
    ssize_t count = -1;
    do {
        count = ::recv(fd.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    } while (count < 0 && errno == EINTR);
    if (count > 0) {
        outputs_.on_bytes(index, buffer_.first(static_cast<std::size_t>(count)));
        return true;
    }
    if (count == 0 || errno != EAGAIN) {
        fd.reset();
    }
    return false;
}

bool RunChannels::read_control() {
    if (!ends_.control) {
        return false;
    }
    const std::span<std::uint8_t> room = buffer_.first(limits::control_message_bytes_max);
    const Packet packet = receive_packet_now(ends_.control, room);
    if (packet.kind == Packet::Kind::end) {
        ends_.control.reset();
    } else if (packet.kind == Packet::Kind::longer) {
        notes_.add("a control message over the size limit was dropped");
    } else if (packet.kind == Packet::Kind::data && packet.size > 0) {
        on_control(room.first(packet.size));
    }
    return packet.received();
}

void RunChannels::on_control(ByteView packet) {
    auto message = decode_control_message(packet);
    if (!message) {
        notes_.add("a control message is ignored: " + message.err().context);
    } else if (auto* changes = std::get_if<PeerChangeset>(&*message)) {
        if (++peer_changesets_ > limits::peer_changesets_per_run_max) {
            notes_.add("a peer_changeset is ignored: too many in one run");
        } else if (handlers_.on_peer_changeset) {
            handlers_.on_peer_changeset(std::move(*changes));
        }
    } else if (std::holds_alternative<ContractEnd>(*message)) {
        ::shutdown(ends_.control.get(), SHUT_WR);
        if (npl_) {
            npl_->end_input();
            update_npl_watch();
        }
    }
}

void RunChannels::on_npl(std::uint32_t events) {
    npl_->on_events(events, buffer_, handlers_.on_npl);
    update_npl_watch();
}

void RunChannels::update_npl_watch() {
    if (npl_->fd() < 0 || npl_->wanted_events() == npl_events_) {
        return;
    }
    npl_events_ = npl_->wanted_events();
    epoll_event change{};
    change.events = npl_events_;
    change.data.u64 = std::uint64_t{static_cast<std::uint32_t>(Source::npl)} << 32;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, npl_->fd(), &change);
}

void RunChannels::drain(int reads_max) {
    for (std::size_t i = 0; i < ends_.users.size(); ++i) {
        for (int reads = 0; reads < reads_max && read_user(i); ++reads) {
        }
    }
    for (int reads = 0; reads < reads_max && read_control(); ++reads) {
    }
    if (npl_) {
        npl_->drain(buffer_, handlers_.on_npl, reads_max);
    }
    outputs_.finish();
}

std::vector<UserOutputs> RunChannels::take_outputs(RunStats& stats) {
    std::vector<UserOutputs> out;
    for (std::size_t i = 0; i < spec_.users.size(); ++i) {
        std::vector<Bytes> messages = outputs_.take(i);
        for (const Bytes& message : messages) {
            stats.output_bytes += message.size();
        }
        if (!messages.empty()) {
            out.push_back({spec_.users[i].key, std::move(messages)});
        }
    }
    if (npl_) {
        stats.npl = npl_->stats();
    }
    return out;
}

} // namespace hp::contract
