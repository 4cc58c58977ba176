// SPDX-License-Identifier: Apache-2.0
#include "consensus/message_codec.hpp"

#include <algorithm>

#include "consensus/params.hpp"
#include "hp/base/codec.hpp"
#include "hp/base/limits.hpp"

namespace hp::consensus {
namespace {

using proto::SharedInput;

// Kinds of messages on the wire, of the alternatives of Message in their order.
constexpr std::uint8_t first_kind = 1;

// --- writing -------------------------------------------------------------------------------------

template <class List, class Put>
void put_list(Writer& out, const List& list, Put put) {
    out.u32(static_cast<std::uint32_t>(list.size()));
    for (const auto& item : list) {
        put(out, item);
    }
}

void put(Writer& out, const Signed& by) {
    out.fixed(by.member);
    out.fixed(by.signature);
}

void put(Writer& out, const SharedOpen& open) {
    out.u64(open->height);
    out.fixed(open->prev_hash);
    out.u64(open->version);
    out.u64(static_cast<std::uint64_t>(open->clock_ms));
    out.fixed(open->nonce);
    put_list(out, open->users, [](Writer& w, const PublicKey& key) { w.fixed(key); });
    put_list(out, open->inputs, [](Writer& w, const Hash32& hash) { w.fixed(hash); });
    put(out, open->by);
}

void put(Writer& out, const SignedResult& result) {
    const ResultClaim& claim = result.claim;
    out.u64(claim.ledger.seq);
    out.fixed(claim.ledger.hash);
    out.fixed(claim.state_hash);
    out.fixed(claim.config_hash);
    out.fixed(claim.output_root);
    out.fixed(result.root_signature);
    put(out, result.by);
}

void put(Writer& out, const OpenRef& ref) {
    out.fixed(ref.member);
    out.fixed(ref.digest);
}

void put(Writer& out, const Block& block) {
    const proto::LedgerHeader& header = block.header;
    out.u64(header.seq);
    out.u64(static_cast<std::uint64_t>(header.timestamp_ms));
    for (const Hash32* hash :
         {&header.prev_hash, &header.state_hash, &header.config_hash, &header.input_hash,
          &header.output_hash, &block.nonce, &block.recent_hash}) {
        out.fixed(*hash);
    }
    put_list(out, block.users, [](Writer& w, const PublicKey& key) { w.fixed(key); });
    put_list(out, block.inputs, [](Writer& w, const Hash32& hash) { w.fixed(hash); });
    put_list(out, block.opens, [](Writer& w, const OpenRef& ref) { put(w, ref); });
    out.u8(static_cast<std::uint8_t>(block.mode));
    put_list(out, block.evidence, [](Writer& w, const SignedResult& r) { put(w, r); });
}

void put(Writer& out, const Vote& vote) {
    out.u8(static_cast<std::uint8_t>(vote.kind));
    out.u64(vote.height);
    out.u32(vote.attempt);
    out.fixed(vote.digest);
    put(out, vote.by);
}

void put(Writer& out, const Certificate& certificate) {
    out.u8(static_cast<std::uint8_t>(certificate.kind));
    out.u64(certificate.height);
    out.u32(certificate.attempt);
    out.fixed(certificate.digest);
    put_list(out, certificate.votes, [](Writer& w, const Signed& by) { put(w, by); });
}

void put(Writer& out, const SharedCertificate& certificate) {
    put(out, *certificate);
}

void put(Writer& out, const Propose& propose) {
    out.u64(propose.height);
    out.u32(propose.attempt);
    put(out, *propose.block);
    out.u8(propose.why.prepared ? 1 : 0);
    if (propose.why.prepared) {
        put(out, *propose.why.prepared);
    }
    put_list(out, propose.why.skipped,
             [](Writer& w, const SharedCertificate& skipped) { put(w, *skipped); });
    put(out, propose.by);
}

void put(Writer& out, const SharedInput& input) {
    out.fixed(input->user);
    out.u8(static_cast<std::uint8_t>(input->encoding));
    out.fixed(input->signature);
    out.bytes(input->container);
}

void put_inputs(Writer& out, const std::vector<SharedInput>& inputs) {
    put_list(out, inputs, [](Writer& w, const SharedInput& input) { put(w, input); });
}

void put(Writer& out, const Inputs& inputs) {
    put_inputs(out, inputs.inputs);
}

void put(Writer& out, const SharedCertifiedLedger& ledger) {
    put(out, *ledger->block);
    put(out, *ledger->commit);
    put_inputs(out, ledger->inputs);
}

void put(Writer& out, const BlockBody& body) {
    put(out, *body.block);
}

void put(Writer& out, const GetInputs& get) {
    put_list(out, get.hashes, [](Writer& w, const Hash32& hash) { w.fixed(hash); });
}

void put(Writer& out, const GetOpens& get) {
    out.u64(get.height);
    put_list(out, get.opens, [](Writer& w, const OpenRef& ref) { put(w, ref); });
}

void put(Writer& out, const GetBlock& get) {
    out.u64(get.height);
    out.fixed(get.digest);
}

void put(Writer& out, const GetLedgers& get) {
    out.u64(get.seq);
    out.u32(get.count);
}

// --- reading -------------------------------------------------------------------------------------

// Reads values; the first thing that is wrong is kept, and everything after it is empty.
class Decoder {
public:
    explicit Decoder(ByteView bytes) : in_(bytes) {}

