// SPDX-License-Identifier: Apache-2.0
#include "consensus/epoch_chain.hpp"

#include <algorithm>

#include "consensus/message_codec.hpp"
#include "consensus/validators.hpp"
#include "hp/base/codec.hpp"
#include "hp/base/limits.hpp"
#include "hp/crypto/keys.hpp"

namespace hp::consensus {

EpochLink make_link(const Block& block, const SharedCertificate& commit) {
    return {block.header, block.nonce, block.recent_hash, block.rest_digest, commit};
}

Bytes encode_link(const EpochLink& link) {
    const proto::LedgerHeader& header = link.header;
    Writer out;
    out.u64(header.seq);
    out.u64(static_cast<std::uint64_t>(header.timestamp_ms));
    for (const Hash32* hash : {&header.prev_hash, &header.state_hash, &header.config_hash,
                               &header.user_hash, &header.input_hash, &header.output_hash,
                               &link.nonce, &link.recent_hash, &link.rest_digest}) {
        out.fixed(*hash);
    }
    out.raw(encode_certificate(*link.commit));
    return out.take();
}

Result<EpochLink> decode_link(ByteView bytes) {
    Reader in(bytes);
    EpochLink link;
    proto::LedgerHeader& header = link.header;
    header.seq = in.u64();
    header.timestamp_ms = static_cast<TimeMs>(in.u64());
    for (Hash32* hash : {&header.prev_hash, &header.state_hash, &header.config_hash,
                         &header.user_hash, &header.input_hash, &header.output_hash, &link.nonce,
                         &link.recent_hash, &link.rest_digest}) {
        *hash = in.fixed<Hash32>();
    }
    const ByteView certificate = in.raw(in.left());
    if (!in.ok()) {
        return fail(Errc::invalid, "a link of the epoch chain that is none");
    }
    HP_TRY(link.commit, decode_certificate(certificate));
    header.hash = proto::ledger_hash(header, link.nonce, link.recent_hash);
    return link;
}

bool certifies(const Trust& trust, const EpochLink& link) {
    const std::vector<PublicKey> members(trust.unl.begin(), trust.unl.end());
    const std::size_t needed = quorum(members.size(), trust.threshold_percent);
    const Certificate& commit = *link.commit;
    const bool of_this_ledger = commit.kind == StatementKind::commit &&
                                commit.height == link.header.seq &&
                                commit.digest == block_digest(link.header.hash, link.rest_digest);
    const bool by_members =
        std::all_of(commit.votes.begin(), commit.votes.end(),
                    [&](const Signed& by) { return trust.unl.count(by.member) != 0; });
    if (!of_this_ledger || !by_members || commit.votes.size() < needed || needed == 0) {
        return false;
    }
    const Domain domain{trust.contract_id_hash, unl_hash(members, needed)};
    const Bytes bytes = statement_bytes(domain, StatementKind::commit,
                                        vote_digest(commit.height, commit.attempt, commit.digest));
    return std::all_of(commit.votes.begin(), commit.votes.end(), [&](const Signed& by) {
        return crypto::verify(by.member, bytes, by.signature);
    });
}

Bytes encode_page(const EpochPage& page) {
    Writer out;
    out.u64(page.newest);
    out.u32(static_cast<std::uint32_t>(page.epochs.size()));
    for (const EpochPage::Entry& epoch : page.epochs) {
        out.bytes(epoch.link);
        out.bytes(epoch.config);
    }
    return out.take();
}

Result<EpochPage> decode_page(ByteView bytes) {
    Reader in(bytes);
    EpochPage page;
    page.newest = in.u64();
    const std::uint32_t count = in.u32();
    if (count > limits::epochs_per_page_max) {
        return fail(Errc::invalid, "too many links of the epoch chain at once");
    }
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
        const ByteView link = in.bytes();
        const ByteView config = in.bytes();
        if (config.size() > limits::patch_bytes_max) {
            return fail(Errc::invalid, "a configuration that is too large");
        }
        page.epochs.push_back(
            {Bytes(link.begin(), link.end()), Bytes(config.begin(), config.end())});
    }
    if (!in.done()) {
        return fail(Errc::invalid, "a part of the epoch chain that is none");
    }
    return page;
}

Bytes encode_snapshot(ByteView proof, ByteView inputs, const std::vector<RecentUser>& recent) {
    Writer out;
    out.bytes(proof);
    out.bytes(inputs);
    out.u32(static_cast<std::uint32_t>(recent.size()));
    for (const RecentUser& user : recent) {
        out.fixed(user.user);
        out.u64(user.last_nonce);
        out.u64(user.expires);
    }
    return out.take();
}

namespace {

constexpr std::size_t recent_user_bytes = PublicKey::size + 8 + 8;

Status check_inputs(const Block& block, const std::vector<proto::SharedInput>& inputs) {
    const bool same = inputs.size() == block.inputs.size() &&
                      std::equal(inputs.begin(), inputs.end(), block.inputs.begin(),
                                 [](const proto::SharedInput& input, const Hash32& hash) {
                                     return input->hash == hash;
                                 });
    if (!same || proto::input_list_hash(inputs) != block.header.input_hash) {
        return fail(Errc::invalid, "the inputs of another ledger");
    }
    const bool is_signed =
        std::all_of(inputs.begin(), inputs.end(), [](const proto::SharedInput& input) {
            return proto::verify_signature(*input);
        });
    return is_signed ? Status() : fail(Errc::denied, "an input that its user has not signed");
}

} // namespace

Result<SharedSnapshot> decode_snapshot(ByteView bytes) {
    Reader in(bytes);
    const ByteView proof = in.bytes();
    const ByteView inputs = in.bytes();
    const std::size_t count = in.u32();
    if (!in.ok() || in.left() % recent_user_bytes != 0 || in.left() / recent_user_bytes != count) {
        return fail(Errc::invalid, "a newest ledger that is none");
    }
    HP_TRY(const DecodedProof decoded, decode_proof(proof));
    HP_TRY(auto bodies, proto::decode_inputs(inputs));
    HP_TRY_STATUS(verify_block_digest(*decoded.block));
    HP_TRY_STATUS(check_inputs(*decoded.block, bodies.inputs));
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->ledger = std::make_shared<const CertifiedLedger>(
        CertifiedLedger{decoded.block, decoded.commit, bodies.inputs});
    for (std::size_t i = 0; i < count; ++i) {
        RecentUser user;
        user.user = in.fixed<PublicKey>();
        user.last_nonce = in.u64();
        user.expires = in.u64();
        snapshot->recent.push_back(user);
        snapshot->nonces.restore(user);
    }
    if (snapshot->nonces.digest() != decoded.block->recent_hash ||
        snapshot->nonces.size() != snapshot->recent.size()) {
        return fail(Errc::invalid, "a record of recent inputs that is not the ledger's");
    }
    for (const proto::SharedInput& input : bodies.inputs) {
        snapshot->nonces.remember(input->user, input->nonce, input->hash);
    }
    return SharedSnapshot(std::move(snapshot));
}

} // namespace hp::consensus
