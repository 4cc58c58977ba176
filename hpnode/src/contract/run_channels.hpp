// SPDX-License-Identifier: Apache-2.0
// The data channels of a run on the node's side: user outputs, NPL, control. One descriptor
// stands for all of them in the runner's loop. The node keeps only its own ends, so a channel that
// the contract closes shows an end of file, is taken out of the loop, and cannot make it spin. One
// owner.
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "contract/channels.hpp"
#include "contract/npl_channel.hpp"
#include "contract/run.hpp"
#include "contract/run_handlers.hpp"
#include "hp/base/limits.hpp"

namespace hp::contract {

// The node's ends; the contract has the others.
struct ChannelEnds {
    os::Fd control;
    os::Fd npl;                // consensus mode only
    std::vector<os::Fd> users; // in the order of RunSpec::users
};

class RunChannels {
public:
    // The references must outlive the object. `buffer` is shared with others of the same thread.
    static Result<std::unique_ptr<RunChannels>> open(ChannelEnds ends, const RunSpec& spec,
                                                     const RunHandlers& handlers, Notes& notes,
                                                     std::span<std::uint8_t> buffer);
    ~RunChannels();
    RunChannels(const RunChannels&) = delete;
    RunChannels& operator=(const RunChannels&) = delete;

    static constexpr std::size_t buffer_bytes = 256 * limits::kib;

    int fd() const { return epoll_.get(); }
    void on_ready(); // when fd() is readable

    // Once nothing of the run is alive any more: what is in the sockets is all that counts.
    void drain(int reads_max);
    std::vector<UserOutputs> take_outputs(RunStats& stats);

private:
    enum class Source : std::uint32_t { control, npl, npl_inlet, user };

    RunChannels(ChannelEnds ends, const RunSpec& spec, const RunHandlers& handlers, Notes& notes,
                std::span<std::uint8_t> buffer);
    Status watch_all();
    Status open_npl();
    Status watch(int fd, Source source, std::uint32_t events, std::size_t index = 0);
    bool read_user(std::size_t index);
    bool read_control();
    void on_control(ByteView packet);
    void on_npl(std::uint32_t events);
    void update_npl_watch();

    const RunSpec& spec_;
    const RunHandlers& handlers_;
    Notes& notes_;
    std::span<std::uint8_t> buffer_;
    os::Fd epoll_;
    ChannelEnds ends_;
    OutputCollector outputs_;
    std::size_t peer_changesets_ = 0;

    NplInlet own_inlet_; // when the owner of the run has none
    NplInlet* inlet_ = nullptr;
    os::Fd inlet_event_;
    std::optional<NplChannel> npl_;
    std::uint32_t npl_events_ = 0; // as epoll knows them
};

} // namespace hp::contract
