// SPDX-License-Identifier: Apache-2.0
#include "truth.hpp"

#include <algorithm>
#include <bit>

namespace hp::agree {

using consensus::StatementKind;

bool Truth::sign(std::size_t member, const Statement& statement) {
    const Members bit = Members{1} << member;
    for (const auto& [other, signers] : signers_) {
        if (other.attempt != statement.attempt || (signers & bit) == 0) {
            continue;
        }
        const bool twice = other.kind == statement.kind && other.digest != statement.digest;
        const bool both =
            (other.kind == StatementKind::skip && statement.kind == StatementKind::commit) ||
            (other.kind == StatementKind::commit && statement.kind == StatementKind::skip);
        if (twice || both) {
            return false;
        }
    }
    signers_[statement] |= bit;
    return true;
}

Truth::Members Truth::faulty() const {
    return ((Members{1} << members_) - 1) & ~((Members{1} << honest_) - 1);
}

std::vector<Truth::Statement> Truth::possible() const {
    std::vector<Statement> out;
    for (const auto& [statement, signers] : signers_) {
        if (static_cast<std::size_t>(std::popcount(signers | faulty())) >= quorum_) {
            out.push_back(statement);
        }
    }
    return out;
}

consensus::SharedCertificate Truth::assemble(const Statement& statement) const {
    const auto found = signers_.find(statement);
    Members left = faulty() | (found == signers_.end() ? 0 : found->second);
    auto made = std::make_shared<consensus::Certificate>();
    made->kind = statement.kind;
    made->height = height;
    made->attempt = statement.attempt;
    made->digest = statement.digest;
    for (; left != 0 && made->votes.size() < quorum_; left &= left - 1) {
        made->votes.push_back({member_key(static_cast<std::size_t>(std::countr_zero(left))), {}});
    }
    return made;
}

std::vector<Truth::Statement> Truth::said() const {
    std::vector<Statement> out;
    for (const auto& [statement, signers] : signers_) {
        out.push_back(statement);
    }
    return out;
}

bool Truth::is_founded(const consensus::Certificate& certificate) const {
    Members named = 0;
    for (const consensus::Signed& vote : certificate.votes) {
        if (member_index(vote.member) < members_) {
            named |= Members{1} << member_index(vote.member);
        }
    }
    const auto found = signers_.find({certificate.kind, certificate.attempt, certificate.digest});
    const Members signers = faulty() | (found == signers_.end() ? 0 : found->second);
    return certificate.height == height &&
           static_cast<std::size_t>(std::popcount(named)) >= quorum_ && (named & ~signers) == 0;
}

} // namespace hp::agree
