// SPDX-License-Identifier: Apache-2.0
// The exact bytes are in docs/protocol/peer.md; change both or neither.
#include "consensus/messages.hpp"

#include "hp/base/codec.hpp"
#include "hp/crypto/blake3.hpp"

using namespace std::string_view_literals;

namespace hp::consensus {
namespace {

constexpr std::uint8_t statement_mark = 0xFF;
constexpr std::string_view statement_tag = "hp2/";

// Tags end in NUL and keep the hashed strings of different purposes apart.
constexpr std::string_view open_tag = "hp2/open\0"sv;
constexpr std::string_view result_tag = "hp2/result\0"sv;
constexpr std::string_view vote_tag = "hp2/vote\0"sv;
constexpr std::string_view block_rest_tag = "hp2/block-rest\0"sv;
constexpr std::string_view block_tag = "hp2/block\0"sv;

template <class Fixed>
void write_list(Writer& out, const std::vector<Fixed>& items) {
    out.u32(static_cast<std::uint32_t>(items.size()));
    for (const Fixed& item : items) {
        out.fixed(item);
    }
}

void write_claim(Writer& out, const ResultClaim& claim) {
    out.u64(claim.ledger.seq);
    out.fixed(claim.ledger.hash);
    out.fixed(claim.state_hash);
    out.fixed(claim.config_hash);
    out.fixed(claim.output_root);
}

} // namespace

std::size_t container_bytes(const std::vector<proto::SharedInput>& inputs) {
    std::size_t bytes = 0;
    for (const proto::SharedInput& input : inputs) {
        bytes += input->container.size();
    }
    return bytes;
}

Bytes statement_bytes(const Domain& domain, StatementKind kind, const Hash32& body_digest) {
    Writer out;
    out.u8(statement_mark);
    out.raw(as_bytes(statement_tag));
    out.u8(static_cast<std::uint8_t>(kind));
    out.u8(0);
    out.fixed(domain.contract_id_hash);
    out.fixed(domain.unl_hash);
    out.fixed(body_digest);
    return out.take();
}

Hash32 open_digest(const Open& open) {
    Writer out;
    out.raw(as_bytes(open_tag));
    out.u64(open.height);
    out.fixed(open.prev_hash);
    out.u64(open.version);
    out.u64(static_cast<std::uint64_t>(open.clock_ms));
    out.fixed(open.nonce);
    write_list(out, open.users);
    write_list(out, open.inputs);
    return crypto::b3(out.view());
}

Hash32 result_digest(const ResultClaim& claim) {
    Writer out;
    out.raw(as_bytes(result_tag));
    write_claim(out, claim);
    return crypto::b3(out.view());
}

Hash32 vote_digest(LedgerSeq height, Attempt attempt, const Hash32& digest) {
    Writer out;
    out.raw(as_bytes(vote_tag));
    out.u64(height);
    out.u32(attempt);
    out.fixed(digest);
    return crypto::b3(out.view());
}

Hash32 block_rest_digest(const Block& block) {
    Writer out;
    out.raw(as_bytes(block_rest_tag));
    write_list(out, block.inputs);
    out.u32(static_cast<std::uint32_t>(block.opens.size()));
    for (const OpenRef& open : block.opens) {
        out.fixed(open.member);
        out.fixed(open.digest);
    }
    out.u8(static_cast<std::uint8_t>(block.mode));
    out.u32(static_cast<std::uint32_t>(block.evidence.size()));
    for (const SignedResult& result : block.evidence) {
        write_claim(out, result.claim);
        out.fixed(result.root_signature);
        out.fixed(result.by.member);
        out.fixed(result.by.signature);
    }
    return crypto::b3(out.view());
}

Hash32 block_digest(const Hash32& ledger_hash, const Hash32& rest_digest) {
    return crypto::b3({as_bytes(block_tag), ledger_hash.view(), rest_digest.view()});
}

Status verify_block_digest(const Block& block) {
    if (block.header.user_hash != proto::user_list_hash(block.users)) {
        return fail(Errc::invalid, "the block's user hash is not that of its users");
    }
    if (block.header.hash != proto::ledger_hash(block.header, block.nonce, block.recent_hash)) {
        return fail(Errc::invalid, "the block's ledger hash is not that of its fields");
    }
    if (block.rest_digest != block_rest_digest(block) ||
        block.digest != block_digest(block.header.hash, block.rest_digest)) {
        return fail(Errc::invalid, "the block's digest is not that of its fields");
    }
    return {};
}

} // namespace hp::consensus