    Status finish() {
        if (!wrong_.empty()) {
            return fail(Errc::invalid, std::string(wrong_));
        }
        return in_.done() ? Status() : Status(fail(Errc::invalid, "wrong length"));
    }
    void require(bool condition, std::string_view what) {
        if (!condition && wrong_.empty()) {
            wrong_ = what;
        }
    }
    bool ok() const { return in_.ok() && wrong_.empty(); }

    Reader& raw() { return in_; }

    // A count cannot be larger than what its items would take.
    template <class Get>
    auto list(std::size_t count_max, std::size_t item_bytes_min, Get get) {
        std::vector<decltype(get())> out;
        const std::size_t count = in_.u32();
        require(count <= count_max && count <= in_.left() / item_bytes_min, "a list too long");
        for (std::size_t i = 0; i < count && ok(); ++i) {
            out.push_back(get());
        }
        return out;
    }

    PublicKey key() {
        const PublicKey key = in_.fixed<PublicKey>();
        require(key.data[0] == key_prefix, "not a key");
        return key;
    }
    Hash32 hash() { return in_.fixed<Hash32>(); }
    Signed signed_by() {
        Signed by;
        by.member = key();
        by.signature = in_.fixed<Signature>();
        return by;
    }
    TimeMs time_ms() {
        const std::uint64_t value = in_.u64();
        require(value <= INT64_MAX, "a time out of range");
        return static_cast<TimeMs>(value);
    }
    template <class List, class Key>
    void require_ascending(const List& list, Key key_of, std::string_view what) {
        for (std::size_t i = 1; i < list.size(); ++i) {
            require(key_of(list[i - 1]) < key_of(list[i]), what);
        }
    }

