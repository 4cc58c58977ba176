// SPDX-License-Identifier: Apache-2.0
// A simulated cluster: the production engine on every node, over virtual time, network and disk.
// Everything that happens follows from the options and their seed. A Byzantine member is a pair of
// twins: two correct engines with one identity, each heard by another part of the cluster, so that
// together they equivocate, forget and withhold; on top of that they sign whatever votes they hear
// of. One owner.
#pragma once

#include <functional>
#include <memory>
#include <queue>

#include "checker.hpp"
#include "consensus/engine.hpp"
#include "host.hpp"
#include "options.hpp"

namespace hp::sim {

inline constexpr std::size_t users = 8;
inline constexpr std::int64_t start_us = 1'000'000; // of a simulation, on the monotonic clock
inline constexpr TimeMs start_wall_ms = 1'700'000'000'000;

class World {
public:
    using Trace = std::function<void(std::int64_t now_us, std::size_t node, const std::string&)>;

    explicit World(const Options& options, Trace trace = {});
    ~World();

    // To the end, or to the first broken invariant.
    void run();

    const Checker& checker() const { return checker_; }
    // Differs when anything at all went differently.
    std::uint64_t fingerprint() const { return fingerprint_; }
    std::uint64_t steps() const { return steps_; }

private:
    struct Delivery { // of an event to a host, unless it has crashed meanwhile
        std::int64_t at_us = 0;
        std::uint64_t order = 0;
        std::size_t slot = 0;
        bool operator>(const Delivery& other) const {
            return std::tie(at_us, order) > std::tie(other.at_us, other.order);
        }
    };
    struct Slot {
        std::size_t host = 0;
        std::uint64_t life = 0; // of the host; 0: whatever
        std::function<void()> run;
    };

    void at(std::int64_t at_us, std::function<void()> run) { put(at_us, 0, 0, std::move(run)); }
    void at_host(std::int64_t at_us, const Host& host, std::function<void()> run) {
        put(at_us, host.index, host.life, std::move(run));
    }
    void put(std::int64_t at_us, std::size_t host, std::uint64_t life, std::function<void()> run);
    void say(const Host& host, const std::string& what);

    // nodes
    void boot(Host& host);
    void crash(Host& host);
    void feed(Host& host, const consensus::Event& event);
    void perform(Host& host, const consensus::VerifyInput& effect);
    void perform(Host& host, const consensus::TellStatus& effect);
    void perform(Host& host, const consensus::AppendLog& effect);
    void perform(Host& host, const consensus::Broadcast& effect);
    void perform(Host& host, const consensus::SendTo& effect);
    void perform(Host& host, const consensus::ServeLedger& effect);
    void perform(Host& host, const consensus::Persist& effect);
    void perform(Host& host, const consensus::Decided& effect);
    void perform(Host& host, const consensus::Execute& effect);
    void perform(Host& host, const consensus::SyncState& effect);
    void perform(Host& host, const consensus::StatusChanged& effect);
    void perform(Host& host, const consensus::Report& effect);
    void perform(Host& host, const consensus::WakeAt& effect);
    void write(Host& host, std::function<void()> durable, std::function<void()> done);
    void sync_state(Host& host, const consensus::ResultClaim& target);
    Instant now_at(const Host& host) const;
    std::size_t member_of(const PublicKey& key) const;
    proto::SharedResult execute(const Host& host, const proto::LedgerRecord& ledger);
    Hash32 change_config(const proto::LedgerHeader& header);
    bool is_tolerable(const consensus::Params& params) const;
    std::int64_t disk_time_us();

    // network
    void send(Host& from, std::size_t to_member, const consensus::Message& message);
    bool is_cut(std::size_t from, std::size_t to) const;
    void repartition();
    void meddle(const Host& liar, const consensus::Message& heard);
    void deliver(Host& to, const PublicKey& from, const consensus::Message& message);

    // load and faults
    void submit();
    void schedule_faults();
    void schedule_crashes(Host& host);
    void heal();
    void check_liveness();

    Options options_;
    Random random_;
    Trace trace_;
    std::int64_t now_us_ = 0;
    std::uint64_t order_ = 0;
    std::uint64_t steps_ = 0;
    std::uint64_t fingerprint_ = 0;
    bool calm_ = false;
    std::map<Hash32, consensus::Params> configs_; // by hash; zeros at genesis
    std::vector<PublicKey> keys_;                 // of nodes, by number
    std::vector<std::unique_ptr<Host>> hosts_;
    std::vector<std::vector<bool>> cut_; // [from member][to member]
    std::vector<std::uint64_t> nonces_;  // of users
    std::vector<Slot> slots_;
    std::vector<std::size_t> free_slots_;
    std::priority_queue<Delivery, std::vector<Delivery>, std::greater<>> queue_;
    std::vector<LedgerSeq> heights_at_calm_;
    Checker checker_;
};

} // namespace hp::sim
