// SPDX-License-Identifier: Apache-2.0
#include "peer/peer_session.hpp"

namespace hp::peer {

PeerSession::PeerSession(const Own& own, bool caller, Bytes channel_binding)
    : own_(own), caller_(caller), channel_binding_(std::move(channel_binding)) {}

Bytes PeerSession::hello() const {
    return encode_frame(Hello{own_.contract_id_hash, own_.keys.public_key, own_.listen_port});
}

Result<PeerSession::Step> PeerSession::on_message(ByteView bytes) {
    HP_TRY(Frame frame, decode_frame(bytes));
    if (const auto* hello = std::get_if<Hello>(&frame)) {
        return on_hello(*hello);
    }
    if (const auto* proof = std::get_if<Proof>(&frame)) {
        return on_proof(*proof);
    }
    if (stage_ != Stage::established) {
        return fail(Errc::denied, "a message before it has proven its key");
    }
    Step step;
    step.message = std::get<PeerMessage>(std::move(frame));
    return step;
}

Result<PeerSession::Step> PeerSession::on_hello(const Hello& hello) {
    if (stage_ != Stage::hello) {
        return fail(Errc::invalid, "says hello twice");
    }
    if (hello.contract_id_hash != own_.contract_id_hash) {
        return fail(Errc::denied, "runs another contract");
    }
    if (hello.key == own_.keys.public_key) {
        return fail(Errc::exists, "it is this node itself, or one with the same key");
    }
    key_ = hello.key;
    listen_port_ = hello.listen_port;
    stage_ = Stage::proof;
    Step step;
    step.reply = encode_frame(Proof{crypto::sign(own_.keys, bytes_of(caller_))});
    return step;
}

Result<PeerSession::Step> PeerSession::on_proof(const Proof& proof) {
    if (stage_ != Stage::proof) {
        return fail(Errc::invalid, "a proof at the wrong time");
    }
    if (!crypto::verify(key_, bytes_of(!caller_), proof.signature)) {
        return fail(Errc::denied, "its key is not proven for this connection");
    }
    stage_ = Stage::established;
    Step step;
    step.established = true;
    return step;
}

Bytes PeerSession::bytes_of(bool by_caller) const {
    const PublicKey& own = own_.keys.public_key;
    return proof_bytes(own_.contract_id_hash, channel_binding_, caller_ ? own : key_,
                       caller_ ? key_ : own, by_caller);
}

} // namespace hp::peer
