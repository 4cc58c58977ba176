// SPDX-License-Identifier: Apache-2.0
#include "local_events.hpp"

#include <algorithm>
#include <map>
#include <tuple>

namespace hp::agree {

using consensus::SharedCertificate;
using consensus::StatementKind;

namespace {

// What faulty members can try without the statements of others.
enum class Forgery : std::uint8_t { none, too_few, repeated, strangers, other_height };

// How the skip certificates of a justification relate to what they should be.
enum class Skips : std::uint8_t { exact, missing, prepared_instead };

struct Description {
    LocalEvent::Kind kind = LocalEvent::Kind::timer;
    StatementKind certificate = StatementKind::prepare;
    Attempt attempt = 0;
    std::size_t value = 0;
    Forgery forgery = Forgery::none;
    bool based = false; // the proposal names a prepare certificate, of
    Attempt base_attempt = 0;
    std::size_t base_value = 0;
    Skips skips = Skips::exact;

    auto operator<=>(const Description&) const = default;

    Description mirrored() const {
        const auto mirror = [](std::size_t v) { return v < 2 ? 1 - v : v; };
        Description other = *this;
        if (kind == LocalEvent::Kind::propose ||
            (kind == LocalEvent::Kind::certificate && certificate == StatementKind::prepare)) {
            other.value = mirror(value);
        }
        if (based || skips == Skips::prepared_instead) {
            other.base_value = mirror(base_value);
        }
        return other;
    }
};

void describe_certificates(const Scope& scope, std::vector<Description>& out) {
    for (Attempt a = 0; a < scope.attempts; ++a) {
        for (const Forgery forgery : {Forgery::none, Forgery::too_few, Forgery::repeated,
                                      Forgery::strangers, Forgery::other_height}) {
            Description made;
            made.kind = LocalEvent::Kind::certificate;
            made.attempt = a;
            made.forgery = forgery;
            made.certificate = StatementKind::skip;
            out.push_back(made);
            made.certificate = StatementKind::prepare;
            for (made.value = 0; made.value < scope.values; ++made.value) {
                out.push_back(made);
            }
        }
    }
}

void describe_proposals(const Scope& scope, Attempt attempt, std::size_t value,
                        std::vector<Description>& out) {
    Description made;
    made.kind = LocalEvent::Kind::propose;
    made.attempt = attempt;
    made.value = value;
    std::vector<Description> bases{made};
    made.based = true;
    for (made.base_attempt = 0; made.base_attempt < scope.attempts; ++made.base_attempt) {
        for (made.base_value = 0; made.base_value < scope.values; ++made.base_value) {
            bases.push_back(made);
        }
    }
    for (const Description& base : bases) {
        out.push_back(base);
        if ((base.based ? base.base_attempt + 1 : 0) < attempt) {
            out.push_back(base);
            out.back().skips = Skips::missing;
        }
    }
    Description instead = bases[0];
    instead.skips = Skips::prepared_instead;
    if (attempt > 0) {
        for (instead.base_value = 0; instead.base_value < scope.values; ++instead.base_value) {
            out.push_back(instead);
        }
    }
}

class Maker {
public:
    explicit Maker(const Scope& scope) : scope_(scope), bits_(scope) {}

    LocalEvent make(const Description& from) const {
        LocalEvent event;
        event.kind = from.kind;
        switch (from.kind) {
        case LocalEvent::Kind::timer:
            event.name = "timer";
            break;
        case LocalEvent::Kind::restart:
            event.name = "restart";
            break;
        case LocalEvent::Kind::certificate:
            event.certificate = certificate(from.certificate, from.attempt, from.value, event);
            if (from.forgery != Forgery::none) {
                event.certificate = forged(*event.certificate, from.forgery);
                event.needs = 0;
                event.name += " forged";
            }
            break;
        case LocalEvent::Kind::propose:
            propose(from, event);
            break;
        }
        return event;
    }

private:
    // A certificate that is possible, and what it needs.
    SharedCertificate certificate(StatementKind kind, Attempt attempt, std::size_t value,
                                  LocalEvent& event) const {
        const bool skip = kind == StatementKind::skip;
        event.needs |= skip ? bits_.skip(attempt) : bits_.prepare(attempt, value);
        event.name += (event.name.empty() ? "" : ", ") +
                      (skip ? "SKIP certificate of " + std::to_string(attempt)
                            : "PREPARE certificate of " + std::to_string(attempt) + " for " +
                                  std::to_string(value));
        return make_certificate(kind, attempt, skip ? Hash32{} : value_digest(value),
                                scope_.quorum);
    }

    SharedCertificate forged(const consensus::Certificate& from, Forgery how) const {
        auto made = std::make_shared<consensus::Certificate>(from);
        for (std::size_t i = 0; i < made->votes.size(); ++i) {
            PublicKey& member = made->votes[i].member;
            member = how == Forgery::repeated    ? member_key(scope_.members - 1)
                     : how == Forgery::strangers ? member_key(scope_.members + i)
                                                 : member;
        }
        if (how == Forgery::too_few) {
            made->votes.resize(scope_.quorum - 1);
        }
        if (how == Forgery::other_height) {
            made->height = height - 1;
        }
        return made;
    }

    void propose(const Description& from, LocalEvent& event) const {
        consensus::Propose& propose = event.propose;
        propose.height = height;
        propose.attempt = from.attempt;
        propose.block = make_block(from.value);
        propose.by.member = member_key(from.attempt % scope_.members);
        if (from.based) {
            propose.why.prepared =
                certificate(StatementKind::prepare, from.base_attempt, from.base_value, event);
        }
        if (from.skips == Skips::exact) {
            for (Attempt a = from.based ? from.base_attempt + 1 : 0; a < from.attempt; ++a) {
                propose.why.skipped.push_back(certificate(StatementKind::skip, a, 0, event));
            }
        }
        if (from.skips == Skips::prepared_instead) {
            for (Attempt a = 0; a < from.attempt; ++a) {
                propose.why.skipped.push_back(
                    certificate(StatementKind::prepare, a, from.base_value, event));
            }
        }
        event.name = "PROPOSE of " + std::to_string(from.attempt) + " for " +
                     std::to_string(from.value) + (event.name.empty() ? "" : " with " + event.name);
    }

    const Scope& scope_;
    StatementBits bits_;
};

} // namespace

std::vector<LocalEvent> all_events(const Scope& scope) {
    std::vector<Description> descriptions(2);
    descriptions[1].kind = LocalEvent::Kind::restart;
    describe_certificates(scope, descriptions);
    for (Attempt a = 0; a < scope.attempts; ++a) {
        for (std::size_t value = 0; value < scope.values; ++value) {
            describe_proposals(scope, a, value, descriptions);
        }
    }
    std::map<Description, std::size_t> index;
    for (const Description& description : descriptions) {
        index.emplace(description, index.size());
    }
    std::vector<LocalEvent> events;
    for (const Description& description : descriptions) {
        events.push_back(Maker(scope).make(description));
        events.back().mirrored = index.at(description.mirrored());
    }
    return events;
}

} // namespace hp::agree
