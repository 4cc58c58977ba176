// SPDX-License-Identifier: Apache-2.0
// The invariants I1 to I10 of docs/consensus.md, checked from outside after every step of a
// simulation. A broken one is kept as text; the simulation stops at the first. One owner.
#pragma once

#include <map>
#include <set>
#include <string>

#include "block_oracle.hpp"
#include "consensus/effect.hpp"
#include "consensus/params.hpp"

namespace hp::sim {

class Checker {
public:
    // `configs` by hash, growing.
    // Both must outlive the checker.
    Checker(const std::map<Hash32, consensus::Params>& configs, const Keyring& keyring)
        : configs_(configs), keyring_(keyring), oracle_(keyring) {}

    // How messages call the nodes, by number.
    void name_nodes(std::vector<std::string> names) { names_ = std::move(names); }

    // What anybody does.
    void submitted(std::size_t node, std::uint64_t life, const proto::SharedInput& input);
    void said(const consensus::SharedOpen& open) { oracle_.said(open); }

    // What correct nodes do.
    void decided(std::size_t node, const proto::LedgerRecord& ledger,
                 const consensus::CertifiedLedger& certified);
    void voted(std::size_t node, const consensus::Vote& vote);
    void executes(std::size_t node, const proto::LedgerRecord& ledger, const Hash32& state);
    void delivers(std::size_t node, const consensus::Decided& delivered);
    void told(std::size_t node, const proto::InputStatus& status);
    // The node goes on from a newer ledger: of its inputs before it need not say what became.
    void passed_over(std::size_t node);
    void accused(std::size_t node, std::size_t member, bool byzantine, const std::string& what);
    void holds(std::size_t node, std::size_t held, std::size_t allowed); // I9

    // At the end. `heights`: of nodes, by number, and which life they are in.
    struct NodeEnd {
        std::uint64_t life = 0; // 0: down
        LedgerSeq height = 0;
    };
    void finish(const std::vector<NodeEnd>& nodes);

    void violate(const std::string& what);
    bool ok() const { return violation_.empty(); }
    const std::string& violation() const { return violation_; }

    const BlockOracle& oracle() const { return oracle_; }
    // Of a decided ledger, zeros for genesis.
    proto::LedgerHeader header(LedgerSeq seq) const {
        return seq == 0 ? proto::LedgerHeader() : chain_.at(seq).header;
    }
    LedgerSeq height() const { return chain_.empty() ? 0 : chain_.rbegin()->first; }
    consensus::Attempt attempts(LedgerSeq seq) const { return chain_.at(seq).attempt + 1; }
    consensus::ResultMode mode(LedgerSeq seq) const { return chain_.at(seq).mode; }
    const std::set<std::size_t>& accused() const { return accused_; }

private:
    std::string name_of(std::size_t node) const { return "node " + names_[node] + ": "; }
    void check_certificate(const std::string& where, const consensus::Params& params,
                           const consensus::CertifiedLedger& certified);
    struct Link {
        proto::LedgerHeader header;
        std::set<Hash32> inputs;
        consensus::Attempt attempt = 0;
        consensus::ResultMode mode = consensus::ResultMode::certified;
    };
    const std::map<Hash32, consensus::Params>& configs_;
    const Keyring& keyring_;
    BlockOracle oracle_;
    std::map<LedgerSeq, Link> chain_;
    std::map<Hash32, LedgerSeq> decided_inputs_;
    struct Submission {
        std::uint64_t life = 0; // of the node, when the last copy came
        std::size_t copies = 0;
        std::size_t answers = 0;
        LedgerSeq max_ledger_seq = 0;
        LedgerId accepted;
    };
    std::map<std::pair<std::size_t, Hash32>, Submission> submissions_; // by node
    using VoteKey =
        std::tuple<std::size_t, consensus::StatementKind, LedgerSeq, consensus::Attempt>;
    std::map<VoteKey, Hash32> votes_;
    std::set<std::size_t> accused_;
    std::vector<std::string> names_;
    std::string violation_;
};

} // namespace hp::sim
