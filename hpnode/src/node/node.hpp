// SPDX-License-Identifier: Apache-2.0
// The composition root of a running node: owns every part, feeds events to the consensus engine
// and turns its effects into calls. All decisions about ledgers are the engine's; all decisions
// about one user's connection are the session's; this file only connects.
//
// Threads: the reactor thread owns everything here. Workers verify signatures, append ledgers,
// execute the contract, answer ledger queries and run read requests; each posts its result back.
#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "consensus/engine.hpp"
#include "contract/contract_log.hpp"
#include "hp/base/log.hpp"
#include "hp/config/contract_dir.hpp"
#include "hp/net/document_server.hpp"
#include "hp/net/in_order.hpp"
#include "hp/net/reactor.hpp"
#include "hp/net/worker_pool.hpp"
#include "ledger/store.hpp"
#include "ledger/vote_log.hpp"
#include "node/agreed_config.hpp"
#include "node/catch_up.hpp"
#include "node/commands.hpp"
#include "node/dev_port.hpp"
#include "node/disk_room.hpp"
#include "node/executor.hpp"
#include "node/held_events.hpp"
#include "node/known_peers.hpp"
#include "node/late_outputs.hpp"
#include "node/launchers.hpp"
#include "node/node_signer.hpp"
#include "node/peer_port.hpp"
#include "node/proposal_stats.hpp"
#include "node/read_requests.hpp"
#include "node/run_record.hpp"
#include "node/status.hpp"
#include "node/user_port.hpp"
#include "state/sync/server.hpp"

namespace hp::node {

// Exit codes of `hpnode run` beyond the common table: the environment failed in the commit path.
inline constexpr int exit_storage = 70; // ledger or state could not be written or read
inline constexpr int exit_no_space = 71;
inline constexpr int exit_cannot_run = 72; // no memory, descriptors... to run the contract

class Node {
public:
    // The launchers must have been started while the process had one thread.
    Node(config::ContractDir dir, config::Config config, Launchers launchers, Log log);
    ~Node();

    // Opens ledgers, state and the user port, recovering what a crash left behind. Nothing runs
    // yet.
    Status start();

    // Runs until SIGINT or SIGTERM (0), or until the environment fails (70 to 72). Then it is over.
    int run();

    // The exit code of a node that could not start().
    int refusal_code() const { return refusal_code_; }

private:
    // start-up
    Status open_storage();
    Result<consensus::Start> load_start();
    Result<consensus::NonceRecords> load_nonces(const proto::SharedLedger& head);
    bool decides_alone() const; // this node is a quorum of the UNL
    Status open_vote_log(consensus::Start& start, consensus::Identity& identity);
    Status start_executor(std::unique_ptr<state::Store> store);
    Result<proto::SharedResult> recovered_result(const state::Store& store,
                                                 const state::Recovered& recovered,
                                                 const proto::SharedLedger& head) const;
    Status confine_contracts(std::uint64_t largest_file_bytes);
    Status choose_backend(const contract::Protection& runs, std::uint64_t largest_file_bytes);
    Status start_contracts_ahead();
    net::TlsFiles tls_files() const;
    Status open_user_port();
    Status open_peer_port();
    Status open_dev_port();
    void open_status_socket();
    void close_status_socket();

    // engine
    void feed(consensus::Event event);
    void step(const consensus::Event& event);
    void remember_forgetting();
    void perform_all(const consensus::Effects& effects);
    void perform(const consensus::VerifyInput& effect);
    void perform(const consensus::TellStatus& effect);
    void perform(const consensus::AppendLog& effect);
    void perform(const consensus::Broadcast& effect);
    void perform(const consensus::SendTo& effect);
    void perform(const consensus::ServeLedgers& effect);
    void perform(const consensus::Persist& effect);
    void perform(const consensus::Decided& effect);
    void perform(const consensus::Execute& effect);
    void perform(const consensus::SyncState& effect);
    void perform(const consensus::Report& effect);
    void perform(const consensus::StatusChanged& effect);
    void perform(const consensus::WakeAt& effect);
    consensus::Params engine_params() const;

    // room on the disk
    void watch_disk();
    void look_at_disk();
    void suspend();
    void resume();
    void begin(consensus::Effects effects);
    bool is_suspended() const { return disk_room_.shortage().has_value(); }
    std::string suspended_why() const; // empty when it is not
    proto::VoteStatus vote_status() const;

