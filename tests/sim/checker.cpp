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

void Checker::submitted(std::size_t node, std::uint64_t life, const proto::SharedInput& input) {
    oracle_.submitted(input);
    Submission& submission = submissions_[{node, input->hash}];
    submission.life = life;
    submission.max_ledger_seq = input->max_ledger_seq;
    ++submission.copies;
}

// I1 one ledger a height, I2 an unbroken chain, I4 each input once; a certificate, and a block that
// the rules allow.
void Checker::decided(std::size_t node, const proto::LedgerRecord& ledger,
                      const consensus::CertifiedLedger& certified) {
    const proto::LedgerHeader& header = ledger.header;
    const std::string where = name_of(node) + "ledger " + std::to_string(header.seq) + ": ";
    const auto [link, first] = chain_.try_emplace(header.seq);
    if (!first) {
        if (link->second.header.hash != header.hash) {
            violate("I1: " + where + "another was decided at this height");
        }
        return;
    }
    link->second.header = header;
    link->second.attempt = certified.commit->attempt;
    link->second.mode = certified.block->mode;
    for (const proto::SharedInput& input : ledger.inputs) {
        link->second.inputs.insert(input->hash);
        if (!decided_inputs_.emplace(input->hash, header.seq).second) {
            violate("I4: " + where + "an input twice in the chain");
        }
    }
    const auto before = header.seq == 1 ? chain_.end() : chain_.find(header.seq - 1);
    const proto::LedgerHeader prev =
        before == chain_.end() ? proto::LedgerHeader() : before->second.header;
    if (prev.hash != header.prev_hash || prev.seq + 1 != header.seq ||
        prev.timestamp_ms >= header.timestamp_ms) {
        violate("I2: " + where + "does not continue the chain");
        return;
    }
    const consensus::Params& params = configs_.at(prev.config_hash);
    check_certificate(where, params, certified);
    const std::string wrong = oracle_.check(*certified.block, prev, params);
    if (!wrong.empty()) {
        violate("validity: " + where + wrong);
    }
    oracle_.decided(*certified.block);
}

// Decided by a quorum of the members that the ledger before has agreed on.
void Checker::check_certificate(const std::string& where, const consensus::Params& params,
                                const consensus::CertifiedLedger& certified) {
    std::set<PublicKey> voters;
    for (const consensus::Signed& vote : certified.commit->votes) {
        if (params.unl.count(vote.member) != 0) {
            voters.insert(vote.member);
        }
    }
    if (voters.size() < consensus::quorum(params.unl.size(), params.threshold_percent)) {
        violate("certificate: " + where + "decided without a quorum");
    }
}

// I6, across restarts.
void Checker::voted(std::size_t node, const consensus::Vote& vote) {
    const std::string where = name_of(node) + "height " + std::to_string(vote.height) +
                              " attempt " + std::to_string(vote.attempt) + ": ";
    const auto [known, first] =
        votes_.try_emplace({node, vote.kind, vote.height, vote.attempt}, vote.digest);
    if (!first && known->second != vote.digest) {
        violate("I6: " + where + "two different votes of one kind");
    }
    const auto opposite = vote.kind == StatementKind::skip     ? StatementKind::commit
                          : vote.kind == StatementKind::commit ? StatementKind::skip
                                                               : StatementKind::propose;
    if (votes_.count({node, opposite, vote.height, vote.attempt}) != 0) {
        violate("I6: " + where + "SKIP and COMMIT of one attempt");
    }
}

// The state is a hash over everything it was ever given, so a ledger executed twice or on another
// state than agreed shows at the next.
void Checker::executes(std::size_t node, const proto::LedgerRecord& ledger, const Hash32& state) {
    if (state != ledger.header.state_hash) {
        violate("I5: " + name_of(node) + "executes ledger " + std::to_string(ledger.header.seq) +
                " on another state than agreed");
    }
}

void Checker::delivers(std::size_t node, const consensus::Decided& delivered) {
    const proto::LedgerHeader& header = delivered.ledger->header;
    const proto::SharedResult& result = delivered.ledger->previous;
    if (!result || result->outputs.empty()) {
        return;
    }
    const std::string where =
        name_of(node) + "outputs with ledger " + std::to_string(header.seq) + " ";
    if (proto::output_root(result->outputs, result->state_hash) != header.output_hash) {
        violate("I7: " + where + "are not those that were agreed on");
    }
    const auto prev = chain_.find(header.seq - 1);
    const consensus::Params& params =
        configs_.at(prev == chain_.end() ? Hash32{} : prev->second.header.config_hash);
    std::set<PublicKey> signers;
    for (const auto& [member, signature] : delivered.root_signatures) {
        if (params.unl.count(member) != 0 &&
            keyring_.is_signed(member, header.output_hash.view(), signature)) {
            signers.insert(member);
        }
    }
    if (signers.size() < consensus::quorum(params.unl.size(), params.threshold_percent)) {
        violate("I7: " + where + "have signatures of " + std::to_string(signers.size()) +
                " members only");
    }
}

// I3 and half of I10.
void Checker::told(std::size_t node, const proto::InputStatus& status) {
    const auto known = submissions_.find({node, *Hash32::from(status.input_hash)});
    if (known == submissions_.end()) {
        violate("I10: " + name_of(node) + "a status for an input nobody gave it");
        return;
    }
    Submission& submission = known->second;
    if (++submission.answers > submission.copies) {
        violate("I10: " + name_of(node) + "two final statuses for one input");
    }
    if (status.rejected) {
        return;
    }
    submission.accepted = status.ledger;
    const auto link = chain_.find(status.ledger.seq);
    if (link == chain_.end() || link->second.header.hash != status.ledger.hash ||
        link->second.inputs.count(known->first.second) == 0) {
        violate("I3: " + name_of(node) + "accepted, but not in ledger " +
                std::to_string(status.ledger.seq));
    }
}

void Checker::passed_over(std::size_t node) {
    for (auto& [who, submission] : submissions_) {
        if (who.first == node) {
            submission.life = 0; // no node's
        }
    }
}

void Checker::accused(std::size_t node, std::size_t member, bool byzantine,
                      const std::string& what) {
    accused_.insert(member);
    if (!byzantine) {
        violate("accusation: " + name_of(node) + "accuses correct member " +
                std::to_string(member) + " of " + what);
    }
}

void Checker::holds(std::size_t node, std::size_t held, std::size_t allowed) {
    if (held > allowed) {
        violate("I9: " + name_of(node) + "keeps " + std::to_string(held) + " things, more than " +
                std::to_string(allowed));
    }
}

// The other half of I10: a node that has been up all the time has answered for every input whose
// time is over.
void Checker::finish(const std::vector<NodeEnd>& nodes) {
    for (const auto& [who, submission] : submissions_) {
        const NodeEnd& node = nodes[who.first];
        if (node.life == submission.life && node.height >= submission.max_ledger_seq &&
            submission.answers == 0) {
            violate("I10: " + name_of(who.first) + "never says what became of an input");
        }
    }
}

} // namespace hp::sim
