// SPDX-License-Identifier: Apache-2.0
// The invariants of docs/consensus.md, checked from outside while a simulation runs. A broken one
// is kept as text; the simulation stops at the first. One owner.
#pragma once

#include <map>
#include <set>
#include <string>

#include "consensus/effect.hpp"
#include "consensus/params.hpp"

namespace hp::sim {

class Checker {
public:
    // `configs` by hash, growing.
    explicit Checker(const std::map<Hash32, consensus::Params>& configs) : configs_(configs) {}

    // What correct nodes do.
    void decided(std::size_t node, const proto::LedgerRecord& ledger,
                 const consensus::CertifiedLedger& certified);
    void voted(std::size_t node, const consensus::Vote& vote);
    void executes(std::size_t node, const proto::LedgerRecord& ledger, const Hash32& state);
    void told(std::size_t node, const Hash32& input, const proto::InputStatus& status);
    void accused(std::size_t node, std::size_t member, bool byzantine, const std::string& what);
    void submitted(const Hash32& input) { submitted_.insert(input); }

    void finish(); // at the end

    void violate(const std::string& what);
    bool ok() const { return violation_.empty(); }
    const std::string& violation() const { return violation_; }
    LedgerSeq height() const { return chain_.empty() ? 0 : chain_.rbegin()->first; }
    std::size_t inputs_decided() const { return decided_inputs_.size(); }

private:
    void check_certificate(const std::string& where, const Hash32& config,
                           const consensus::CertifiedLedger& certified);
    struct Link {
        Hash32 hash;
        TimeMs time_ms = 0;
        Hash32 config;
        std::set<Hash32> inputs;
    };
    const std::map<Hash32, consensus::Params>& configs_;
    std::map<LedgerSeq, Link> chain_;
    std::map<Hash32, LedgerSeq> decided_inputs_;
    std::set<Hash32> submitted_;
    std::map<std::pair<std::size_t, Hash32>, proto::InputStatus> told_;
    using VoteKey =
        std::tuple<std::size_t, consensus::StatementKind, LedgerSeq, consensus::Attempt>;
    std::map<VoteKey, Hash32> votes_;
    std::string violation_;
};

} // namespace hp::sim
