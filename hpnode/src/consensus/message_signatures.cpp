// SPDX-License-Identifier: Apache-2.0
#include "consensus/message_signatures.hpp"

#include "hp/crypto/keys.hpp"

namespace hp::consensus {
namespace {

Status check(const Domain& domain, StatementKind kind, const Hash32& digest, const Signed& by) {
    const Bytes bytes = statement_bytes(domain, kind, digest);
    return crypto::verify(by.member, bytes, by.signature)
               ? Status()
               : fail(Errc::denied, "a statement that is not signed by the member it names");
}

Status verify(const Domain& domain, const SharedOpen& open) {
    return check(domain, StatementKind::open, open->digest, open->by);
}

Status verify(const Domain& domain, const SignedResult& result) {
    const Hash32& root = result.claim.output_root;
    if (!root.is_zero() && !crypto::verify(result.by.member, root.view(), result.root_signature)) {
        return fail(Errc::denied, "an output root that is not signed");
    }
    return check(domain, StatementKind::result, result_digest(result.claim), result.by);
}

Status verify(const Domain& domain, const Vote& vote) {
    return check(domain, vote.kind, vote_digest(vote.height, vote.attempt, vote.digest), vote.by);
}

Status verify(const Domain& domain, const SharedCertificate& certificate) {
    const Hash32 digest =
        vote_digest(certificate->height, certificate->attempt, certificate->digest);
    for (const Signed& by : certificate->votes) {
        HP_TRY_STATUS(check(domain, certificate->kind, digest, by));
    }
    return {};
}

// What is evidence for the execution of the ledger before.
Status verify(const Domain& domain, const SharedBlock& block) {
    for (const SignedResult& result : block->evidence) {
        HP_TRY_STATUS(verify(domain, result));
    }
    return {};
}

Status verify(const Domain& domain, const Propose& propose) {
    HP_TRY_STATUS(check(domain, StatementKind::propose,
                        vote_digest(propose.height, propose.attempt, propose.block->digest),
                        propose.by));
    if (propose.why.prepared) {
        HP_TRY_STATUS(verify(domain, propose.why.prepared));
    }
    for (const SharedCertificate& skipped : propose.why.skipped) {
        HP_TRY_STATUS(verify(domain, skipped));
    }
    return verify(domain, propose.block);
}

// The certificate stands for the block, evidence included: a quorum has checked it.
Status verify(const Domain& domain, const SharedCertifiedLedger& ledger) {
    HP_TRY_STATUS(verify(domain, ledger->commit));
    for (const proto::SharedInput& input : ledger->inputs) {
        if (!proto::verify_signature(*input)) {
            return fail(Errc::denied, "an input that its user has not signed");
        }
    }
    return {};
}

Status verify(const Domain& domain, const BlockBody& body) {
    return verify(domain, body.block);
}
Status verify(const Domain&, const Inputs&) {
    return {};
}
Status verify(const Domain&, const GetInputs&) {
    return {};
}
Status verify(const Domain&, const GetOpens&) {
    return {};
}
Status verify(const Domain&, const GetBlock&) {
    return {};
}
Status verify(const Domain&, const GetLedgers&) {
    return {};
}

struct HeightOf {
    using Height = std::optional<LedgerSeq>;
    Height operator()(const SharedOpen& open) const { return open->height; }
    Height operator()(const SignedResult& result) const { return result.claim.ledger.seq + 1; }
    Height operator()(const Vote& vote) const { return vote.height; }
    Height operator()(const SharedCertificate& certificate) const { return certificate->height; }
    Height operator()(const Propose& propose) const { return propose.height; }
    Height operator()(const BlockBody& body) const { return body.block->header.seq; }
    Height operator()(const SharedCertifiedLedger& ledger) const {
        return ledger->block->header.seq;
    }
    Height operator()(const Inputs&) const { return {}; }
    Height operator()(const GetInputs&) const { return {}; }
    Height operator()(const GetOpens&) const { return {}; }
    Height operator()(const GetBlock&) const { return {}; }
    Height operator()(const GetLedgers&) const { return {}; }
};

} // namespace

std::optional<LedgerSeq> height_of(const Message& message) {
    return std::visit(HeightOf{}, message);
}

std::optional<PublicKey> signer_of(const Message& message) {
    if (const auto* open = std::get_if<SharedOpen>(&message)) {
        return (*open)->by.member;
    }
    if (const auto* result = std::get_if<SignedResult>(&message)) {
        return result->by.member;
    }
    if (const auto* propose = std::get_if<Propose>(&message)) {
        return propose->by.member;
    }
    if (const auto* vote = std::get_if<Vote>(&message)) {
        return vote->by.member;
    }
    return std::nullopt;
}

Status verify_signatures(const Domain& domain, const Message& message) {
    return std::visit([&](const auto& m) { return verify(domain, m); }, message);
}

} // namespace hp::consensus
