// SPDX-License-Identifier: Apache-2.0
// The stored forms of a ledger's inputs and of an execution's result (docs/protocol/ledger.md).
// They are canonical: what decodes is exactly what encoding gives.
#include "fuzz_input.hpp"

#include "hp/base/check.hpp"
#include "hp/proto/ledger.hpp"
#include "hp/proto/user_codec.hpp"

namespace {

using namespace hp;

void check_inputs(ByteView bytes) {
    const auto decoded = proto::decode_inputs(bytes);
    if (!decoded) {
        return;
    }
    HP_CHECK(equal(proto::encode_inputs(decoded->users, decoded->inputs), bytes),
             "stored inputs have one form");
    for (const proto::SharedInput& input : decoded->inputs) {
        HP_CHECK(input->hash == proto::input_hash(input->signature) && input->nonce > 0,
                 "an input's fields are those of its container");
    }
}

void check_result(ByteView bytes) {
    const auto decoded = proto::decode_result(bytes);
    if (!decoded) {
        return;
    }
    HP_CHECK(equal(proto::encode_result(*decoded), bytes), "a stored result has one form");
    const bool empty = decoded->outputs.empty();
    const Hash32 root = proto::output_root(decoded->outputs, decoded->state_hash);
    HP_CHECK(root.is_zero() == empty, "only no outputs have no root");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView bytes(data, size);
    check_inputs(bytes);
    check_result(bytes);
    return 0;
}
