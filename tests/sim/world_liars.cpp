// SPDX-License-Identifier: Apache-2.0
// What Byzantine members do beside being twins: they lie in place of what their engines would say,
// and about what they hear. Nobody keeps their messages back, but links are as bad as for others.
#include <algorithm>

#include "consensus/validators.hpp"
#include "world.hpp"

namespace hp::sim {

using namespace consensus;

namespace {

constexpr std::size_t remembered_max = 256;
constexpr int flood_size = 20;

} // namespace

Signed World::sign_as(const Host& liar, StatementKind kind, const Hash32& digest) {
    return {liar.key, liar.signer->sign(statement_bytes(liar.engine->domain(), kind, digest))};
}

void World::sign_as(const Host& liar, Vote& vote) {
    vote.by = sign_as(liar, vote.kind, vote_digest(vote.height, vote.attempt, vote.digest));
}

void World::tell(Host& liar, Host& to, Message message) {
    if (const auto* open = std::get_if<SharedOpen>(&message)) {
        checker_.said(*open);
    }
    send(liar, to, encoded(liar, message));
}

// --- in place of what is honest ------------------------------------------------------------------

bool World::lie_instead(Host& liar, const Message& message) {
    if (const auto* propose = std::get_if<Propose>(&message)) {
        return propose_falsely(liar, *propose);
    }
    if (const auto* result = std::get_if<SignedResult>(&message); result && lies(Lie::results)) {
        tell_results(liar, *result);
        return true;
    }
    if (const auto* open = std::get_if<SharedOpen>(&message); open && lies(Lie::flood)) {
        flood(liar, (*open)->height);
    }
    if (lies(Lie::silence)) { // towards some, this time
        for (auto& host : hosts_) {
            if (random_.chance(0.5)) {
                tell(liar, *host, message);
            }
        }
        return true;
    }
    return false;
}

std::optional<ForgeryContext> World::forgery_context(const Host& liar, const Block& honest) {
    const LedgerSeq seq = honest.header.seq;
    if (checker_.height() + 1 < seq) {
        return std::nullopt;
    }
    ForgeryContext context;
    context.oracle = &checker_.oracle();
    context.keyring = &keyring_;
    context.prev = checker_.header(seq - 1);
    context.params = &configs_.at(context.prev.config_hash);
    context.quorum = quorum(context.params->unl.size(), context.params->threshold_percent);
    context.chance = random_.below(1'000'000);
    context.claim = [this, domain = liar.engine->domain()](std::size_t number,
                                                           const ResultClaim& claimed) {
        const PublicKey key = keyring_.node(number);
        const auto signer = keyring_.signer(key);
        const Bytes bytes = statement_bytes(domain, StatementKind::result, result_digest(claimed));
        return SignedResult{
            claimed, signer->sign(claimed.output_root.view()), {key, signer->sign(bytes)}};
    };
    return context;
}

SharedBlock World::forge_some(const Host& liar, const Block& honest) {
    std::vector<Lie> about_blocks;
    for (std::size_t i = 0; i < lie_count; ++i) {
        if (is_about_blocks(static_cast<Lie>(i)) && lies(static_cast<Lie>(i))) {
            about_blocks.push_back(static_cast<Lie>(i));
        }
    }
    const auto context = forgery_context(liar, honest);
    if (about_blocks.empty() || !context) {
        return nullptr;
    }
    random_.shuffle(about_blocks);
    for (const Lie lie : about_blocks) {
        if (SharedBlock forged = forge(lie, honest, *context)) {
            return forged;
        }
    }
    return nullptr;
}

bool World::propose_falsely(Host& liar, const Propose& propose) {
    if (lies(Lie::bodies)) {
        return propose_two_faced(liar, propose);
    }
    const SharedBlock forged =
        propose.why.prepared || random_.chance(0.3) ? nullptr : forge_some(liar, *propose.block);
    if (!forged) {
        return false;
    }
    say(liar, "forges a block");
    Propose changed = propose;
    changed.block = forged;
    changed.by = sign_as(liar, StatementKind::propose,
                         vote_digest(changed.height, changed.attempt, forged->digest));
    broadcast(liar, changed);
    return true;
}

// One digest, and behind it for some members a ledger with another hash.
bool World::propose_two_faced(Host& liar, const Propose& propose) {
    Block other = *propose.block;
    other.header.hash.data[0] ^= 1;
    Propose changed = propose;
    changed.block = std::make_shared<const Block>(std::move(other));
    for (auto& host : hosts_) {
        tell(liar, *host, random_.chance(0.5) ? changed : propose);
    }
    return true;
}

// Its own or, when it passes on what others found, theirs. A root that is not signed by who claims
// it never gets past a node's driver, which does not check made-up keys.
void World::tell_results(Host& liar, const SignedResult& honest) {
    for (auto& host : hosts_) {
        SignedResult said = honest;
        if (random_.chance(0.7)) {
            said.claim.state_hash.data[0] ^= static_cast<std::uint8_t>(random_.below(3));
            said.by = sign_as(liar, StatementKind::result, result_digest(said.claim));
            said.root_signature = liar.signer->sign(said.claim.output_root.view());
        }
        tell(liar, *host, said);
    }
}

// More of everything than a member has to say.
void World::flood(Host& liar, LedgerSeq height) {
    for (int i = 0; i < flood_size; ++i) {
        Open open;
        open.height = height;
        open.prev_hash =
            checker_.height() + 1 >= height ? checker_.header(height - 1).hash : Hash32{};
        open.version = (1ULL << 48) + ++made_; // newer than any honest one
        open.clock_ms = static_cast<TimeMs>(random_.next() >> 1);
        open.digest = open_digest(open);
        open.by = sign_as(liar, StatementKind::open, open.digest);
        const auto shared = std::make_shared<const Open>(std::move(open));
        Vote vote{StatementKind::skip,
                  height + random_.below(3),
                  static_cast<Attempt>(random_.below(200)),
                  {},
                  {}};
        sign_as(liar, vote);
        const GetLedgers get{random_.below(height + 2)};
        for (auto& host : hosts_) {
            tell(liar, *host, shared);
            tell(liar, *host, vote);
            tell(liar, *host, get);
        }
    }
}

// --- about what they hear ------------------------------------------------------------------------

void World::lie_about(Host& liar, const Message& heard) {
    if (const auto* vote = std::get_if<Vote>(&heard); vote && lies(Lie::sign_all)) {
        sign_all(liar, *vote);
    }
    if (const auto* vote = std::get_if<Vote>(&heard); vote && lies(Lie::impersonate)) {
        impersonate(liar, *vote);
    }
    if (lies(Lie::replay) && random_.chance(0.1)) {
        replay(liar);
    }
    if (const auto* propose = std::get_if<Propose>(&heard); propose && lies(Lie::usurp)) {
        usurp(liar, *propose);
    }
    if (const auto* inputs = std::get_if<Inputs>(&heard); inputs && lies(Lie::copies)) {
        copy_inputs(liar, *inputs);
    }
}

// A liar signs every vote it hears of, to whoever it likes.
void World::sign_all(Host& liar, const Vote& heard) {
    if (!random_.chance(0.2)) {
        return;
    }
    Vote forged = heard;
    const std::vector<StatementKind> kinds{StatementKind::prepare, StatementKind::commit,
                                           StatementKind::skip};
    forged.kind = random_.pick(kinds);
    if (forged.kind == StatementKind::skip) {
        forged.digest = {};
    } else if (forged.digest.is_zero()) {
        return;
    }
    sign_as(liar, forged);
    for (auto& host : hosts_) {
        if (!host->byzantine && random_.chance(0.5)) {
            tell(liar, *host, forged);
        }
    }
}

// What others might have voted, over the liar's own signature.
void World::impersonate(Host& liar, const Vote& heard) {
    Vote forged = heard;
    forged.kind = random_.pick(std::vector<StatementKind>{
        StatementKind::prepare, StatementKind::commit, StatementKind::skip});
    if (forged.kind == StatementKind::skip) {
        forged.digest = {};
    } else if (forged.digest.is_zero()) {
        return;
    }
    sign_as(liar, forged);
    forged.by.member = random_.pick(keys_);
    for (auto& host : hosts_) {
        if (!host->byzantine && random_.chance(0.5)) {
            tell(liar, *host, forged);
        }
    }
}

// What it says about the height after this ledger, before it knows the members of that height.
void World::sign_ahead(Host& liar, const proto::LedgerHeader& header) {
    SignedResult result;
    result.claim.ledger = {header.seq, header.hash};
    result.by = sign_as(liar, StatementKind::result, result_digest(result.claim));
    Open open;
    open.height = header.seq + 1;
    open.prev_hash = header.hash;
    open.version = (1ULL << 48) + ++made_; // newer than any honest one
    open.clock_ms = header.timestamp_ms;
    open.digest = open_digest(open);
    open.by = sign_as(liar, StatementKind::open, open.digest);
    const auto shared = std::make_shared<const Open>(std::move(open));
    for (auto& host : hosts_) {
        tell(liar, *host, result);
        tell(liar, *host, shared);
    }
}

void World::remember(const SharedMessage& message) {
    if (!lies(Lie::replay)) {
        return;
    }
    if (remembered_.size() < remembered_max) {
        remembered_.push_back(message);
    } else if (random_.chance(0.1)) {
        remembered_[random_.below(remembered_max)] = message;
    }
}

void World::replay(Host& liar) {
    if (!remembered_.empty()) {
        send(liar, *hosts_[random_.below(hosts_.size())], random_.pick(remembered_));
    }
}

// Its own block instead of the leader's, or the leader's as its own.
void World::usurp(Host& liar, const Propose& heard) {
    if (!random_.chance(0.3)) {
        return;
    }
    Propose changed = heard;
    if (const SharedBlock forged = forge_some(liar, *heard.block)) {
        changed.block = forged;
    }
    changed.by = sign_as(liar, StatementKind::propose,
                         vote_digest(changed.height, changed.attempt, changed.block->digest));
    broadcast(liar, changed);
}

// An input's hash is that of its signature, so these have the hashes of what was heard.
void World::copy_inputs(Host& liar, const Inputs& heard) {
    Inputs copies;
    for (const proto::SharedInput& input : heard.inputs) {
        auto copy = std::make_shared<proto::SignedInput>(*input);
        copy->container.push_back(' ');
        copies.inputs.push_back(std::move(copy));
    }
    broadcast(liar, copies);
}

// It has every input ever submitted.
bool World::answer_falsely(Host& liar, const Host& asker, const Message& heard) {
    if (const auto* get = std::get_if<GetLedgers>(&heard); get && lies(Lie::ledgers)) {
        return answer_ledgers_falsely(liar, asker, *get);
    }
    const auto* get = std::get_if<GetInputs>(&heard);
    if (get == nullptr) {
        return false;
    }
    Inputs answer;
    for (const Hash32& hash : get->hashes) {
        const auto found = checker_.oracle().inputs().find(hash);
        if (found != checker_.oracle().inputs().end()) {
            answer.inputs.push_back(found->second);
        }
    }
    if (!answer.inputs.empty()) {
        for (auto& host : hosts_) {
            tell(liar, *host, answer);
        }
    }
    return true;
}

} // namespace hp::sim
