// SPDX-License-Identifier: Apache-2.0
// One member of a cluster of four with quorum three, and what happens to it, by hand.
#pragma once

#include <catch2/catch.hpp>

#include "statements.hpp"

#ifdef HP_LIFT_GUARDS
#include <cstdlib>

#include "guard_names.hpp"
#endif

namespace hp::agree {

using namespace consensus;

inline constexpr std::size_t members = 4;
inline constexpr std::size_t quorum = 3;
inline constexpr std::size_t me = 1; // leads attempts 1, 5, 9...
inline const Hash32 block_a = value_digest(0);
inline const Hash32 block_b = value_digest(1);

inline Agreement::Setup make_setup(std::optional<std::size_t> self, std::size_t count = members,
                                   std::size_t needed = quorum) {
    Agreement::Setup setup;
    setup.height = height;
    setup.members = member_keys(count);
    setup.leaders = setup.members;
    setup.quorum = needed;
    if (self) {
        setup.self = member_key(*self);
    }
#ifdef HP_LIFT_GUARDS // the tests must then fail: see tests/sim/agreement/mutants_main.cpp
    const char* name = std::getenv("HP_LIFT_GUARD");
    if (name != nullptr && *name != '\0') {
        setup.lifted.guards.insert(guard_named(name).value());
    }
#endif
    return setup;
}

inline SharedCertificate prepared(Attempt attempt, const Hash32& digest) {
    return make_certificate(StatementKind::prepare, attempt, digest, quorum);
}
inline SharedCertificate committed(Attempt attempt, const Hash32& digest) {
    return make_certificate(StatementKind::commit, attempt, digest, quorum);
}
inline SharedCertificate skipped(Attempt attempt) {
    return make_certificate(StatementKind::skip, attempt, {}, quorum);
}

// A proposal of the attempt's leader.
inline Propose proposal_of(Attempt attempt, std::size_t value, Justification why = {}) {
    Propose propose;
    propose.height = height;
    propose.attempt = attempt;
    propose.block = make_block(value);
    propose.why = std::move(why);
    propose.by.member = member_key(attempt % members);
    return propose;
}

class Member {
public:
    explicit Member(std::optional<std::size_t> self = me, const std::vector<LogRecord>& log = {})
        : agreement(make_setup(self), log), log_(log) {}
    explicit Member(Agreement::Setup setup) : agreement(std::move(setup), {}) {}

    // Each returns what came of it; the log adds up.
    AgreementOutput vote(StatementKind kind, std::size_t by, Attempt attempt,
                         const Hash32& digest = {}) {
        return take(
            [&](auto& out) { agreement.on_vote(make_vote(kind, by, attempt, digest), out); });
    }
    AgreementOutput certificate(const SharedCertificate& made) {
        return take([&](auto& out) { agreement.on_certificate(made, out); });
    }
    AgreementOutput timer(Attempt attempt) {
        return take([&](auto& out) { agreement.on_timer(attempt, out); });
    }
    // A proposal that turns out to be valid.
    AgreementOutput propose(const Propose& propose) {
        return take([&](auto& out) {
            if (agreement.admits(propose, out)) {
                agreement.on_valid(propose.attempt, propose.block, out);
            }
        });
    }
    AgreementOutput repeat() {
        return take([&](auto& out) { agreement.repeat(out); });
    }
    Member restarted() const { return Member(me, log_); }
    const std::vector<LogRecord>& log() const { return log_; }

    Agreement agreement;

private:
    template <class Step>
    AgreementOutput take(Step step) {
        AgreementOutput out;
        step(out);
        log_.insert(log_.end(), out.log.begin(), out.log.end());
        return out;
    }
    std::vector<LogRecord> log_;
};

inline bool casts(const AgreementOutput& out, StatementKind kind, Attempt attempt,
                  const Hash32& digest = {}) {
    return std::any_of(out.votes.begin(), out.votes.end(), [&](const VoteIntent& vote) {
        return vote.kind == kind && vote.attempt == attempt && vote.digest == digest;
    });
}
inline bool casts(const AgreementOutput& out, StatementKind kind) {
    return std::any_of(out.votes.begin(), out.votes.end(),
                       [&](const VoteIntent& vote) { return vote.kind == kind; });
}

} // namespace hp::agree
