// SPDX-License-Identifier: Apache-2.0
// Nothing reaches the engine that is not signed as it says.
#include <catch2/catch.hpp>

#include "consensus/message_signatures.hpp"
#include "hp/crypto/keys.hpp"
#include "hp/proto/user_codec.hpp"

using namespace hp;
using namespace hp::consensus;

namespace {

const Domain domain{{}, Hash32::from(Bytes(32, 9)).value()};

const crypto::KeyPair& keys() {
    static const crypto::KeyPair pair = [] {
        crypto::init();
        return crypto::make_key_pair();
    }();
    return pair;
}

Signed sign(StatementKind kind, const Hash32& digest) {
    return {keys().public_key, crypto::sign(keys(), statement_bytes(domain, kind, digest))};
}

SignedResult make_result() {
    SignedResult result;
    result.claim.ledger.seq = 4;
    result.claim.output_root.data.fill(1);
    result.root_signature = crypto::sign(keys(), result.claim.output_root.view());
    result.by = sign(StatementKind::result, result_digest(result.claim));
    return result;
}

std::shared_ptr<Block> make_block() {
    auto block = std::make_shared<Block>();
    block->header.seq = 5;
    block->digest.data.fill(3);
    block->evidence = {make_result()};
    return block;
}

std::shared_ptr<Certificate> make_certificate(StatementKind kind) {
    auto certificate = std::make_shared<Certificate>();
    certificate->kind = kind;
    certificate->height = 5;
    certificate->digest.data.fill(3);
    certificate->votes = {sign(kind, vote_digest(5, 0, certificate->digest))};
    return certificate;
}

Propose make_propose() {
    Propose propose{5, 0, make_block(), {}, {}};
    propose.by = sign(StatementKind::propose, vote_digest(5, 0, propose.block->digest));
    return propose;
}

bool accepted(const Message& message) {
    return verify_signatures(domain, message).has_value();
}

proto::SharedInput make_input() {
    const Bytes container = proto::encode_container(proto::Encoding::bson, {to_bytes("x"), 1, 100});
    return *proto::make_signed_input(keys().public_key, proto::Encoding::bson, container,
                                     crypto::sign(keys(), container));
}

} // namespace

TEST_CASE("honest messages pass, and are about their height") {
    auto open = std::make_shared<Open>();
    open->height = 5;
    open->digest = open_digest(*open);
    open->by = sign(StatementKind::open, open->digest);
    auto ledger = std::make_shared<CertifiedLedger>(
        CertifiedLedger{make_block(), make_certificate(StatementKind::commit), {make_input()}});
    const auto certificate = make_certificate(StatementKind::prepare);
    const Vote vote{StatementKind::commit, 5, 0, certificate->digest,
                    sign(StatementKind::commit, vote_digest(5, 0, certificate->digest))};
    const std::vector<Message> messages = {SharedOpen(open),
                                           make_result(),
                                           make_propose(),
                                           vote,
                                           SharedCertificate(certificate),
                                           SharedCertifiedLedger(ledger),
                                           BlockBody{make_block()}};
    for (const Message& message : messages) {
        CHECK(accepted(message));
        CHECK(height_of(message) == 5);
        // The same statements under another UNL are other statements.
        CHECK_FALSE(verify_signatures(Domain{}, message));
    }
    for (const Message& message :
         std::vector<Message>{Inputs{}, GetInputs{}, GetOpens{}, GetBlock{}, GetLedgers{5}}) {
        CHECK(accepted(message));
        CHECK_FALSE(height_of(message));
    }
}

TEST_CASE("every signature in a message counts") {
    SECTION("of a result's output root") {
        SignedResult result = make_result();
        result.root_signature = {};
        CHECK_FALSE(accepted(result));
        auto block = make_block();
        block->evidence = {result};
        CHECK_FALSE(accepted(BlockBody{block}));
        Propose propose = make_propose();
        propose.block = block;
        CHECK_FALSE(accepted(propose));
    }
    SECTION("... unless there are no outputs") {
        SignedResult result = make_result();
        result.claim.output_root = {};
        result.root_signature = {};
        result.by = sign(StatementKind::result, result_digest(result.claim));
        CHECK(accepted(result));
    }
    SECTION("of each vote of a certificate, and of certificates that justify") {
        auto certificate = make_certificate(StatementKind::prepare);
        certificate->votes.push_back(certificate->votes.front());
        certificate->votes.back().signature.data[5] ^= 1;
        CHECK_FALSE(accepted(SharedCertificate(certificate)));
        Propose propose = make_propose();
        propose.why.prepared = certificate;
        CHECK_FALSE(accepted(propose));
        propose.why.prepared = nullptr;
        propose.why.skipped = {certificate};
        CHECK_FALSE(accepted(propose));
    }
    SECTION("of the inputs of a ledger") {
        auto input = std::make_shared<proto::SignedInput>(*make_input());
        input->signature.data[0] ^= 1;
        const auto ledger = std::make_shared<CertifiedLedger>(
            CertifiedLedger{make_block(), make_certificate(StatementKind::commit), {input}});
        CHECK_FALSE(accepted(SharedCertifiedLedger(ledger)));
    }
    SECTION("of votes: the kind is part of what is signed") {
        const Hash32 digest{};
        const Vote vote{StatementKind::commit, 5, 0, digest,
                        sign(StatementKind::prepare, vote_digest(5, 0, digest))};
        CHECK_FALSE(accepted(vote));
    }
}
