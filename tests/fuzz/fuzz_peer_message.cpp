// SPDX-License-Identifier: Apache-2.0
// What members say to each other, and what they store of it: messages, vote log records, proofs of
// ledgers (docs/protocol/peer.md). All are canonical: what decodes is exactly what encoding gives.
// The rest of the input is the bytes of the kind that its first byte chooses.
#include "fuzz_input.hpp"

#include "consensus/message_codec.hpp"
#include "hp/base/check.hpp"

namespace {

using namespace hp;
using namespace hp::consensus;

void check_block(const SharedBlock& block) {
    HP_CHECK(block != nullptr, "a message without its block");
    HP_CHECK(verify_block_digest(*block).has_value(), "digests are those of the content");
}

void check_message(ByteView bytes) {
    const auto decoded = decode_message(bytes);
    if (!decoded) {
        HP_CHECK(!decoded.err().context.empty(), "a refusal without a reason");
        return;
    }
    HP_CHECK(equal(encode_message(*decoded), bytes), "a message has one form");
    if (const auto* propose = std::get_if<Propose>(&*decoded)) {
        check_block(propose->block);
    } else if (const auto* ledger = std::get_if<SharedCertifiedLedger>(&*decoded)) {
        check_block((*ledger)->block);
        HP_CHECK((*ledger)->commit != nullptr, "a ledger without its certificate");
    } else if (const auto* body = std::get_if<BlockBody>(&*decoded)) {
        check_block(body->block);
    }
}

void check_record(ByteView bytes) {
    const auto decoded = decode_record(bytes);
    if (!decoded) {
        return;
    }
    HP_CHECK(equal(encode_record(*decoded), bytes), "a record has one form");
    if (decoded->kind == LogRecord::Kind::prepared) {
        check_block(decoded->block);
        HP_CHECK(decoded->block->digest == decoded->digest, "a vote names its block");
    }
    const bool has_certificate = decoded->certificate != nullptr;
    HP_CHECK(has_certificate == (decoded->kind == LogRecord::Kind::certificate),
             "a certificate where there is one");
}

void check_proof(ByteView bytes) {
    const auto decoded = decode_proof(bytes);
    if (!decoded) {
        return;
    }
    check_block(decoded->block);
    HP_CHECK(equal(encode_proof(*decoded->block, *decoded->commit), bytes), "a proof has one form");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input({data, size});
    const std::uint8_t what = input.u8();
    const ByteView bytes = input.bytes(size);
    if (what % 3 == 0) {
        check_message(bytes);
    } else if (what % 3 == 1) {
        check_record(bytes);
    } else {
        check_proof(bytes);
    }
    return 0;
}
