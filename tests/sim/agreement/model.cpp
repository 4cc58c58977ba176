// SPDX-License-Identifier: Apache-2.0
#include "model.hpp"

#include <algorithm>
#include <ostream>

#include "../random.hpp"
#include "adversary.hpp"

namespace hp::agree {
namespace {

using consensus::SharedCertificate;
using consensus::StatementKind;
using consensus::Vote;

// Which faults a run has, and how often: drawn once for each run.
struct Weather {
    explicit Weather(sim::Random& rng)
        : timer(rng.pick(std::vector{10u, 30u, 80u})),
          byzantine(rng.pick(std::vector{0u, 50u, 150u, 300u})),
          crash(rng.pick(std::vector{0u, 10u, 30u})), loss(rng.pick(std::vector{0.0, 0.1, 0.3})),
          lazy_disk(rng.pick(std::vector{0.0, 0.5, 0.95})),
          slow_validation(rng.pick(std::vector{0.0, 0.2})), partitions(rng.chance(0.7)),
          slow_certificates(rng.chance(0.7)), isolate_first(rng.chance(0.6)),
          busy_to_the_end(rng.chance(0.5)), votes_at_once(rng.chance(0.5)) {}
    unsigned timer;     // per mille of the steps
    unsigned byzantine; // per mille
    unsigned crash;     // per mille
    double loss;        // of the packets
    double lazy_disk;   // of the changes: they wait for a later sync
    double slow_validation;
    bool partitions;
    bool slow_certificates;
    bool isolate_first; // COMMIT reaches one member only; once it decides it is cut off
    bool busy_to_the_end;
    bool votes_at_once; // not weather, but the driver's choice
};

constexpr std::size_t steps_base = 100;
constexpr std::size_t steps_per_member = 80;
constexpr std::size_t partition_steps = 30;
// Each faulty leader can waste one attempt; twice the most that many runs have ever taken.
constexpr std::size_t good_rounds_base = 6;
constexpr std::size_t good_rounds_per_faulty = 2;
constexpr double good_acts = 0.2; // of the packets: an attack precedes them

class Model final : public Surroundings {
public:
    Model(const Cluster& cluster, std::uint64_t seed, Marks& reached, std::ostream* trace)
        : cluster_(cluster), rng_(seed), weather_(rng_),
          truth_(cluster.members, cluster.quorum, cluster.byzantine),
          adversary_(cluster, truth_, rng_), reached_(reached), trace_(trace) {
        consensus::Agreement::Setup setup;
        setup.height = height;
        setup.members = member_keys(cluster.members);
        setup.leaders = setup.members; // the adversary counts on it
        setup.quorum = cluster.quorum;
        setup.lifted = cluster.sabotage.lifted;
        for (std::size_t i = 0; i < cluster.members - cluster.byzantine; ++i) {
            setup.self = member_key(i);
            members_.emplace_back(setup, cluster.sabotage, weather_.votes_at_once, *this);
        }
        side_.assign(members_.size(), 0);
        victim_ = rng_.below(members_.size());
    }

    Outcome run() {
        const std::size_t steps = steps_base + steps_per_member * cluster_.members;
        for (std::size_t i = 0; i < steps && !failure_; ++i) {
            if (i % partition_steps == 0) {
                split();
            }
            step();
        }
        if (!failure_) {
            end_well();
        }
        check_evidence();
        return failure_.value_or(members_.size() < cluster_.quorum && !all_decided()
                                     ? Outcome::halted
                                     : Outcome::decided);
    }

