// SPDX-License-Identifier: Apache-2.0
#include "completion.hpp"

#include <algorithm>

#include "honest_member.hpp"

namespace hp::agree {
namespace {

// Blocks of before have smaller numbers.
constexpr std::size_t fresh_values = 100;
// The attempts of all leaders, twice.
constexpr std::size_t rounds_per_member = 2;

class Completion final : public Surroundings {
public:
    Completion(const Cluster& cluster, const std::vector<std::vector<consensus::LogRecord>>& logs,
               std::size_t first_leader)
        : cluster_(cluster) {
        consensus::Agreement::Setup setup;
        setup.height = height;
        setup.members = member_keys(cluster.members);
        setup.leaders = setup.members;
        std::rotate(setup.leaders.begin(),
                    setup.leaders.begin() + static_cast<std::ptrdiff_t>(first_leader),
                    setup.leaders.end());
        setup.quorum = cluster.quorum;
        setup.lifted = cluster.sabotage.lifted;
        for (std::size_t i = 0; i < logs.size(); ++i) {
            setup.self = member_key(i);
            members_.emplace_back(setup, cluster.sabotage, false, *this, logs[i]);
        }
    }

    Outcome run() {
        for (std::size_t i = 0; i < rounds_per_member * cluster_.members; ++i) {
            for (HonestMember& member : members_) {
                member.repeat();
                settle(member);
            }
            for (std::size_t at = 0; at < mail_.size(); ++at) {
                const auto [to, packet] = mail_[at];
                members_[to].receive(*packet, false);
                settle(members_[to]);
            }
            mail_.clear();
            if (std::all_of(members_.begin(), members_.end(),
                            [](const HonestMember& member) { return member.is_decided(); })) {
                return failure_.value_or(Outcome::decided);
            }
            for (HonestMember& member : members_) {
                member.timer();
                settle(member);
            }
        }
        return failure_.value_or(Outcome::stuck);
    }

    // --- Surroundings ---
    void broadcast(std::size_t from, Packet packet) override {
        const auto shared = std::make_shared<const Packet>(std::move(packet));
        for (std::size_t to = 0; to < members_.size(); ++to) {
            if (to != from) {
                mail_.emplace_back(to, shared);
            }
        }
    }
    void fail(Outcome outcome) override { failure_ = failure_.value_or(outcome); }
    void decided(std::size_t, const Hash32& digest) override {
        decision_ = decision_.value_or(digest);
        if (*decision_ != digest) {
            fail(Outcome::fork);
        }
    }
    void reach(Mark) override {}
    std::size_t fresh_value() override { return fresh_values + values_++; }
    consensus::SharedBlock fetch(const Hash32& digest) override {
        for (const HonestMember& member : members_) {
            if (auto block = member.block(digest)) {
                return block;
            }
        }
        return nullptr;
    }
    // The search before has looked after what was signed.
    bool sign(std::size_t, const Truth::Statement&) override { return true; }
    bool is_founded(const consensus::Certificate&) override { return true; }

private:
    static void settle(HonestMember& member) {
        member.sync();
        member.propose_if_due();
        member.sync();
        member.persist();
    }

    const Cluster& cluster_;
    std::deque<HonestMember> members_;
    std::vector<std::pair<std::size_t, SharedPacket>> mail_;
    std::size_t values_ = 0;
    std::optional<Hash32> decision_;
    std::optional<Outcome> failure_;
};

} // namespace

Outcome complete(const Cluster& cluster, const std::vector<std::vector<consensus::LogRecord>>& logs,
                 std::size_t first_leader) {
    return Completion(cluster, logs, first_leader).run();
}

} // namespace hp::agree
