// SPDX-License-Identifier: Apache-2.0
// What honest members have really signed in one run, and what faulty ones, who sign everything, can
// make of it. One owner.
#pragma once

#include <map>

#include "statements.hpp"

namespace hp::agree {

class Truth {
public:
    struct Statement {
        consensus::StatementKind kind = consensus::StatementKind::prepare;
        Attempt attempt = 0;
        Hash32 digest;
        auto operator<=>(const Statement&) const = default;
    };

    // Honest members come first, faulty ones are the last `byzantine`.
    Truth(std::size_t members, std::size_t quorum, std::size_t byzantine)
        : members_(members), honest_(members - byzantine), quorum_(quorum) {}

    // False if it contradicts what the member signed before.
    bool sign(std::size_t member, const Statement& statement);

    // Certificates that the faulty members can put together.
    std::vector<Statement> possible() const;
    consensus::SharedCertificate assemble(const Statement& statement) const;
    // Something honest members have said, for colluders to join in.
    std::vector<Statement> said() const;

    // Whether those it names really make a quorum that said so.
    bool is_founded(const consensus::Certificate& certificate) const;

private:
    using Members = std::uint64_t;
    Members faulty() const;

    std::size_t members_;
    std::size_t honest_;
    std::size_t quorum_;
    std::map<Statement, Members> signers_; // honest ones
};

} // namespace hp::agree