    // --- Surroundings ---
    void broadcast(std::size_t from, Packet packet) override {
        say("member ", from, " sends ", packet);
        const auto shared = std::make_shared<const Packet>(std::move(packet));
        for (std::size_t to = 0; to < members_.size(); ++to) {
            if (to != from) {
                mail_.push_back({to, shared});
            }
        }
    }
    void fail(Outcome outcome) override {
        if (!failure_) {
            failure_ = outcome;
            say("FAILURE: ", to_string(outcome));
        }
    }
    void decided(std::size_t member, const Hash32& digest) override {
        say("member ", member, " decides ", value_of(digest));
        if (!decision_) {
            decision_ = digest;
        }
        if (*decision_ != digest) {
            fail(Outcome::fork);
        }
    }
    void reach(Mark mark) override { ++reached_[static_cast<std::size_t>(mark)]; }
    std::size_t fresh_value() override { return values_++; }
    consensus::SharedBlock fetch(const Hash32& digest) override {
        if (!good_ && !rng_.chance(0.2)) {
            return nullptr;
        }
        for (const HonestMember& member : members_) {
            if (auto block = member.block(digest)) {
                return block;
            }
        }
        return nullptr;
    }
    bool sign(std::size_t member, const Truth::Statement& statement) override {
        return truth_.sign(member, statement);
    }
    bool is_founded(const consensus::Certificate& certificate) override {
        return truth_.is_founded(certificate);
    }

private:
    struct Mail {
        std::size_t to = 0;
        SharedPacket packet;
    };

    void split() {
        for (std::size_t& side : side_) {
            side = weather_.partitions ? rng_.below(2) : 0;
        }
    }

    void step() {
        const auto luck = static_cast<unsigned>(rng_.below(1000));
        const std::size_t someone = rng_.below(members_.size());
        HonestMember& member = members_[someone];
        if (luck < weather_.timer) {
            say("timer of member ", someone, " in attempt ", member.current());
            member.timer();
            settle(someone);
        } else if (luck < weather_.timer + weather_.byzantine) {
            attack();
        } else if (luck < weather_.timer + weather_.byzantine + weather_.crash) {
            const std::size_t kept = rng_.below(member.pending_records() + 1);
            say("crash of member ", someone, ", ", kept, " of ", member.pending_records(),
                " pending records kept");
            member.crash(kept);
            settle(someone);
        } else if (luck % 10 == 0 && member.is_validating()) {
            member.validate();
            settle(someone);
        } else if (luck % 4 == 0 && member.is_pending()) {
            member.sync();
        } else {
            deliver_one();
        }
    }

    void attack() {
        for (const Adversary::Aimed& aimed : adversary_.act(highest())) {
            hand_over(aimed.to, aimed.packet);
        }
    }

    // What a change leads to, at once or when the disk gets to it.
    void settle(std::size_t index) {
        members_[index].propose_if_due();
        if (good_ || !rng_.chance(weather_.lazy_disk)) {
            members_[index].sync();
            members_[index].persist();
        }
    }

    void hand_over(std::size_t to, const Packet& packet) {
        say("member ", to, " gets ", packet, " of member ", packet.from);
        members_[to].receive(packet, !good_ && rng_.chance(weather_.slow_validation));
        settle(to);
    }

    void deliver_one() {
        if (mail_.empty()) {
            return;
        }
        const std::size_t at = rng_.below(mail_.size());
        const Mail picked = mail_[at];
        if (stays_in_flight(picked)) {
            return;
        }
        if (!rng_.chance(0.05)) { // else it comes once more
            mail_[at] = std::move(mail_.back());
            mail_.pop_back();
        }
        if (!rng_.chance(weather_.loss)) {
            hand_over(picked.to, *picked.packet);
        }
    }

    bool stays_in_flight(const Mail& mail) {
        const std::size_t from = mail.packet->from;
        if (side_[from] != side_[mail.to]) {
            return true;
        }
        const auto* certificate = std::get_if<SharedCertificate>(&mail.packet->content);
        if (certificate != nullptr && weather_.slow_certificates && rng_.chance(0.5)) {
            return true;
        }
        if (!weather_.isolate_first) {
            return false;
        }
        const auto* vote = std::get_if<Vote>(&mail.packet->content);
        const bool commit =
            (vote != nullptr && vote->kind == StatementKind::commit) ||
            (certificate != nullptr && (*certificate)->kind == StatementKind::commit);
        return (commit && mail.to != victim_) ||
               (members_[victim_].is_decided() && (from == victim_ || mail.to == victim_));
    }