    // ledgers
    void adopt_config(const AgreedHash& ledger);
    void explain_no_quorum() const;
    void explain_threshold() const;
    void explain_disagreement(const consensus::Block& block) const;
    std::string no_quorum_reason() const;
    void on_outputs_agreed(const consensus::Decided& decided);
    void deliver_outputs(const LateOutputs::Wanted& confirmed, const proto::ExecutionResult& run);
    void make_late_outputs();
    bool wants_outputs(const proto::LedgerHeader& header) const;
    void on_executed(Execution execution);
    void note_run(const Execution& execution);
    contract::RunSpec run_spec(const std::map<PublicKey, TimeMs>& active_on) const;

    // peers
    struct Checked {
        Bytes bytes;
        consensus::Domain domain; // that they were checked for
        Instant came{};
        Status status{};
        std::optional<consensus::Message> message{}; // empty: not decodable
    };
    // Of one peer: what has come and is not yet with the engine.
    struct Inbox {
        std::uint64_t connection = 0; // number of its connection, of all there were
        net::InOrder<Checked> checks{};
        std::size_t checking = 0; // messages whose signatures are being checked
        std::size_t checking_bytes = 0;
        bool paused = false;
        std::size_t state_requests = 0; // not answered yet
        std::vector<Bytes> early{};     // messages whose signatures fit no UNL known so far
        std::size_t early_bytes = 0;
        std::optional<std::set<PublicKey>> hears{}; // asked to forward: whom it hears itself
        std::size_t lookups = 0;                    // answers from the ledgers that it waits for
    };
    bool is_member(const PublicKey& key) const;
    bool may_follow(const PublicKey& key) const;
    void on_peer_joined(const PublicKey& key);
    void on_peer_left(const PublicKey& key);
    void on_peer(const PublicKey& from, peer::Agreement& message);
    void on_peer(const PublicKey& from, peer::Npl& message);
    void on_peer(const PublicKey& from, peer::GetConfig& request);
    void on_peer(const PublicKey& from, peer::Config& config);
    void on_peer(const PublicKey& from, peer::StateRequest& request);
    void on_peer(const PublicKey& from, peer::StateAnswer& answer);
    void on_peer(const PublicKey& from, peer::Addresses& addresses);
    void on_peer(const PublicKey& from, peer::NoLedger& answer);
    void on_peer(const PublicKey& from, peer::GetEpochs& request);
    void on_peer(const PublicKey& from, peer::Epochs& answer);
    void on_peer(const PublicKey& from, peer::GetSnapshot& request);
    void on_peer(const PublicKey& from, peer::Snapshot& answer);
    void on_peer(const PublicKey& from, peer::GetOutputs& request);
    void on_peer(const PublicKey& from, peer::Outputs& answer);
    void on_peer(const PublicKey& from, peer::Forward& request);
    void ask_to_forward();
    void forward(const PublicKey& from, const Checked& checked);
    // Sends the peer the messages that `look` makes of what the ledgers have, on the query worker.
    using Answers = std::vector<net::SharedBytes>;
    using Lookup = std::function<Answers(ledger::Store&)>;
    void look_up(const PublicKey& peer, Lane lane, Lookup look);
    void note_proposal(const Checked& checked);
    void share_inputs();
    void pace_reading(const PublicKey& from, Inbox& inbox);
    void on_check_ended(const PublicKey& from, std::uint64_t connection, std::uint64_t number,
                        Checked checked);
    void on_checked(const PublicKey& from, Checked checked);
    void on_bad_signature(const PublicKey& from, Inbox& inbox, Checked checked);
    void check(const PublicKey& from, Bytes message);
    void check_early_messages();
    void ask_for_ledger(const PublicKey& from, LedgerSeq seq);
    void ask_for_config();
    void tell_addresses();

    // catching up
    void make_catch_up();
    CatchUp::Start catch_up_start() const;
    void watch_distance();
    bool wants_missed_ledgers(LedgerSeq missed) const;
    void on_caught_up(CatchUp::Outcome outcome);
    void prepare_joined_config(const AgreedHash& ledger);
    std::string activity() const;
    void keep_config(const Hash32& hash, const Bytes& content);
    void send_state_request(const PublicKey& peer, Bytes request);
    void on_synced(const proto::SharedResult& result, Bytes patch);
    void tell_followers(const consensus::SharedCertifiedLedger& ledger);
    void on_npl(const LedgerId& run, Bytes message);
    void on_peer_changeset(const contract::PeerChangeset& changes);
    void save_known_peers();

