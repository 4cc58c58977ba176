// SPDX-License-Identifier: Apache-2.0
// The faulty members: one mind, in possession of everything anybody has signed. Each act aims one
// or a few packets at honest members; the network does not lose them. In every run it has one
// favourite act, so that no attack is drowned by the others. One owner.
#pragma once

#include "../random.hpp"
#include "honest_member.hpp"

namespace hp::agree {

class Adversary {
public:
    struct Aimed {
        std::size_t to = 0;
        Packet packet;
    };

    Adversary(const Cluster& cluster, const Truth& truth, sim::Random& rng);

    // `highest`: the highest attempt of an honest member.
    std::vector<Aimed> act(Attempt highest);

private:
    std::size_t honest() const { return cluster_.members - cluster_.byzantine; }
    std::size_t anybody() { return rng_.below(honest()); }
    std::size_t accomplice() { return honest() + rng_.below(cluster_.byzantine); }
    Attempt near(Attempt highest);
    Truth::Statement something_said(Attempt attempt);
    consensus::SharedCertificate forge(consensus::SharedCertificate from);
    consensus::Justification justify(Attempt attempt, Hash32& digest);

    enum class Act : std::uint8_t {
        equivocate,
        collude,
        reveal,
        forge_certificate,
        usurp,
        other_digest,
        gaps,
        no_reason,
        wrong_kind,
        other_height,
        repeat_vote,
        far_ahead,
    };
    static constexpr std::size_t acts = 12;

    void equivocate(Attempt attempt, std::size_t leader, std::vector<Aimed>& out);
    void collude(Attempt attempt, std::vector<Aimed>& out);
    void reveal(std::vector<Aimed>& out);
    void forge_certificate(Attempt attempt, std::vector<Aimed>& out);
    void forge_proposal(Act how, Attempt attempt, std::vector<Aimed>& out);
    void vote_out_of_place(Act how, Attempt attempt, std::vector<Aimed>& out);

    const Cluster& cluster_;
    const Truth& truth_;
    sim::Random& rng_;
    Act favourite_;
};

} // namespace hp::agree