    // From here on everything arrives, in order; what was lost is made good by repetition alone.
    void end_well() {
        good_ = true;
        mail_.clear();
        say("the network is good from here on");
        if (members_.size() < cluster_.quorum) {
            return;
        }
        const std::size_t rounds = good_rounds_base + good_rounds_per_faulty * cluster_.byzantine;
        for (std::size_t round = 0; round < rounds && !failure_; ++round) {
            for (std::size_t i = 0; i < members_.size(); ++i) {
                if (members_[i].is_validating()) {
                    members_[i].validate();
                }
                members_[i].repeat();
                settle(i);
            }
            for (std::size_t i = 0; i < mail_.size() && !failure_; ++i) {
                if (weather_.busy_to_the_end && rng_.chance(good_acts)) {
                    attack();
                }
                const Mail next = mail_[i];
                hand_over(next.to, *next.packet);
            }
            mail_.clear();
            if (all_decided()) {
                return;
            }
            for (std::size_t i = 0; i < members_.size(); ++i) {
                members_[i].timer();
                settle(i);
            }
        }
        fail(Outcome::stuck);
    }

    void check_evidence() {
        for (const HonestMember& member : members_) {
            for (const auto& [earlier, later] : member.agreement().equivocations()) {
                reach(Mark::equivocation_kept);
                if (member_index(later.by.member) < members_.size() && !failure_) {
                    failure_ = Outcome::accused;
                }
            }
        }
    }

    bool all_decided() const {
        return std::all_of(members_.begin(), members_.end(),
                           [](const HonestMember& member) { return member.is_decided(); });
    }
    Attempt highest() const {
        Attempt highest = 0;
        for (const HonestMember& member : members_) {
            highest = std::max(highest, member.current());
        }
        return highest;
    }

    template <class... Parts>
    void say(const Parts&... parts) {
        if (trace_ != nullptr) {
            (tell(parts), ...);
            *trace_ << '\n';
        }
    }
    template <class T>
    void tell(const T& part) {
        *trace_ << part;
    }
    void tell(const Packet& packet);

    const Cluster& cluster_;
    sim::Random rng_;
    Weather weather_;
    Truth truth_;
    Adversary adversary_;
    Marks& reached_;
    std::ostream* trace_;
    std::deque<HonestMember> members_;
    std::vector<Mail> mail_;
    std::vector<std::size_t> side_;
    std::size_t victim_ = 0;
    std::size_t values_ = 0;
    std::optional<Hash32> decision_;
    std::optional<Outcome> failure_;
    bool good_ = false;
};

std::string_view name_of(StatementKind kind) {
    constexpr std::array<std::string_view, 7> names{"?",      "OPEN", "PROPOSE", "PREPARE",
                                                    "COMMIT", "SKIP", "RESULT"};
    return names[static_cast<std::size_t>(kind)];
}

void Model::tell(const Packet& packet) {
    const auto value = [this](const Hash32& digest) {
        if (!digest.is_zero()) {
            *trace_ << " for " << value_of(digest);
        }
    };
    if (const auto* vote = std::get_if<Vote>(&packet.content)) {
        *trace_ << name_of(vote->kind) << " of " << vote->attempt;
        value(vote->digest);
    } else if (const auto* made = std::get_if<SharedCertificate>(&packet.content)) {
        *trace_ << name_of((*made)->kind) << " certificate of " << (*made)->attempt;
        value((*made)->digest);
    } else {
        const auto& propose = *std::get<SharedPropose>(packet.content);
        *trace_ << "PROPOSE of " << propose.attempt;
        value(propose.block->digest);
    }
}

} // namespace

std::string_view to_string(Outcome outcome) {
    constexpr std::array<std::string_view, outcomes> names{
        "decided", "halted", "fork", "double vote", "unfounded", "accused", "flooded", "stuck"};
    return names[static_cast<std::size_t>(outcome)];
}

std::string_view to_string(Mark mark) {
    constexpr std::array<std::string_view, marks> names{"prepare certificate",
                                                        "skip certificate",
                                                        "reproposal",
                                                        "fresh block after skips",
                                                        "a later attempt decides",
                                                        "jump over attempts",
                                                        "crash",
                                                        "crash loses records",
                                                        "crash tears a batch",
                                                        "restarted leader repeats itself",
                                                        "certificate before proposal",
                                                        "slow validation",
                                                        "decision before its block",
                                                        "equivocation kept"};
    return names[static_cast<std::size_t>(mark)];
}

Outcome run(const Cluster& cluster, std::uint64_t seed, Marks& reached, std::ostream* trace) {
    return Model(cluster, seed, reached, trace).run();
}

} // namespace hp::agree
