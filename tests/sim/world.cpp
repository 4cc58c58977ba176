// SPDX-License-Identifier: Apache-2.0
#include "world.hpp"

#include <algorithm>

#include "host.hpp"
#include "hp/crypto/blake3.hpp"
#include "hp/proto/user_codec.hpp"

namespace hp::sim {

using namespace consensus;

namespace {

PublicKey make_key(std::uint8_t kind, std::uint8_t number) {
    PublicKey key;
    key.data[0] = key_prefix;
    key.data[1] = kind;
    key.data[32] = number;
    return key;
}

std::string describe(const Vote& vote) {
    const std::string what = vote.kind == StatementKind::prepare  ? "PREPARE"
                             : vote.kind == StatementKind::commit ? "COMMIT"
                                                                  : "SKIP";
    return what + " " + std::to_string(vote.height) + "/" + std::to_string(vote.attempt) + " " +
           vote.digest.short_hex();
}

struct Describe {
    std::string operator()(const SharedOpen& m) const {
        return "OPEN " + std::to_string(m->height) + " inputs " + std::to_string(m->inputs.size());
    }
    std::string operator()(const SignedResult& m) const {
        return "RESULT " + std::to_string(m.claim.ledger.seq) + " of " +
               m.by.member.hex().substr(64) + " " + m.claim.state_hash.short_hex();
    }
    std::string operator()(const Propose& m) const {
        return "PROPOSE " + std::to_string(m.height) + "/" + std::to_string(m.attempt) + " " +
               m.block->digest.short_hex() + " inputs " + std::to_string(m.block->inputs.size());
    }
    std::string operator()(const Vote& m) const { return describe(m); }
    std::string operator()(const SharedCertificate& m) const {
        return "CERT of " +
               describe(Vote{m->kind, m->height, m->attempt, m->digest, m->votes.front()});
    }
    std::string operator()(const Inputs& m) const {
        return "INPUTS " + std::to_string(m.inputs.size());
    }
    std::string operator()(const SharedCertifiedLedger& m) const {
        return "LEDGER " + std::to_string(m->block->header.seq);
    }
    std::string operator()(const BlockBody& m) const {
        return "BLOCK " + m.block->digest.short_hex();
    }
    std::string operator()(const GetInputs& m) const {
        return "GET INPUTS " + std::to_string(m.hashes.size());
    }
    std::string operator()(const GetOpens& m) const {
        return "GET OPENS " + std::to_string(m.opens.size());
    }
    std::string operator()(const GetBlock& m) const { return "GET BLOCK " + m.digest.short_hex(); }
    std::string operator()(const GetLedger& m) const {
        return "GET LEDGER " + std::to_string(m.seq);
    }
};

std::string describe(const Message& message) {
    return std::visit(Describe(), message);
}

constexpr std::size_t users = 8;
constexpr std::int64_t start_us = 1'000'000;
constexpr TimeMs start_wall_ms = 1'700'000'000'000;

} // namespace

World::World(const Options& options, Trace trace)
    : options_(options), random_(options.seed * 0x9E3779B97F4A7C15 + 1), trace_(std::move(trace)),
      now_us_(start_us), nonces_(users, 0), checker_(configs_) {
    Params params;
    params.roundtime_ms = options.roundtime_ms;
    params.eager = options.eager;
    params.threshold_percent = options.threshold;
    for (std::size_t i = 0; i < options.nodes; ++i) {
        keys_.push_back(make_key(1, static_cast<std::uint8_t>(i)));
        params.unl.insert(keys_.back());
    }
    configs_[{}] = params;
    cut_.assign(options.nodes, std::vector<bool>(options.nodes, false));
    for (std::size_t i = 0; i < options.nodes; ++i) {
        const bool byzantine = i < options.byzantine;
        for (std::size_t twin = 0; twin < (byzantine ? 2 : 1); ++twin) {
            hosts_.push_back(std::make_unique<Host>(hosts_.size(), i, keys_[i], byzantine));
            Host& host = *hosts_.back();
            host.clock_offset_ms =
                random_.between(-options.clock_offset_ms, options.clock_offset_ms);
            host.hears.assign(options.nodes, true);
        }
    }
    for (auto& host : hosts_) {
        at(now_us_ + random_.between(0, options.roundtime_ms * 1000),
           [this, raw = host.get()] { boot(*raw); });
    }
    schedule_faults();
    if (options.inputs_per_second > 0) {
        at(now_us_, [this] { submit(); });
    }
}

World::~World() = default;

void World::put(std::int64_t at_us, std::size_t host, std::uint64_t life,
                std::function<void()> run) {
    std::size_t slot = slots_.size();
    if (free_slots_.empty()) {
        slots_.emplace_back();
    } else {
        slot = free_slots_.back();
        free_slots_.pop_back();
    }
    slots_[slot] = {host, life, std::move(run)};
    queue_.push({at_us, order_++, slot});
}

void World::say(const Host& host, const std::string& what) {
    if (trace_) {
        trace_(now_us_ - start_us, host.index, what);
    }
}

void World::run() {
    const std::int64_t end_us = start_us + (options_.fault_ms + options_.calm_ms) * 1000;
    while (!queue_.empty() && checker_.ok() && queue_.top().at_us <= end_us) {
        const Delivery next = queue_.top();
        queue_.pop();
        now_us_ = std::max(now_us_, next.at_us);
        const Slot slot = std::move(slots_[next.slot]);
        free_slots_.push_back(next.slot);
        if (slot.life == 0 || slot.life == hosts_[slot.host]->life) {
            ++steps_;
            slot.run();
        }
    }
    checker_.finish();
    if (checker_.ok()) {
        check_liveness();
    }
}

// --- nodes ---------------------------------------------------------------------------------------

Instant World::now_at(const Host& host) const {
    const std::int64_t since_us = now_us_ - start_us;
    return {now_us_, start_wall_ms + since_us / 1000 + host.clock_offset_ms};
}

std::size_t World::member_of(const PublicKey& key) const {
    return static_cast<std::size_t>(std::find(keys_.begin(), keys_.end(), key) - keys_.begin());
}

void World::boot(Host& host) {
    if (host.engine) {
        return;
    }
    Start start;
    LedgerSeq head = 0;
    for (const auto& [seq, stored] : host.ledgers) {
        head = seq;
        for (const proto::SharedInput& input : stored.ledger->inputs) {
            start.nonces.accept(input->user, input->nonce, input->hash, input->max_ledger_seq);
        }
        start.nonces.expire(seq);
    }
    if (head > 0) {
        start.head = host.ledgers.at(head).ledger;
        start.certified = host.ledgers.at(head).certified;
    }
    if (!host.state) {
        host.state = std::make_shared<proto::ExecutionResult>(); // genesis
    }
    start.result = host.state;
    start.log = host.log;
    Identity identity{keys_[host.member], true, {}, {}, ++host.starts, false};
    identity.nonce_secret.data[0] = static_cast<std::uint8_t>(host.index);
    say(host, "boot at ledger " + std::to_string(head));
    Effects effects;
    const Hash32 config = start.head ? start.head->header.config_hash : Hash32{};
    host.engine = std::make_unique<Engine>(configs_.at(config), identity, host.signer,
                                           std::move(start), now_at(host), effects);
    host.feeding = true;
    for (const Effect& effect : effects) {
        std::visit([&](const auto& e) { perform(host, e); }, effect);
    }
    host.feeding = false;
    feed(host, Tick{});
}

// Writes reach the disk in order, so that what is there after a crash is a beginning of them.
void World::crash(Host& host) {
    if (!host.engine) {
        return;
    }
    say(host, "crash");
    const std::size_t survive = random_.below(host.writes.size() + 1);
    for (std::size_t i = 0; i < survive; ++i) {
        host.writes[i].durable();
    }
    host.writes.clear();
    host.waiting.clear();
    host.engine = nullptr;
    host.wake_us = 0;
    host.disk_free_us = 0;
    ++host.life;
}

void World::feed(Host& host, const Event& event) {
    if (!host.engine) {
        return;
    }
    host.waiting.push_back(event);
    if (host.feeding) {
        return;
    }
    host.feeding = true;
    for (std::size_t next = 0; next < host.waiting.size(); ++next) {
        const Event current = std::move(host.waiting[next]);
        Effects effects;
        host.engine->step(now_at(host), current, effects);
        fingerprint_ =
            (fingerprint_ ^ effects.size()) * 0x100000001B3 + static_cast<std::uint64_t>(now_us_);
        for (const Effect& effect : effects) {
            std::visit([&](const auto& e) { perform(host, e); }, effect);
        }
    }
    host.waiting.clear();
    host.feeding = false;
}

std::int64_t World::disk_time_us() {
    return !calm_ && random_.chance(options_.slow_disk)
               ? random_.between(0, options_.roundtime_ms * 1000)
               : random_.between(100, options_.disk_us_max);
}

void World::write(Host& host, std::function<void()> durable, std::function<void()> done) {
    host.disk_free_us = std::max(host.disk_free_us, now_us_) + disk_time_us();
    const std::uint64_t number = ++host.writes_count;
    host.writes.push_back({number, std::move(durable)});
    at_host(host.disk_free_us, host, [this, &host, done = std::move(done)] {
        const auto write = std::move(host.writes.front());
        host.writes.erase(host.writes.begin());
        write.durable();
        done();
    });
}

void World::perform(Host& host, const VerifyInput& effect) {
    at_host(now_us_ + 50, host, [this, &host, input = effect.input] {
        feed(host, InputVerified{input, true});
    });
}

void World::perform(Host& host, const TellStatus& effect) {
    if (!host.byzantine) {
        checker_.told(host.index, *Hash32::from(effect.status.input_hash), effect.status);
    }
}

void World::perform(Host& host, const AppendLog& effect) {
    write(
        host,
        [&host, records = effect.records] {
            host.log.insert(host.log.end(), records.begin(), records.end());
        },
        [this, &host, number = effect.number] { feed(host, Logged{number}); });
}

void World::perform(Host& host, const Broadcast& effect) {
    if (const auto* vote = std::get_if<Vote>(&effect.message); vote && !host.byzantine) {
        checker_.voted(host.index, *vote);
    }
    for (std::size_t to = 0; to < keys_.size(); ++to) {
        send(host, to, effect.message);
    }
}

void World::perform(Host& host, const SendTo& effect) {
    send(host, member_of(effect.node), effect.message);
}

void World::perform(Host& host, const ServeLedger& effect) {
    const auto stored = host.ledgers.find(effect.seq);
    if (stored != host.ledgers.end()) {
        send(host, member_of(effect.node), stored->second.certified);
    }
}

void World::perform(Host& host, const Persist& effect) {
    const LedgerSeq seq = effect.ledger->header.seq;
    write(
        host,
        [this, &host, seq, effect] {
            if (!host.byzantine) {
                checker_.decided(host.index, *effect.ledger, *effect.certified);
            }
            host.ledgers[seq] = {effect.ledger, effect.certified};
            std::erase_if(host.log, [seq](const LogRecord& r) { return r.height <= seq; });
        },
        [this, &host, seq] { feed(host, Persisted{seq}); });
}

void World::perform(Host& host, const Decided& effect) {
    say(host, "decided " + std::to_string(effect.ledger->header.seq) + " " +
                  effect.ledger->header.hash.short_hex() + " inputs " +
                  std::to_string(effect.ledger->inputs.size()));
    feed(host, ConfigInForce{configs_.at(effect.ledger->header.config_hash)});
}

// The toy contract: its state is a hash over everything it was ever given; it echoes inputs.
proto::SharedResult World::execute(const Host& host, const proto::LedgerRecord& ledger) {
    auto result = std::make_shared<proto::ExecutionResult>();
    result->seq = ledger.header.seq;
    result->state_hash = crypto::b3({host.state->state_hash.view(), ledger.header.hash.view()});
    if (!calm_ && random_.chance(options_.differs)) {
        result->state_hash = crypto::b3(result->state_hash.view());
    }
    result->config_hash = change_config(ledger.header);
    for (const proto::SharedInput& input : ledger.inputs) {
        if (result->outputs.empty() || result->outputs.back().user != input->user) {
            result->outputs.push_back({input->user, input->hash, {*input->payload}});
        }
    }
    result->output_root = proto::output_root(result->outputs, result->state_hash);
    return result;
}

// What the contract makes of the configuration in this run, the same on every node.
Hash32 World::change_config(const proto::LedgerHeader& header) {
    const Hash32 dice = crypto::b3({header.hash.view(), as_bytes(std::string_view("config"))});
    if (dice.data[0] >= options_.unl_changes * 256) {
        return header.config_hash;
    }
    Params params = configs_.at(header.config_hash);
    const PublicKey& key = keys_[dice.data[1] % keys_.size()];
    if (dice.data[2] % 4 == 0) {
        params.threshold_percent = 51 + dice.data[3] % 50;
    } else if (params.unl.erase(key) == 0) {
        params.unl.insert(key);
    }
    if (!is_tolerable(params)) {
        return header.config_hash;
    }
    const Hash32 changed = crypto::b3({header.config_hash.view(), dice.view()});
    configs_[changed] = params;
    return changed;
}

// As many liars as the protocol is made for, and enough correct members to go on.
bool World::is_tolerable(const Params& params) const {
    const std::size_t members = params.unl.size();
    const std::size_t quorum = consensus::quorum(members, params.threshold_percent);
    std::size_t liars = 0;
    for (std::size_t i = 0; i < options_.byzantine; ++i) {
        liars += params.unl.count(keys_[i]);
    }
    const Params& first = configs_.at({});
    const std::size_t first_quorum =
        consensus::quorum(first.unl.size(), first.threshold_percent);
    const bool lively = first.unl.size() - options_.byzantine >= first_quorum;
    return members >= 1 && liars + members < 2 * quorum && liars < members &&
           (!lively || members - liars >= quorum);
}

void World::perform(Host& host, const Execute& effect) {
    if (!host.byzantine) {
        checker_.executes(host.index, *effect.ledger, host.state->state_hash);
    }
    const std::int64_t time_us = random_.between(1000, options_.run_ms_max * 1000);
    at_host(now_us_ + time_us, host, [this, &host, ledger = effect.ledger] {
        host.state = execute(host, *ledger);
        feed(host, ResultReady{host.state});
    });
}

void World::perform(Host& host, const SyncState& effect) {
    say(host, "sync to the state after " + std::to_string(effect.target.ledger.seq));
    sync_state(host, effect.target);
}

// Whoever has it gives it; a node always still has the state a void run goes back to.
void World::sync_state(Host& host, const ResultClaim& target) {
    host.sync_target = target;
    at_host(now_us_ + random_.between(5'000, 100'000), host, [this, &host, target] {
        if (host.sync_target != target) {
            return;
        }
        auto state = std::make_shared<proto::ExecutionResult>();
        state->seq = target.ledger.seq;
        state->state_hash = target.state_hash;
        state->config_hash = target.config_hash;
        state->output_root = target.output_root;
        host.state = state;
        feed(host, ResultReady{host.state});
    });
}

void World::perform(Host& host, const StatusChanged& effect) {
    host.status = effect.status;
    say(host, "status " + std::string(proto::to_string(effect.status)));
}

void World::perform(Host& host, const Report& effect) {
    say(host, "reports " + effect.what);
    for (const PublicKey& member : effect.members) {
        const std::size_t accused = member_of(member);
        if (!host.byzantine) {
            checker_.accused(host.index, accused, accused < options_.byzantine, effect.what);
        }
    }
}

void World::perform(Host& host, const WakeAt& effect) {
    host.wake_us = effect.mono_us;
    at_host(effect.mono_us, host, [this, &host, at_us = effect.mono_us] {
        if (host.wake_us == at_us) {
            host.wake_us = 0;
            feed(host, Tick{});
        }
    });
}

// --- network -------------------------------------------------------------------------------------

bool World::is_cut(std::size_t from, std::size_t to) const {
    return cut_[from][to];
}

void World::send(Host& from, std::size_t to_member, const Message& message) {
    if (to_member >= keys_.size() || to_member == from.member || !from.hears[to_member] ||
        is_cut(from.member, to_member)) {
        return;
    }
    for (auto& host : hosts_) {
        if (host->member != to_member || !host->hears[from.member]) {
            continue;
        }
        if (!calm_ && random_.chance(options_.loss)) {
            continue;
        }
        const int copies = !calm_ && random_.chance(options_.duplicate) ? 2 : 1;
        for (int copy = 0; copy < copies; ++copy) {
            std::int64_t delay_us = random_.between(options_.delay_us_min, options_.delay_us_max);
            if (!calm_ && random_.chance(options_.slow_message)) {
                delay_us += random_.between(0, options_.roundtime_ms * 3000);
            }
            at(now_us_ + delay_us,
               [this, to = host.get(), key = from.key, message] { deliver(*to, key, message); });
        }
    }
}

void World::deliver(Host& to, const PublicKey& from, const Message& message) {
    if (!to.engine || is_cut(member_of(from), to.member)) {
        return;
    }
    if (trace_) {
        say(to, "<- " + std::to_string(member_of(from)) + " " + describe(message));
    }
    if (to.byzantine && !calm_) {
        meddle(to, message);
    }
    feed(to, MessageIn{from, message});
}

// A liar signs every vote it hears of, to whoever it likes.
void World::meddle(const Host& liar, const Message& heard) {
    const auto* vote = std::get_if<Vote>(&heard);
    if (vote == nullptr || !random_.chance(0.2)) {
        return;
    }
    Vote forged = *vote;
    forged.by.member = liar.key;
    const std::vector<StatementKind> kinds{StatementKind::prepare, StatementKind::commit,
                                           StatementKind::skip};
    forged.kind = random_.pick(kinds);
    if (forged.kind == StatementKind::skip) {
        forged.digest = {};
    } else if (forged.digest.is_zero()) {
        return;
    }
    for (auto& host : hosts_) {
        if (!host->byzantine && random_.chance(0.5)) {
            at(now_us_ + random_.between(100, options_.delay_us_max),
               [this, to = host.get(), key = liar.key, forged] {
                   feed(*to, MessageIn{key, forged});
               });
        }
    }
}

void World::repartition() {
    for (auto& row : cut_) {
        std::fill(row.begin(), row.end(), false);
    }
    for (auto& host : hosts_) { // twins find new friends
        for (std::size_t i = 0; i < keys_.size(); ++i) {
            host->hears[i] = !host->byzantine || random_.chance(0.7);
        }
    }
    if (calm_ || !options_.partitions || random_.chance(0.3)) {
        return;
    }
    std::vector<bool> side(keys_.size());
    for (std::size_t i = 0; i < side.size(); ++i) {
        side[i] = random_.chance(random_.chance(0.5) ? 0.5 : 0.2);
    }
    for (std::size_t i = 0; i < keys_.size(); ++i) {
        for (std::size_t j = 0; j < keys_.size(); ++j) {
            cut_[i][j] = side[i] != side[j] && (!options_.one_way || side[i]);
        }
    }
}

// --- load and faults -----------------------------------------------------------------------------

void World::submit() {
    const double mean_us = 1e6 / options_.inputs_per_second;
    at(now_us_ + random_.between(1, static_cast<std::int64_t>(2 * mean_us)), [this] { submit(); });
    Host& host = *hosts_[random_.below(hosts_.size())];
    if (!host.engine || host.byzantine) {
        return;
    }
    const std::size_t user = random_.below(users);
    // Now and then a nonce is used twice, or out of order.
    const std::uint64_t nonce = random_.chance(0.1) && nonces_[user] > 0
                                    ? nonces_[user]
                                    : nonces_[user] + random_.below(3) + 1;
    nonces_[user] = std::max(nonces_[user], nonce);
    const LedgerSeq max_seq = host.engine->lcl().seq + 1 + random_.below(10);
    const Bytes container = proto::encode_container(
        proto::Encoding::json, {to_bytes("input " + std::to_string(order_)), nonce, max_seq});
    Signature signature;
    const PublicKey key = make_key(2, static_cast<std::uint8_t>(user));
    const Hash32 hash = crypto::b3({key.view(), container});
    std::copy(hash.data.begin(), hash.data.end(), signature.data.begin());
    const auto input = proto::make_signed_input(key, proto::Encoding::json, container, signature);
    if (!input) {
        checker_.violate("the simulation made a malformed input");
        return;
    }
    checker_.submitted((*input)->hash);
    feed(host, InputIn{*input});
}

void World::schedule_crashes(Host& host) {
    const double mean_us = 60e6 / options_.crashes_per_minute;
    at(now_us_ + random_.between(1, static_cast<std::int64_t>(2 * mean_us)), [this, &host] {
        if (calm_) {
            return;
        }
        const bool all = options_.crash_all && random_.chance(0.2);
        for (auto& other : hosts_) {
            if (all || other.get() == &host) {
                crash(*other);
                at(now_us_ + random_.between(1'000, 5'000'000),
                   [this, raw = other.get()] { boot(*raw); });
            }
        }
        schedule_crashes(host);
    });
}

void World::schedule_faults() {
    if (options_.crashes_per_minute > 0) {
        for (auto& host : hosts_) {
            schedule_crashes(*host);
        }
    }
    for (std::int64_t ms = 0; ms < options_.fault_ms;
         ms += random_.between(500, 5 * options_.roundtime_ms)) {
        at(start_us + ms * 1000, [this] { repartition(); });
    }
    at(start_us + options_.fault_ms * 1000, [this] { heal(); });
}

// From here on correct nodes are up and connected, and liars are silent.
void World::heal() {
    calm_ = true;
    repartition();
    for (auto& host : hosts_) {
        if (host->byzantine) {
            crash(*host);
            continue;
        }
        host->hears.assign(keys_.size(), true);
        boot(*host);
    }
    // What is still under way may arrive late; count from a little later.
    at(now_us_ + options_.calm_ms * 500, [this] {
        for (auto& host : hosts_) {
            heights_at_calm_.push_back(host->engine ? host->engine->lcl().seq : 0);
        }
    });
}

// I8.
void World::check_liveness() {
    const std::size_t correct = options_.nodes - options_.byzantine;
    if (correct < consensus::quorum(options_.nodes, options_.threshold)) {
        return; // and no change of the configuration made it better
    }
    for (const auto& host : hosts_) {
        if (host->byzantine) {
            continue;
        }
        const std::string where = "node " + std::to_string(host->index) + ": ";
        const LedgerSeq height = host->engine->lcl().seq;
        if (height < heights_at_calm_[host->index] + 2) {
            checker_.violate(where + "I8: no ledgers after all faults have stopped, at " +
                             std::to_string(height));
        }
        if (height + 2 < checker_.height()) {
            checker_.violate(where + "I8: does not catch up, at " + std::to_string(height) +
                             " of " + std::to_string(checker_.height()));
        }
    }
}

} // namespace hp::sim
