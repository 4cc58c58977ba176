// SPDX-License-Identifier: Apache-2.0
#include "peer/peer_message.hpp"

#include "hp/base/codec.hpp"
#include "hp/base/limits.hpp"

namespace hp::peer {
namespace {

// First bytes of a Hello: nodes of another protocol are told so, not misread.
constexpr std::string_view protocol = "hp2 peer 1";

enum class Type : std::uint8_t {
    hello = 1,
    proof = 2,
    agreement = 3,
    npl = 4,
    get_config = 5,
    config = 6,
    addresses = 7,
    state_request = 8,
    state_answer = 9,
    no_ledger = 10,
    get_epochs = 11,
    epochs = 12,
    get_snapshot = 13,
    snapshot = 14,
    get_outputs = 15,
    outputs = 16,
    forward = 17,
};

Writer begin(Type type) {
    Writer out;
    out.u8(static_cast<std::uint8_t>(type));
    return out;
}

Bytes opaque(Type type, ByteView bytes) {
    Writer out = begin(type);
    out.raw(bytes);
    return out.take();
}

Bytes encode(const Hello& hello) {
    Writer out = begin(Type::hello);
    out.raw(as_bytes(protocol));
    out.fixed(hello.contract_id_hash);
    out.fixed(hello.key);
    out.u32(hello.listen_port);
    return out.take();
}

Bytes encode(const Proof& proof) {
    Writer out = begin(Type::proof);
    out.fixed(proof.signature);
    return out.take();
}

Bytes encode(const Agreement& message) {
    return opaque(Type::agreement, message.bytes);
}

Bytes encode(const Npl& message) {
    Writer out = begin(Type::npl);
    out.u64(message.run.seq);
    out.fixed(message.run.hash);
    out.raw(message.bytes);
    return out.take();
}

Bytes encode(const GetConfig& request) {
    Writer out = begin(Type::get_config);
    out.fixed(request.hash);
    return out.take();
}

Bytes encode(const Config& config) {
    return opaque(Type::config, config.content);
}

Bytes encode(const StateRequest& request) {
    return opaque(Type::state_request, request.bytes);
}

Bytes encode(const StateAnswer& answer) {
    return opaque(Type::state_answer, answer.bytes);
}

Bytes encode(const Addresses& addresses) {
    Writer out = begin(Type::addresses);
    out.u32(static_cast<std::uint32_t>(addresses.list.size()));
    for (const Address& address : addresses.list) {
        out.bytes(as_bytes(address.host));
        out.u32(address.port);
    }
    return out.take();
}

Bytes encode_seq(Type type, LedgerSeq seq) {
    Writer out = begin(type);
    out.u64(seq);
    return out.take();
}

Bytes encode(const NoLedger& message) {
    return encode_seq(Type::no_ledger, message.seq);
}

Bytes encode(const GetEpochs& request) {
    return encode_seq(Type::get_epochs, request.above);
}

Bytes encode(const Epochs& epochs) {
    return opaque(Type::epochs, epochs.bytes);
}

Bytes encode(const GetSnapshot&) {
    return begin(Type::get_snapshot).take();
}

Bytes encode(const Snapshot& snapshot) {
    return opaque(Type::snapshot, snapshot.bytes);
}

Bytes encode(const GetOutputs& request) {
    return encode_seq(Type::get_outputs, request.seq);
}

Bytes encode(const Outputs& outputs) {
    Writer out = begin(Type::outputs);
    out.u64(outputs.seq);
    out.raw(outputs.bytes);
    return out.take();
}

Bytes encode(const Forward& request) {
    Writer out = begin(Type::forward);
    out.u32(static_cast<std::uint32_t>(request.heard.size()));
    for (const PublicKey& key : request.heard) {
        out.fixed(key);
    }
    return out.take();
}

Bytes encode(const PeerMessage& message) {
    return std::visit([](const auto& m) { return encode(m); }, message);
}

std::uint16_t port(Reader& in, bool& valid) {
    const std::uint32_t value = in.u32();
    valid = valid && value <= UINT16_MAX;
    return static_cast<std::uint16_t>(value);
}

Result<Frame> decode_hello(Reader& in) {
    if (as_text(in.raw(protocol.size())) != protocol) {
        return fail(Errc::unsupported, "the other node speaks another protocol");
    }
    Hello hello;
    bool valid = true;
    hello.contract_id_hash = in.fixed<Hash32>();
    hello.key = in.fixed<PublicKey>();
    hello.listen_port = port(in, valid);
    if (!valid || !in.done()) {
        return fail(Errc::invalid, "a hello that is none");
    }
    return Frame(hello);
}

template <class Message>
Result<Frame> decode_opaque(Reader& in) {
    const ByteView content = in.raw(in.left());
    return Frame(Message{Bytes(content.begin(), content.end())});
}

Result<Frame> decode_npl(Reader& in) {
    Npl message;
    message.run.seq = in.u64();
    message.run.hash = in.fixed<Hash32>();
    const ByteView bytes = in.raw(in.left());
    if (!in.ok() || bytes.empty() || bytes.size() > limits::npl_message_bytes_max) {
        return fail(Errc::invalid, "an NPL message of a size that is not allowed");
    }
    message.bytes.assign(bytes.begin(), bytes.end());
    return Frame(std::move(message));
}

Result<Frame> decode_config(Reader& in) {
    if (in.left() > limits::patch_bytes_max) {
        return fail(Errc::invalid, "a configuration that is too large");
    }
    return decode_opaque<Config>(in);
}

Result<Frame> decode_outputs(Reader& in) {
    Outputs out;
    out.seq = in.u64();
    const ByteView bytes = in.raw(in.left());
    if (!in.ok()) {
        return fail(Errc::invalid, "outputs that are none");
    }
    out.bytes.assign(bytes.begin(), bytes.end());
    return PeerMessage(std::move(out));
}

Result<Frame> decode_forward(Reader& in) {
    Forward out;
    const std::uint32_t count = in.u32();
    if (!in.ok() || count > limits::members_max || in.left() != count * PublicKey::size) {
        return fail(Errc::invalid, "a request to forward that is none");
    }
    for (std::uint32_t i = 0; i < count; ++i) {
        out.heard.push_back(in.fixed<PublicKey>());
    }
    return PeerMessage(std::move(out));
}

// Those of a fixed size.
template <class Message>
Result<Frame> whole(const Reader& in, Message message, const char* what) {
    return in.done() ? Result<Frame>(PeerMessage(std::move(message))) : fail(Errc::invalid, what);
}

Result<Frame> decode_addresses(Reader& in) {
    Addresses out;
    bool valid = true;
    const std::uint32_t count = in.u32();
    if (count > limits::known_peers_max) {
        return fail(Errc::invalid, "too many addresses");
    }
    for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
        Address address;
        address.host = to_text(in.bytes());
        address.port = port(in, valid);
        valid = valid && !address.host.empty() && address.host.size() <= limits::host_bytes_max &&
                address.port != 0;
        out.list.push_back(std::move(address));
    }
    if (!valid || !in.done()) {
        return fail(Errc::invalid, "addresses that are none");
    }
    return Frame(std::move(out));
}

} // namespace

