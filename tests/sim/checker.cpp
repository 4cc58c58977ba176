// SPDX-License-Identifier: Apache-2.0
#include "checker.hpp"

#include "consensus/validators.hpp"

namespace hp::sim {

using consensus::StatementKind;

void Checker::violate(const std::string& what) {
    if (violation_.empty()) {
        violation_ = what;
    }
}

// I1 one ledger a height, I2 an unbroken chain, I4 each input once, and a certificate for each.
void Checker::decided(std::size_t node, const proto::LedgerRecord& ledger,
                      const consensus::CertifiedLedger& certified) {
    const proto::LedgerHeader& header = ledger.header;
    const std::string where =
        "node " + std::to_string(node) + " ledger " + std::to_string(header.seq) + ": ";
    const auto [link, first] = chain_.try_emplace(header.seq);
    if (!first) {
        if (link->second.hash != header.hash) {
            violate(where + "I1: two ledgers at one height");
        }
        return;
    }
    link->second.hash = header.hash;
    link->second.time_ms = header.timestamp_ms;
    link->second.config = header.config_hash;
    const auto before = chain_.find(header.seq - 1);
    if (header.seq > 1 && (before == chain_.end() || before->second.hash != header.prev_hash ||
                           before->second.time_ms >= header.timestamp_ms)) {
        violate(where + "I2: does not continue the chain");
    }
    check_certificate(where, before == chain_.end() ? Hash32{} : before->second.config, certified);
    for (const proto::SharedInput& input : ledger.inputs) {
        link->second.inputs.insert(input->hash);
        if (!decided_inputs_.emplace(input->hash, header.seq).second) {
            violate(where + "I4: an input twice in the chain");
        }
        if (submitted_.count(input->hash) == 0) {
            violate(where + "an input nobody submitted");
        }
        if (input->max_ledger_seq < header.seq) {
            violate(where + "an expired input");
        }
    }
}

// Decided by a quorum of the members that the ledger before has agreed on.
void Checker::check_certificate(const std::string& where, const Hash32& config,
                                const consensus::CertifiedLedger& certified) {
    const consensus::Params& params = configs_.at(config);
    std::set<PublicKey> voters;
    for (const consensus::Signed& vote : certified.commit->votes) {
        if (params.unl.count(vote.member) != 0) {
            voters.insert(vote.member);
        }
    }
    if (voters.size() < consensus::quorum(params.unl.size(), params.threshold_percent)) {
        violate(where + "decided without a quorum");
    }
}

// I6, across restarts.
void Checker::voted(std::size_t node, const consensus::Vote& vote) {
    const std::string where = "node " + std::to_string(node) + " height " +
                              std::to_string(vote.height) + " attempt " +
                              std::to_string(vote.attempt) + ": ";
    const auto [known, first] =
        votes_.try_emplace({node, vote.kind, vote.height, vote.attempt}, vote.digest);
    if (!first && known->second != vote.digest) {
        violate(where + "I6: two different votes of one kind");
    }
    const auto opposite = vote.kind == StatementKind::skip     ? StatementKind::commit
                          : vote.kind == StatementKind::commit ? StatementKind::skip
                                                               : StatementKind::propose;
    if (votes_.count({node, opposite, vote.height, vote.attempt}) != 0) {
        violate(where + "I6: SKIP and COMMIT of one attempt");
    }
}

// I5: each ledger is executed on the state that was agreed on.
void Checker::executes(std::size_t node, const proto::LedgerRecord& ledger, const Hash32& state) {
    if (state != ledger.header.state_hash) {
        violate("node " + std::to_string(node) + " ledger " + std::to_string(ledger.header.seq) +
                ": I5: executed on another state than agreed");
    }
}

// I3 and I10.
void Checker::told(std::size_t node, const Hash32& input, const proto::InputStatus& status) {
    const std::string where = "node " + std::to_string(node) + ": ";
    const auto [known, first] = told_.try_emplace({node, input}, status);
    if (!first) {
        violate(where + "I10: two final statuses for one input");
    }
}

void Checker::finish() {
    for (const auto& [who, status] : told_) {
        if (status.rejected) {
            continue;
        }
        const auto link = chain_.find(status.ledger.seq);
        if (link == chain_.end() || link->second.hash != status.ledger.hash ||
            link->second.inputs.count(who.second) == 0) {
            violate("node " + std::to_string(who.first) + ": I3: accepted, but not in ledger " +
                    std::to_string(status.ledger.seq));
        }
    }
}

void Checker::accused(std::size_t node, std::size_t member, bool byzantine,
                      const std::string& what) {
    if (!byzantine) {
        violate("node " + std::to_string(node) + " accuses correct node " + std::to_string(member) +
                " of " + what);
    }
}

} // namespace hp::sim