    // users
    void on_request(user::SessionId id, proto::UserRequest request);
    void handle(user::SessionId id, const proto::StatRequest&);
    void handle(user::SessionId id, const proto::LclRequest&);
    void handle(user::SessionId id, proto::InputRequest& request);
    void handle(user::SessionId id, proto::ReadRequest& request);
    void handle(user::SessionId id, const proto::SubscriptionRequest& request);
    void handle(user::SessionId id, const proto::LedgerQuery& query);
    void on_read_done(const PublicKey& user, const std::string& request_id,
                      contract::RunResult result);
    void publish_connectivity();
    bool weakly_connected() const;

    StatusReport status_report() const;
    void stop(int exit_code, const std::string& why);
    void fatal(const Error& error);
    void post_fatal(const Error& error); // from any thread
    const config::Config& config() const { return agreed_.config(); }

    config::ContractDir dir_;
    SystemClock clock_;
    Log log_;
    Log consensus_log_;
    std::int64_t started_mono_us_ = 0;
    AgreedConfig agreed_;
    DiskRoom disk_room_;
    KnownPeers known_peers_;
    Launchers launchers_;
    std::optional<contract::StopSource> stop_runs_;
    net::Reactor reactor_;
    net::Timer wake_timer_;
    net::Timer stop_timer_;
    net::Timer config_timer_;
    net::Timer discovery_timer_;
    net::Timer inputs_timer_;
    net::Timer disk_timer_;

    std::unique_ptr<ledger::Store> ledgers_;       // storage worker, after start()
    std::unique_ptr<ledger::Store> query_ledgers_; // query worker
    std::unique_ptr<os::StoreDirectory> vote_directory_;
    bool votes_complete_ = true;             // the log knows every vote that matters
    std::unique_ptr<ledger::VoteLog> votes_; // storage worker, after start()
    NodeSigner signer_;
    std::unique_ptr<consensus::Engine> engine_;
    std::deque<consensus::Event> events_; // waiting while effects are performed
    bool feeding_ = false;
    HeldEvents held_;                                 // while suspended
    std::optional<consensus::Effects> first_effects_; // of a node that starts suspended
    bool stopping_ = false;
    int exit_code_ = 0;
    int refusal_code_ = exit_refused;
    std::optional<bool> last_weak_;
    ProposalStats proposals_;                          // for the ledger being agreed on
    std::optional<std::vector<PublicKey>> told_heard_; // the last request to forward
    bool needs_forwarding_ = false;                    // as it said
    TimeMs lcl_time_ms_ = 0;                           // wall clock
    LedgerSeq took_part_in_ = 0;                       // the newest ledger, or 0
    std::vector<PublicKey> committed_by_;              // whose votes decided the last ledger
    std::uint64_t failed_attempts_ = 0;                // at ledgers decided since the start
    LogLimiter log_limiter_;
    RunRecords runs_;
    std::optional<LedgerSeq> running_; // the ledger the contract is being run for
    state::Roots roots_;               // after the last run
    Protection protection_;
    bool tracked_ = false; // runs have views that record what they write

    std::unique_ptr<net::DocumentServer> status_server_;
    std::unique_ptr<DevPort> dev_; // with dev.enabled
    std::unique_ptr<UserPort> users_;
    std::unique_ptr<PeerPort> peers_;
    std::map<PublicKey, Inbox> inboxes_; // of connected peers
    std::uint64_t connections_ = 0;      // there were
    net::InOrder<consensus::InputVerified> verdicts_;
    consensus::Inputs inputs_to_share_; // of users here, for a moment
    std::size_t inputs_to_share_bytes_ = 0;
    std::int64_t ask_ledger_at_us_ = 0;
    std::optional<AgreedHash> wanted_config_; // agreed on, and not here
    std::size_t ask_config_turn_ = 0;
    std::unique_ptr<CatchUp> catch_up_;
    std::unique_ptr<LateOutputs> late_outputs_;
    std::string state_progress_;                   // while a state is being fetched
    std::optional<CatchUp::Outcome> joining_;      // until its ledger is stored
    std::optional<contract::ContractLog> run_log_; // with contract.log.enable
    std::optional<contract::ContractLog> read_log_;
    std::unique_ptr<Executor> executor_;
    std::unique_ptr<state::sync::Server> state_server_; // sync worker
    std::unique_ptr<ReadRequests> reads_;
    // Last: their threads use the parts above.
    net::WorkerPool verify_workers_;
    net::WorkerPool storage_worker_;
    net::WorkerPool query_worker_;
    net::WorkerPool sync_worker_;
};

} // namespace hp::node
