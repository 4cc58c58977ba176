// SPDX-License-Identifier: Apache-2.0
// What surrounds the Agreement class of one honest member in the model, as the engine and its
// driver do: nothing is sent before its records are durable, own votes come back, a decision waits
// for its block, a restart starts from the log. One owner.
#pragma once

#include <deque>

#include "model.hpp"
#include "truth.hpp"

namespace hp::agree {

using SharedPropose = std::shared_ptr<const consensus::Propose>;
struct Packet {
    std::size_t from = 0;
    std::variant<consensus::Vote, consensus::SharedCertificate, SharedPropose> content;
};
using SharedPacket = std::shared_ptr<const Packet>;

// What a member needs from the model around it.
class Surroundings {
public:
    virtual ~Surroundings() = default;
    virtual void broadcast(std::size_t from, Packet packet) = 0;
    virtual void fail(Outcome outcome) = 0; // the first one counts
    virtual void decided(std::size_t member, const Hash32& digest) = 0;
    virtual void reach(Mark mark) = 0;
    virtual std::size_t fresh_value() = 0;
    // The block, if it can be had from somebody right now.
    virtual consensus::SharedBlock fetch(const Hash32& digest) = 0;
    // False if it contradicts what the member signed before.
    virtual bool sign(std::size_t member, const Truth::Statement& statement) = 0;
    // Whether a quorum can have made it.
    virtual bool is_founded(const consensus::Certificate& certificate) = 0;
};

class HonestMember {
public:
    // `votes_at_once`: own votes count before their records are durable; they leave after.
    HonestMember(consensus::Agreement::Setup setup, const Sabotage& sabotage, bool votes_at_once,
                 Surroundings& surroundings, std::vector<consensus::LogRecord> log = {});

    void receive(const Packet& packet, bool validate_later);
    void validate(); // what was left for later
    void timer();
    void repeat();
    void propose_if_due();

    // Everything pending becomes durable and is sent.
    void sync();
    // The decided ledger becomes durable, if its block can be had.
    void persist();
    // `kept`: how many of the pending records the disk got.
    void crash(std::size_t kept);

    bool is_pending() const { return !pending_.empty(); }
    std::size_t pending_records() const;
    bool is_validating() const { return validating_ != nullptr; }
    bool is_decided() const { return persisted_; }
    Attempt current() const { return agreement_.current(); }
    consensus::SharedBlock block(const Hash32& digest) const;
    const consensus::Agreement& agreement() const { return agreement_; }

private:
    struct Batch {
        consensus::AgreementOutput out;
        SharedPropose proposal;
    };

    void process(consensus::AgreementOutput out, SharedPropose proposal = nullptr);
    void make_durable(const consensus::LogRecord& record);
    void send(const Batch& batch);
    void announce(const consensus::SharedCertificate& decided);
    void pass_on(const consensus::SharedCertificate& certificate);
    void mark(const consensus::AgreementOutput& out);
    void keep_logged_blocks();
    void keep_block(const consensus::SharedBlock& block);

    consensus::Agreement::Setup setup_;
    std::size_t index_;
    const Sabotage& sabotage_;
    bool votes_at_once_;
    Surroundings& around_;
    std::vector<consensus::LogRecord> log_; // durable
    consensus::Agreement agreement_;
    std::deque<Batch> pending_;
    SharedPropose validating_;
    std::map<Hash32, consensus::SharedBlock> blocks_;
    consensus::SharedCertificate decided_;
    bool persisted_ = false; // decided_ survives a crash
    bool restarted_ = false;
};

} // namespace hp::agree
