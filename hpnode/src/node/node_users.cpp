// SPDX-License-Identifier: Apache-2.0
// What a node does for its users: the port they connect to, and their requests.
#include "hp/base/version.hpp"
#include "node/node.hpp"

namespace hp::node {
namespace {

constexpr std::size_t stat_peers_max = 100; // user-protocol.md section 11

std::vector<PublicKey> list(const std::set<PublicKey>& keys) {
    return {keys.begin(), keys.end()};
}

// A relative path in hp.cfg counts from the node's directory; empty means the default.
std::string resolve(const config::ContractDir& dir, const std::string& path,
                    const std::filesystem::path& standard) {
    return path.empty() ? standard.string() : (dir.root / path).string();
}

} // namespace

net::TlsFiles Node::tls_files() const {
    return {resolve(dir_, config().user.tls_cert, dir_.tls_cert()),
            resolve(dir_, config().user.tls_key, dir_.tls_key())};
}

Status Node::open_user_port() {
    UserPort::Events events;
    events.on_joined = [this](const PublicKey& key) { feed(consensus::UserJoined{key}); };
    events.on_left = [this](const PublicKey& key) { feed(consensus::UserLeft{key}); };
    events.on_request = [this](user::SessionId id, proto::UserRequest request) {
        on_request(id, std::move(request));
    };
    users_ = std::make_unique<UserPort>(reactor_, config(), clock_, std::move(events),
                                        log_.module("user"));
    if (!config().user.listen) {
        return {};
    }
    std::optional<net::TlsFiles> tls;
    if (!config().user.plain_ws) {
        tls = tls_files();
    }
    HP_TRY_STATUS(users_->listen(tls));
    log_.info("listening for users",
              {{"port", users_->port()}, {"scheme", config().user.plain_ws ? "ws" : "wss"}});
    return {};
}

void Node::on_request(user::SessionId id, proto::UserRequest request) {
    std::visit([&](auto& r) { handle(id, r); }, request);
}

void Node::handle(user::SessionId id, const proto::StatRequest&) {
    proto::StatResponse stat;
    stat.hp_version = hp_version;
    stat.ledger = engine_->lcl();
    stat.vote_status = vote_status();
    stat.round_time_ms = config().contract.patch.consensus.roundtime;
    stat.contract_execution_enabled = config().contract.execute;
    stat.read_requests_enabled = config().user.concurrent_read_requests != 0;
    stat.is_full_history_node = config().node.history == config::History::full;
    stat.weakly_connected = weakly_connected();
    stat.current_unl = list(config().contract.patch.unl);
    for (const peer::Address& address : peers_->addresses()) {
        if (stat.peers.size() < stat_peers_max) {
            stat.peers.push_back(address.host + ":" + std::to_string(address.port));
        }
    }
    stat.node_version = version;
    users_->send(id, stat);
}

void Node::handle(user::SessionId id, const proto::LclRequest&) {
    users_->send(id, proto::LclResponse{engine_->lcl()});
}

void Node::handle(user::SessionId id, proto::InputRequest& request) {
    const user::Session* session = users_->find(id);
    if (session == nullptr) {
        return;
    }
    auto input = proto::make_signed_input(session->key(), session->encoding(),
                                          std::move(request.container), request.signature);
    if (!input) {
        const Hash32 hash = proto::input_hash(request.signature);
        users_->send(id, proto::InputStatus{proto::RejectReason::bad_msg_format,
                                            Bytes(hash.data.begin(), hash.data.end()),
                                            {}});
        users_->count_bad_message(id);
        return;
    }
    if (is_suspended()) {
        // It would wait here for nobody knows how long. Another node may take it.
        users_->send(
            id, proto::InputStatus{proto::RejectReason::round_inputs_overflow,
                                   Bytes((*input)->hash.data.begin(), (*input)->hash.data.end()),
                                   {}});
        return;
    }
    feed(consensus::InputIn{std::move(*input)});
}

void Node::handle(user::SessionId id, proto::ReadRequest& request) {
    const user::Session* session = users_->find(id);
    if (session == nullptr || !reads_ || !config().contract.execute) {
        return; // 6.5: ignored when reads are off
    }
    const PublicKey user = session->key();
    contract::RunSpec spec = run_spec(engine_->validators().active_on());
    spec.readonly = true;
    spec.state_dir = executor_->base_state_dir();
    if (read_log_) {
        const std::string title = contract::make_read_title(engine_->lcl(), user, request.id);
        spec.log = contract::RunLog{&*read_log_, title};
    }
    spec.users.push_back({user, {std::make_shared<const Bytes>(std::move(request.content))}});
    const bool queued = reads_->submit(
        std::move(spec), [this, user, request_id = request.id](contract::RunResult result) {
            on_read_done(user, request_id, std::move(result));
        });
    if (queued) {
        return;
    }
    runs_.add_dropped_read();
    if (const auto left_out = log_limiter_.admit("read queue", clock_.now().mono_ms())) {
        log_.warning("read request dropped: too many waiting",
                     {{"user", user.short_hex()}, {"not_logged", *left_out}});
    }
}

void Node::on_read_done(const PublicKey& user, const std::string& request_id,
                        contract::RunResult result) {
    runs_.add_read(result);
    const bool abnormal = result.end != contract::RunEnd::exited || result.code != 0;
    if (abnormal || !result.notes.empty()) {
        const std::string end = contract::describe(result);
        const std::string note = result.notes.empty() ? std::string() : result.notes.front();
        if (const auto left_out =
                log_limiter_.admit(abnormal ? end : note, clock_.now().mono_ms())) {
            log_.warning(abnormal ? "read request ended abnormally"
                                  : "a part of what a read request wrote was dropped",
                         {{"user", user.short_hex()},
                          {"end", end},
                          {"note", note},
                          {"not_logged", *left_out}});
        }
    }
    for (contract::UserOutputs& outputs : result.outputs) {
        for (Bytes& message : outputs.messages) {
            users_->send_to_user(user, proto::ReadResponse{request_id, std::move(message)});
        }
    }
}

void Node::handle(user::SessionId id, const proto::SubscriptionRequest& request) {
    if (user::Session* session = users_->find(id)) {
        session->subscribe(request.channel, request.enabled);
    }
}

void Node::handle(user::SessionId id, const proto::LedgerQuery& query) {
    const user::Session* session = users_->find(id);
    if (session == nullptr) {
        return;
    }
    const bool all_blobs = config().contract.patch.consensus.mode == config::Visibility::public_;
    query_worker_.submit([this, id, query, all_blobs, user = session->key()] {
        auto ledger = query_ledgers_->query(query.seq, query.inputs, query.outputs);
        proto::LedgerQueryResult result{query.id, !ledger, {}};
        if (ledger && *ledger) {
            if (!all_blobs) {
                ledger::hide_blobs_of_others(**ledger, user);
            }
            result.results.push_back(std::move(**ledger));
        }
        reactor_.post([this, id, result = std::move(result)] { users_->send(id, result); });
    });
}

} // namespace hp::node
