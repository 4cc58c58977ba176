// SPDX-License-Identifier: Apache-2.0
// The validity of decided blocks (consensus.md 6.4.7 and 6.4.6), worked out a second time from
// everything that was ever said and submitted: what a faulty leader got past all correct members
// shows here. Fed by the checker. One owner.
#pragma once

#include <map>
#include <set>
#include <string>

#include "consensus/messages.hpp"
#include "consensus/nonce_records.hpp"
#include "consensus/params.hpp"
#include "keyring.hpp"

namespace hp::sim {

class BlockOracle {
public:
    // `keyring` must outlive the oracle.
    explicit BlockOracle(const Keyring& keyring) : keyring_(keyring) {}

    void submitted(const proto::SharedInput& input) { inputs_.emplace(input->hash, input); }
    void said(const consensus::SharedOpen& open) { opens_.emplace(open->digest, open); }

    // The next block of the chain, `prev` before it, under the configuration in force. What is
    // wrong with it, or empty.
    std::string check(const consensus::Block& block, const proto::LedgerHeader& prev,
                      const consensus::Params& params) const;

    // What follows from the OPENs and inputs it cites; empty when one of them is not known.
    struct Derived {
        std::vector<PublicKey> users;
        TimeMs time_ms = 0;
        Hash32 nonce;
    };
    std::optional<Derived> derive(const consensus::Block& block,
                                  const proto::LedgerHeader& prev) const;

    // It is decided; its inputs are no candidates any more.
    void decided(const consensus::Block& block);

    // As of the last decided block.
    const consensus::NonceRecords& nonces() const { return nonces_; }
    LedgerSeq height() const { return height_; }
    const std::map<Hash32, proto::SharedInput>& inputs() const { return inputs_; }
    bool is_decided(const Hash32& input) const { return decided_.count(input) != 0; }

private:
    using Opens = std::vector<consensus::SharedOpen>;
    std::string check_opens(const consensus::Block& block, const consensus::Params& params,
                            std::size_t quorum, Opens& cited) const;
    std::string check_content(const consensus::Block& block, const proto::LedgerHeader& prev) const;
    std::string check_inputs(const consensus::Block& block, const consensus::Params& params) const;
    std::string check_censorship(const consensus::Block& block, const consensus::Params& params,
                                 std::size_t quorum, const Opens& cited) const;
    std::string check_result(const consensus::Block& block, const proto::LedgerHeader& prev,
                             const consensus::Params& params, std::size_t quorum) const;

    const Keyring& keyring_;
    std::map<Hash32, proto::SharedInput> inputs_;
    std::map<Hash32, consensus::SharedOpen> opens_;
    std::set<Hash32> decided_;
    struct UserMemory {
        std::uint64_t nonce = 0;
        LedgerSeq expires = 0;
    };
    std::map<PublicKey, UserMemory> users_;
    consensus::NonceRecords nonces_; // for its digest
    LedgerSeq height_ = 0;
};

} // namespace hp::sim