    SharedOpen open();
    SignedResult result();
    OpenRef open_ref();
    SharedBlock block();
    StatementKind vote_kind();
    Vote vote();
    SharedCertificate certificate();
    Propose propose();
    SharedInput input();
    std::vector<SharedInput> inputs();
    SharedCertifiedLedger ledger();

private:
    Reader in_;
    std::string_view wrong_;
};

constexpr std::size_t signed_bytes = PublicKey::size + Signature::size;
constexpr std::size_t result_bytes = 8 + 4 * Hash32::size + Signature::size + signed_bytes;
constexpr std::size_t open_ref_bytes = PublicKey::size + Hash32::size;
constexpr std::size_t input_bytes_min = PublicKey::size + 1 + Signature::size + 4;
constexpr std::size_t certificate_bytes_min = 1 + 8 + 4 + Hash32::size + 4;

SharedOpen Decoder::open() {
    auto open = std::make_shared<Open>();
    open->height = in_.u64();
    open->prev_hash = hash();
    open->version = in_.u64();
    open->clock_ms = time_ms();
    open->nonce = hash();
    open->users = list(limits::user_sessions_max, PublicKey::size, [this] { return key(); });
    open->inputs = list(limits::ledger_inputs_max, Hash32::size, [this] { return hash(); });
    open->by = signed_by();
    const auto self = [](const auto& item) { return item; };
    require_ascending(open->users, self, "users out of order");
    require_ascending(open->inputs, self, "inputs out of order");
    open->digest = open_digest(*open);
    return open;
}

SignedResult Decoder::result() {
    SignedResult result;
    result.claim.ledger.seq = in_.u64();
    result.claim.ledger.hash = hash();
    result.claim.state_hash = hash();
    result.claim.config_hash = hash();
    result.claim.output_root = hash();
    result.root_signature = in_.fixed<Signature>();
    result.by = signed_by();
    return result;
}

OpenRef Decoder::open_ref() {
    OpenRef ref;
    ref.member = key();
    ref.digest = hash();
    return ref;
}

SharedBlock Decoder::block() {
    auto block = std::make_shared<Block>();
    proto::LedgerHeader& header = block->header;
    header.seq = in_.u64();
    header.timestamp_ms = time_ms();
    for (Hash32* out :
         {&header.prev_hash, &header.state_hash, &header.config_hash, &header.input_hash,
          &header.output_hash, &block->nonce, &block->recent_hash}) {
        *out = hash();
    }
    block->users = list(limits::ledger_users_max, PublicKey::size, [this] { return key(); });
    block->inputs = list(limits::ledger_inputs_max, Hash32::size, [this] { return hash(); });
    block->opens = list(limits::members_max, open_ref_bytes, [this] { return open_ref(); });
    const std::uint8_t mode = in_.u8();
    require(mode >= 1 && mode <= 3, "an unknown result mode");
    block->mode = static_cast<ResultMode>(mode);
    block->evidence = list(limits::members_max, result_bytes, [this] { return result(); });
    require_ascending(
        block->users, [](const PublicKey& k) { return k; }, "users out of order");
    require_ascending(
        block->opens, [](const OpenRef& r) { return r.member; }, "OPENs out of order");
    require_ascending(
        block->evidence, [](const SignedResult& r) { return r.by.member; },
        "evidence out of order");
    header.user_hash = proto::user_list_hash(block->users);
    header.hash = proto::ledger_hash(header, block->nonce, block->recent_hash);
    block->rest_digest = block_rest_digest(*block);
    block->digest = block_digest(header.hash, block->rest_digest);
    return block;
}

StatementKind Decoder::vote_kind() {
    const auto kind = static_cast<StatementKind>(in_.u8());
    require(kind == StatementKind::prepare || kind == StatementKind::commit ||
                kind == StatementKind::skip,
            "not a kind of vote");
    return kind;
}

Vote Decoder::vote() {
    Vote vote;
    vote.kind = vote_kind();
    vote.height = in_.u64();
    vote.attempt = in_.u32();
    vote.digest = hash();
    vote.by = signed_by();
    return vote;
}

SharedCertificate Decoder::certificate() {
    auto certificate = std::make_shared<Certificate>();
    certificate->kind = vote_kind();
    certificate->height = in_.u64();
    certificate->attempt = in_.u32();
    certificate->digest = hash();
    certificate->votes = list(limits::members_max, signed_bytes, [this] { return signed_by(); });
    require_ascending(
        certificate->votes, [](const Signed& by) { return by.member; }, "votes out of order");
    return certificate;
}

Propose Decoder::propose() {
    Propose propose;
    propose.height = in_.u64();
    propose.attempt = in_.u32();
    propose.block = block();
    const std::uint8_t prepared = in_.u8();
    require(prepared <= 1, "neither present nor absent");
    if (prepared == 1 && ok()) {
        propose.why.prepared = certificate();
    }
    propose.why.skipped = list(limits::justification_certificates_max, certificate_bytes_min,
                               [this] { return certificate(); });
    propose.by = signed_by();
    return propose;
}

SharedInput Decoder::input() {
    const PublicKey user = key();
    const std::uint8_t encoding = in_.u8();
    require(encoding <= 1, "an unknown encoding");
    const auto signature = in_.fixed<Signature>();
    const ByteView container = in_.bytes();
    if (!ok()) {
        return nullptr;
    }
    auto input = proto::make_signed_input(user, static_cast<proto::Encoding>(encoding),
                                          Bytes(container.begin(), container.end()), signature);
    require(input.has_value(), "a malformed input");
    return input ? std::move(*input) : nullptr;
}

std::vector<SharedInput> Decoder::inputs() {
    return list(limits::ledger_inputs_max, input_bytes_min, [this] { return input(); });
}

SharedCertifiedLedger Decoder::ledger() {
    auto ledger = std::make_shared<CertifiedLedger>();
    ledger->block = block();
    ledger->commit = certificate();
    ledger->inputs = inputs();
    require(ledger->inputs.size() == ledger->block->inputs.size(), "inputs are missing");
    return ledger;
}

Message get_message(Decoder& in, std::uint8_t kind) {
    switch (kind - first_kind) {
    case 0:
        return in.open();
    case 1:
        return in.result();
    case 2:
        return in.propose();
    case 3:
        return in.vote();
    case 4:
        return in.certificate();
    case 5:
        return Inputs{in.inputs()};
    case 6:
        return in.ledger();
    case 7:
        return BlockBody{in.block()};
    case 8:
        return GetInputs{
            in.list(limits::ledger_inputs_max, Hash32::size, [&in] { return in.hash(); })};
    case 9: {
        const LedgerSeq height = in.raw().u64();
        return GetOpens{
            height, in.list(limits::members_max, open_ref_bytes, [&in] { return in.open_ref(); })};
    }
    case 10: {
        const LedgerSeq height = in.raw().u64();
        return GetBlock{height, in.hash()};
    }
    case 11: {
        const LedgerSeq seq = in.raw().u64();
        const std::uint32_t count = in.raw().u32();
        in.require(count >= 1 && count <= params::ledgers_per_answer_max,
                   "a request for no ledgers or too many");
        return GetLedgers{seq, count};
    }
    default:
        in.require(false, "an unknown kind of message");
        return GetLedgers{};
    }
}

} // namespace

Bytes encode_message(const Message& message) {
    Writer out;
    out.u8(static_cast<std::uint8_t>(first_kind + message.index()));
    std::visit([&out](const auto& m) { put(out, m); }, message);
    return out.take();
}

Result<Message> decode_message(ByteView bytes) {
    Decoder in(bytes);
    const std::uint8_t kind = in.raw().u8();
    Message message = get_message(in, kind);
    HP_TRY_STATUS(in.finish());
    return message;
}

Bytes encode_record(const LogRecord& record) {
    Writer out;
    out.u8(static_cast<std::uint8_t>(record.kind));
    out.u64(record.height);
    out.u32(record.attempt);
    out.fixed(record.digest);
    out.fixed(record.unl_hash);
    if (record.kind == LogRecord::Kind::prepared) {
        put(out, *record.block);
        put_inputs(out, record.inputs);
    } else if (record.kind == LogRecord::Kind::certificate) {
        put(out, *record.certificate);
    }
    return out.take();
}

Result<LogRecord> decode_record(ByteView bytes) {
    Decoder in(bytes);
    LogRecord record;
    const std::uint8_t kind = in.raw().u8();
    in.require(kind >= 1 && kind <= 4, "an unknown kind of record");
    record.kind = static_cast<LogRecord::Kind>(kind);
    record.height = in.raw().u64();
    record.attempt = in.raw().u32();
    record.digest = in.hash();
    record.unl_hash = in.hash();
    if (record.kind == LogRecord::Kind::prepared) {
        record.block = in.block();
        record.inputs = in.inputs();
        in.require(record.block->digest == record.digest, "a vote for another block");
    } else if (record.kind == LogRecord::Kind::certificate) {
        record.certificate = in.certificate();
        in.require(record.certificate->height == record.height &&
                       record.certificate->attempt == record.attempt,
                   "a certificate of something else");
    }
    HP_TRY_STATUS(in.finish());
    return record;
}

Bytes encode_proof(const Block& block, const Certificate& commit) {
    Writer out;
    put(out, block);
    put(out, commit);
    return out.take();
}

Result<DecodedProof> decode_proof(ByteView bytes) {
    Decoder in(bytes);
    DecodedProof proof{in.block(), in.certificate()};
    in.require(proof.commit->digest == proof.block->digest, "a certificate of another block");
    HP_TRY_STATUS(in.finish());
    return proof;
}

Bytes encode_certificate(const Certificate& certificate) {
    Writer out;
    put(out, certificate);
    return out.take();
}

Result<SharedCertificate> decode_certificate(ByteView bytes) {
    Decoder in(bytes);
    SharedCertificate certificate = in.certificate();
    HP_TRY_STATUS(in.finish());
    return certificate;
}

} // namespace hp::consensus
