// SPDX-License-Identifier: Apache-2.0
#include "multisig.hpp"

#include <hp/contract/config.hpp>
#include <hp/contract/files.hpp>
#include <hp/contract/json.hpp>

#include <sodium.h>

namespace multisig {
namespace {

using namespace hp::contract;

/// With this node's own seed, ../signer.seed. A node that has none signs nothing.
std::string sign(std::string_view text) {
    const std::string file = read_file(private_path("signer.seed")).value_or("");
    const auto seed = Hash::from_hex(std::string_view(file).substr(0, Hash::hex_size));
    if (!seed)
        return "none";
    std::array<std::uint8_t, crypto_sign_PUBLICKEYBYTES> public_key;
    std::array<std::uint8_t, crypto_sign_SECRETKEYBYTES> secret_key;
    std::array<std::uint8_t, Signature::bytes_size> out;
    crypto_sign_seed_keypair(public_key.data(), secret_key.data(), seed->bytes().data());
    crypto_sign_detached(out.data(), nullptr, reinterpret_cast<const unsigned char*>(text.data()),
                         text.size(), secret_key.data());
    return std::string(Signature::from_bytes(out).hex());
}

bool verify(std::string_view text, const Value& signature, const Value& signer) {
    const auto bytes = Signature::from_hex(signature["signature"].text().value_or(""));
    const auto key = Hash::from_hex(signer["key"].text().value_or(""));
    return bytes && key &&
           crypto_sign_verify_detached(bytes->bytes().data(),
                                       reinterpret_cast<const unsigned char*>(text.data()),
                                       text.size(), key->bytes().data()) == 0;
}

} // namespace

Value verified(const Value& book, std::string_view order, const Value& signatures) {
    Value out = Value::Array{};
    for (const Value& signer : book["signers"].items())
        for (const Value& one : signatures.items())
            if (verify(order, one, signer)) {
                out.push_back(
                    Value::Object{{"number", signer["number"]}, {"signature", one["signature"]}});
                break;
            }
    return out;
}

Value collect(Context& c, const Value& book, const std::string& order) {
    // One round for each exchange at most. They take that long only when a node is silent.
    const int wait_ms = read_roundtime_ms();
    // The order is part of the topic: a run may have several.
    const auto heard = c.npl().exchange("sign " + order, as_bytes(sign(order)), c.unl(), wait_ms);
    Value signatures = Value::Array{};
    for (const NplMessage& message : heard.messages)
        signatures.push_back(Value::Object{{"signature", message.text()}});
    const std::string list = encode_json(verified(book, order, signatures));
    const auto votes =
        c.npl().exchange("list " + order, as_bytes(list), c.unl(), wait_ms, heard.messages.size());
    const auto agreed = decode_json(agreed_text(votes, c.unl()).value_or(""));
    return agreed ? Value(Value::Object{{"order", order}, {"signatures", *agreed}}) : Value();
}

} // namespace multisig
