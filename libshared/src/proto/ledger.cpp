// SPDX-License-Identifier: Apache-2.0
#include "hp/proto/ledger.hpp"

#include <algorithm>

#include "hp/base/codec.hpp"
#include "hp/crypto/blake3.hpp"
#include "hp/crypto/keys.hpp"
#include "hp/proto/user_codec.hpp"

namespace hp::proto {
namespace {

constexpr std::uint8_t format_version = 1;

// Tags end in NUL and keep the hashed strings of different purposes apart.
constexpr std::string_view ledger_tag{"hp2/ledger\0", 11};
constexpr std::string_view data_tag{"hp2/ledger-data\0", 16};

} // namespace

Result<SharedInput> make_signed_input(const PublicKey& user, Encoding encoding, Bytes container,
                                      const Signature& signature) {
    HP_TRY(InputContainer decoded, decode_container(encoding, container));
    auto input = std::make_shared<SignedInput>();
    input->user = user;
    input->encoding = encoding;
    input->container = std::move(container);
    input->signature = signature;
    input->hash = input_hash(signature);
    input->nonce = decoded.nonce;
    input->max_ledger_seq = decoded.max_ledger_seq;
    input->payload = std::make_shared<const Bytes>(std::move(decoded.input));
    return SharedInput(std::move(input));
}

bool verify_signature(const SignedInput& input) {
    return crypto::verify(input.user, input.container, input.signature);
}

std::vector<Hash32> output_leaves(const std::vector<UserOutput>& outputs,
                                  const Hash32& state_hash) {
    std::vector<Hash32> leaves;
    for (const UserOutput& output : outputs) {
        leaves.push_back(output.hash);
    }
    std::sort(leaves.begin(), leaves.end());
    leaves.push_back(state_hash);
    return leaves;
}

Hash32 output_root(const std::vector<UserOutput>& outputs, const Hash32& state_hash) {
    if (outputs.empty()) {
        return Hash32{};
    }
    return crypto::OutputTree(output_leaves(outputs, state_hash)).root();
}

Hash32 user_list_hash(const std::vector<PublicKey>& users) {
    if (users.empty()) {
        return Hash32{};
    }
    crypto::Blake3 hasher;
    for (const PublicKey& user : users) {
        hasher.update(user.view());
    }
    return hasher.finish();
}

Hash32 input_list_hash(const std::vector<SharedInput>& inputs) {
    std::vector<const SignedInput*> ordered;
    for (const SharedInput& input : inputs) {
        ordered.push_back(input.get());
    }
    // Ordered hash: nonce first, then input hash (8.2), over all users.
    std::sort(ordered.begin(), ordered.end(), [](const SignedInput* a, const SignedInput* b) {
        return std::tie(a->nonce, a->hash) < std::tie(b->nonce, b->hash);
    });
    std::vector<Hash32> hashes;
    for (const SignedInput* input : ordered) {
        hashes.push_back(input->hash);
    }
    return crypto::b3_list(hashes);
}

Hash32 ledger_hash(const LedgerHeader& header, const Hash32& nonce, const Hash32& recent_hash) {
    Writer data;
    data.raw(as_bytes(data_tag));
    data.u64(header.seq);
    data.u64(static_cast<std::uint64_t>(header.timestamp_ms));
    data.fixed(header.state_hash);
    data.fixed(header.config_hash);
    data.fixed(nonce);
    data.fixed(recent_hash);
    data.fixed(header.user_hash);
    data.fixed(header.input_hash);
    data.fixed(header.output_hash);
    const Hash32 data_hash = crypto::b3(data.view());
    return crypto::b3({as_bytes(ledger_tag), header.prev_hash.view(), data_hash.view()});
}

Bytes encode_inputs(const std::vector<PublicKey>& users, const std::vector<SharedInput>& inputs) {
    Writer out;
    out.u8(format_version);
    out.u32(static_cast<std::uint32_t>(users.size()));
    for (const PublicKey& user : users) {
        out.fixed(user);
    }
    out.u32(static_cast<std::uint32_t>(inputs.size()));
    for (const SharedInput& input : inputs) {
        out.fixed(input->user);
        out.u8(static_cast<std::uint8_t>(input->encoding));
        out.fixed(input->signature);
        out.bytes(input->container);
    }
    return out.take();
}

Result<DecodedInputs> decode_inputs(ByteView stored) {
    Reader in(stored);
    if (in.u8() != format_version) {
        return fail(Errc::corrupt, "stored inputs have an unknown format");
    }
    DecodedInputs out;
    for (std::uint32_t left = in.u32(); in.ok() && left > 0; --left) {
        out.users.push_back(in.fixed<PublicKey>());
    }
    for (std::uint32_t left = in.u32(); in.ok() && left > 0; --left) {
        const auto user = in.fixed<PublicKey>();
        const std::uint8_t encoding = in.u8();
        const auto signature = in.fixed<Signature>();
        const ByteView container = in.bytes();
        if (!in.ok() || encoding > static_cast<std::uint8_t>(Encoding::bson)) {
            return fail(Errc::corrupt, "stored inputs are damaged");
        }
        HP_TRY(SharedInput input,
               make_signed_input(user, static_cast<Encoding>(encoding),
                                 Bytes(container.begin(), container.end()), signature));
        out.inputs.push_back(std::move(input));
    }
    if (!in.done()) {
        return fail(Errc::corrupt, "stored inputs are damaged");
    }
    return out;
}

Bytes encode_result(const ExecutionResult& result) {
    Writer out;
    out.u8(format_version);
    out.u64(result.seq);
    out.fixed(result.state_hash);
    out.fixed(result.config_hash);
    out.fixed(result.output_root);
    out.fixed(result.root_signature);
    out.u32(static_cast<std::uint32_t>(result.outputs.size()));
    for (const UserOutput& output : result.outputs) {
        out.fixed(output.user);
        out.fixed(output.hash);
        out.u32(static_cast<std::uint32_t>(output.messages.size()));
        for (const Bytes& message : output.messages) {
            out.bytes(message);
        }
    }
    return out.take();
}

Result<ExecutionResult> decode_result(ByteView stored) {
    Reader in(stored);
    if (in.u8() != format_version) {
        return fail(Errc::corrupt, "stored result has an unknown format");
    }
    ExecutionResult out;
    out.seq = in.u64();
    out.state_hash = in.fixed<Hash32>();
    out.config_hash = in.fixed<Hash32>();
    out.output_root = in.fixed<Hash32>();
    out.root_signature = in.fixed<Signature>();
    for (std::uint32_t left = in.u32(); in.ok() && left > 0; --left) {
        UserOutput output{in.fixed<PublicKey>(), in.fixed<Hash32>(), {}};
        for (std::uint32_t messages = in.u32(); in.ok() && messages > 0; --messages) {
            const ByteView message = in.bytes();
            output.messages.emplace_back(message.begin(), message.end());
        }
        out.outputs.push_back(std::move(output));
    }
    if (!in.done()) {
        return fail(Errc::corrupt, "stored result is damaged");
    }
    return out;
}

} // namespace hp::proto
