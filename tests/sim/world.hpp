// SPDX-License-Identifier: Apache-2.0
// A simulated cluster: the production engine on every node, over virtual time, network and disk.
// Everything that happens follows from the scenario and its seed; each link, disk and the users
// have chances of their own, so that leaving out one fault changes as little as possible of the
// rest. A Byzantine member is a pair of twins: two correct engines with one identity, each heard by
// another part of the cluster, so that together they equivocate, forget and withhold; on top of
// that they tell the lies of the options. One owner.
//
// The parts: world.cpp the loop, world_nodes.cpp nodes and effects, world_disk.cpp what they write,
// world_network.cpp messages, world_contract.cpp what ledgers do, world_liars.cpp Byzantine
// members, world_actions.cpp the scenario, world_ends.cpp what has to come of it.
#pragma once

#include <functional>
#include <memory>
#include <queue>

#include "checker.hpp"
#include "consensus/engine.hpp"
#include "forgery.hpp"
#include "host.hpp"
#include "keyring.hpp"
#include "message_kind.hpp"
#include "sabotage.hpp"
#include "scenario.hpp"
#include "trace.hpp"

namespace hp::sim {

inline constexpr std::size_t users = 8;
inline constexpr std::int64_t start_us = 1'000'000; // of a simulation, on the monotonic clock
inline constexpr TimeMs start_wall_ms = 1'700'000'000'000;

class World {
public:
    // `trace` may be null and must outlive the world.
    World(const Scenario& scenario, const Sabotage& sabotage, Trace* trace);
    ~World();

    // To the end, or to the first broken invariant.
    void run();

    const Checker& checker() const { return checker_; }
    // Differs when anything at all went differently.
    std::uint64_t fingerprint() const { return fingerprint_; }
    std::uint64_t steps() const { return steps_; }
    std::int64_t now_ms() const { return (now_us_ - start_us) / 1000; }
    // From the end of all faults until every correct node had a new ledger, 0 if it never did.
    std::int64_t recovery_ms() const { return recovery_us_ / 1000; }
    std::vector<std::string> node_names() const;

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
    struct Hold {
        MessageKinds kinds;
        std::int64_t until_us = 0;
        bool lost = false;
    };
    struct Link { // from one host to another
        Random random;
        bool cut = false;
        bool deaf = false; // a twin that does not talk to this member
        std::int64_t delay_us = 0;
        std::vector<Hold> holds;
    };
    struct Note { // what expectations count from
        std::int64_t at_us = 0;
        std::vector<LedgerSeq> heights; // by host
        LedgerSeq height = 0;
        std::size_t accepted = 0;
        std::int64_t slowest_us = 0;
    };
    using SharedMessage = std::shared_ptr<const consensus::Message>;

    void at(std::int64_t at_us, std::function<void()> run) { put(at_us, 0, 0, std::move(run)); }
    void at_host(std::int64_t at_us, const Host& host, std::function<void()> run) {
        put(at_us, host.index, host.life, std::move(run));
    }
    void put(std::int64_t at_us, std::size_t host, std::uint64_t life, std::function<void()> run);
    void say(const Host& host, const std::string& what);
    template <class Do>
    void each(const Nodes& members, Do what) { // host of these members
        for (const std::size_t member : members) {
            for (Host* host : members_[member]) {
                what(*host);
            }
        }
    }

    // nodes
    void boot(Host& host);
    void connect(Host& host);
    static consensus::NonceRecords nonces_of(const Host& host);
    void crash(Host& host);
    void restart_later(const Host& host, std::int64_t down_ms);
    void feed(Host& host, consensus::Event event);
    void perform_all(Host& host, const consensus::Effects& effects);
    void perform(Host& host, const consensus::VerifyInput& effect);
    void perform(Host& host, const consensus::TellStatus& effect);
    void perform(Host& host, const consensus::AppendLog& effect);
    void perform(Host& host, const consensus::Broadcast& effect);
    void perform(Host& host, const consensus::SendTo& effect);
    void perform(Host& host, const consensus::ServeLedgers& effect);
    void perform(Host& host, const consensus::Persist& effect);
    void perform(Host& host, const consensus::Decided& effect);
    void perform(Host& host, const consensus::Execute& effect);
    void perform(Host& host, const consensus::SyncState& effect);
    void perform(Host& host, const consensus::StatusChanged& effect);
    void perform(Host& host, const consensus::Report& effect);
    void perform(Host& host, const consensus::WakeAt& effect);
    bool keeps(const Host& host, LedgerSeq seq) const;
    void offer_newest(Host& host, Host& asker);
    Instant now_at(const Host& host) const;
    std::size_t member_of(const PublicKey& key) const;

    // disk
    void write(Host& host, Host::Write write);
    void begin_write(Host& host);
    void end_write(Host& host);
    void lose_writes(Host& host);
    void repair_disk(Host& host);
    void stop_for_disk(Host& host);
    void note_memory(Host& host);
    void spoil(Host& host);
    void make_backup(Host& host);
    void restore_backup(Host& host);
    bool crash_writing(Host& host, const std::vector<consensus::LogRecord>& records, bool ledger);
    std::int64_t disk_time_us(Host& host);

    // contract
    void sync_state(Host& host, const consensus::ResultClaim& target);
    proto::SharedResult execute(Host& host, const proto::LedgerRecord& ledger);
    Hash32 change_config(const proto::LedgerHeader& header);
    bool draw_change(const Hash32& dice, consensus::Params& params) const;
    bool is_tolerable(const consensus::Params& params) const;

