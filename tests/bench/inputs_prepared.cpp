// SPDX-License-Identifier: Apache-2.0
#include "inputs_prepared.hpp"

#include "hp/base/codec.hpp"
#include "hp/proto/user_codec.hpp"

#include <algorithm>

namespace hp::bench {

using proto::Encoding;

PreparedInput prepare_input(const crypto::KeyPair& keys, std::uint64_t number, std::uint64_t nonce,
                            LedgerSeq max_ledger_seq, std::size_t payload_bytes) {
    Writer payload;
    payload.u64(number);
    Bytes input = payload.take();
    input.resize(std::max(payload_bytes, input.size()), std::uint8_t{'x'});
    proto::InputRequest request;
    request.container =
        proto::encode_container(Encoding::bson, {std::move(input), nonce, max_ledger_seq});
    request.signature = crypto::sign(keys, request.container);
    const Hash32 hash = proto::input_hash(request.signature);
    return {std::make_shared<const Bytes>(proto::encode_request(Encoding::bson, request)), hash};
}

std::optional<std::uint64_t> number_of(ByteView payload) {
    Reader in(payload);
    const std::uint64_t number = in.u64();
    return in.ok() ? std::optional(number) : std::nullopt;
}

} // namespace hp::bench