Bytes encode_frame(const Frame& frame) {
    return std::visit([](const auto& f) { return encode(f); }, frame);
}

Result<Frame> decode_frame(ByteView bytes) {
    Reader in(bytes);
    switch (static_cast<Type>(in.u8())) {
    case Type::hello:
        return decode_hello(in);
    case Type::proof: {
        const Proof proof{in.fixed<Signature>()};
        return in.done() ? Result<Frame>(proof) : fail(Errc::invalid, "a proof that is none");
    }
    case Type::agreement:
        return decode_opaque<Agreement>(in);
    case Type::state_request:
        return decode_opaque<StateRequest>(in);
    case Type::state_answer:
        return decode_opaque<StateAnswer>(in);
    case Type::npl:
        return decode_npl(in);
    case Type::get_config:
        return whole(in, GetConfig{in.fixed<Hash32>()}, "a request that is none");
    case Type::no_ledger:
        return whole(in, NoLedger{in.u64()}, "an answer that is none");
    case Type::get_epochs:
        return whole(in, GetEpochs{in.u64()}, "a request that is none");
    case Type::epochs:
        return decode_opaque<Epochs>(in);
    case Type::get_snapshot:
        return whole(in, GetSnapshot{}, "a request that is none");
    case Type::snapshot:
        return decode_opaque<Snapshot>(in);
    case Type::get_outputs:
        return whole(in, GetOutputs{in.u64()}, "a request that is none");
    case Type::outputs:
        return decode_outputs(in);
    case Type::forward:
        return decode_forward(in);
    case Type::config:
        return decode_config(in);
    case Type::addresses:
        return decode_addresses(in);
    }
    return fail(Errc::invalid, "an unknown type of message");
}

Bytes proof_bytes(const Hash32& contract_id_hash, ByteView channel_binding, const PublicKey& caller,
                  const PublicKey& called, bool by_caller) {
    // Begins like no bytes that a user's client can make a node sign; the kinds of statements that
    // count in agreement have lower numbers.
    constexpr std::uint8_t kind = 0x80;
    Writer out;
    out.u8(0xFF);
    out.raw(as_bytes("hp2/"));
    out.u8(kind);
    out.u8(0);
    out.fixed(contract_id_hash);
    out.bytes(channel_binding);
    out.fixed(caller);
    out.fixed(called);
    out.u8(by_caller ? 1 : 0);
    return out.take();
}

} // namespace hp::peer