    // network
    Link& link(const Host& from, const Host& to) {
        return links_[from.index * hosts_.size() + to.index];
    }
    void broadcast(Host& from, const consensus::Message& message);
    void send(Host& from, std::size_t to_member, const SharedMessage& message);
    void send(Host& from, Host& to, const SharedMessage& message);
    void deliver(Host& to, const Host& from, const SharedMessage& message);
    bool admits(Host& to, const Host& from, const SharedMessage& message);
    bool is_signed(const consensus::Domain& domain, const consensus::Message& message);
    void admit_early(Host& host);
    void ask_stranger(Host& host, const Host& from, const consensus::Message& message);
    void ask_for_ledger(Host& host, const Host& from);
    SharedMessage encoded(const Host& from, const consensus::Message& message);

    // Byzantine members
    bool lies(Lie lie) const { return !calm_ && options_.lies.has(lie); }
    bool lie_instead(Host& liar, const consensus::Message& message);
    void lie_about(Host& liar, const consensus::Message& heard);
    void sign_all(Host& liar, const consensus::Vote& heard);
    void remember(const SharedMessage& message);
    void flood(Host& liar, LedgerSeq height);
    void replay(Host& liar);
    bool answer_falsely(Host& liar, const Host& asker, const consensus::Message& heard);
    bool answer_ledgers_falsely(Host& liar, const Host& asker, const consensus::GetLedgers& get);
    consensus::SharedCertifiedLedger forge_ledger(const Host& liar,
                                                  const consensus::CertifiedLedger& honest);
    bool propose_two_faced(Host& liar, const consensus::Propose& propose);
    bool propose_falsely(Host& liar, const consensus::Propose& propose);
    void tell_results(Host& liar, const consensus::SignedResult& honest);
    void tell(Host& liar, Host& to, consensus::Message message);
    void usurp(Host& liar, const consensus::Propose& heard);
    void copy_inputs(Host& liar, const consensus::Inputs& heard);
    consensus::SharedBlock forge_some(const Host& liar, const consensus::Block& honest);
    std::optional<ForgeryContext> forgery_context(const Host& liar, const consensus::Block& honest);
    static consensus::Signed sign_as(const Host& liar, consensus::StatementKind kind,
                                     const Hash32& digest);
    static void sign_as(const Host& liar, consensus::Vote& vote);
    void impersonate(Host& liar, const consensus::Vote& heard);
    void sign_ahead(Host& liar, const proto::LedgerHeader& header);

    // users
    void submit_often();
    void submit();
    proto::SharedInput make_input(LedgerSeq height);
    void give(Host& host, const proto::SharedInput& input);

    // scenario
    void act(const Action& action);
    bool act_on_links(const Action& action);
    bool act_on_nodes(const Action& action);
    bool act_on_contract(const Action& action);
    void cut(const Nodes& from, const Nodes& to);
    void split(Groups groups);
    void set_hold(const Action& action);
    void heal();
    std::optional<Action> spring(const Host& host, Verb verb,
                                 const std::function<bool(const Action&)>& fits);

    // ends
    void note();
    void expect(const Action& action);
    std::string unmet(const Action& action);
    std::string unmet_ledgers(const Action& action) const;
    std::string unmet_results(const Action& action) const;
    void watch_recovery(const Host& host);
    void check_liveness();
    bool is_voter(const Host& host) const;
    std::int64_t recovery_max_us() const;
    void check_bounds(const Host& host);

    Options options_;
    Sabotage sabotage_;
    Keyring keyring_;
    std::vector<Action> actions_;
    Random random_; // of users, liars and what there is once
    Trace* trace_;
    std::int64_t now_us_ = 0;
    std::uint64_t order_ = 0;
    std::uint64_t steps_ = 0;
    std::uint64_t fingerprint_ = 0;
    bool calm_ = false;
    std::map<Hash32, consensus::Params> configs_; // by hash; zeros at genesis
    std::vector<PublicKey> keys_;                 // of members and observers, by number
    std::vector<std::unique_ptr<Host>> hosts_;
    std::vector<std::vector<Host*>> members_; // by number: one, or two twins
    std::vector<Link> links_;
    std::vector<Slot> slots_;
    std::vector<std::size_t> free_slots_;
    std::priority_queue<Delivery, std::vector<Delivery>, std::greater<>> queue_;

    std::vector<Action> traps_;                      // crash_writing, crash_sending
    std::map<Hash32, Hash32> config_after_;          // by ledger that was executed
    std::vector<Action> patch_;                      // what the next run writes
    std::vector<std::uint64_t> nonces_;              // of users
    std::vector<proto::SharedInput> submitted_;      // the newest
    std::map<Hash32, std::int64_t> submitted_at_us_; // at correct nodes, not accepted yet
    std::vector<SharedMessage> remembered_;          // by liars
    std::uint64_t made_ = 0;                         // by liars, so that each lie differs
    std::map<Hash32, bool> verdicts_;                // on real signatures, by domain and message

    Note note_;
    std::size_t accepted_ = 0;
    LedgerSeq height_at_calm_ = 0;
    LedgerSeq height_near_end_ = 0; // that everybody has to have in the end
    std::vector<bool> recovered_;   // by host
    std::size_t remembering_at_calm_ = 0;
    std::int64_t recovery_us_ = 0;
    Checker checker_;
};

} // namespace hp::sim
