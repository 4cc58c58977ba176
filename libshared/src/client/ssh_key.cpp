// SPDX-License-Identifier: Apache-2.0
#include "ssh_key.hpp"

#include "hp/base/codec.hpp"
#include "hp/base/limits.hpp"
#include "hp/crypto/base64.hpp"

#include <algorithm>
#include <cstring>

namespace hp::client {
namespace {

constexpr std::size_t point_bytes = 32;
constexpr std::uint8_t key_prefix = 0xed;
constexpr std::string_view file_begin = "-----BEGIN OPENSSH PRIVATE KEY-----";
constexpr std::string_view file_end = "-----END OPENSSH PRIVATE KEY-----";
constexpr std::string_view file_magic("openssh-key-v1\0", 15);
constexpr std::size_t padding_unit = 8; // of a file without a cipher

std::string_view read_text(Reader& in) {
    return as_text(in.bytes());
}

tl::unexpected<Error> damaged() {
    return fail(Errc::corrupt, "the OpenSSH key file is damaged");
}

// 1, 2, 3... up to a full block.
bool is_padding(ByteView bytes) {
    if (bytes.size() >= padding_unit) {
        return false;
    }
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (bytes[i] != i + 1) {
            return false;
        }
    }
    return true;
}

// The part that a passphrase would protect. A random number comes twice, to tell a wrong one.
Result<crypto::KeyPair> decode_private_part(ByteView part, const PublicKey& expected) {
    Reader in(part);
    const std::uint32_t check = in.u32();
    if (in.u32() != check || read_text(in) != ssh_key_type) {
        return damaged();
    }
    const ByteView point = in.bytes();
    const ByteView secret = in.bytes(); // seed, then the public half again
    (void)in.bytes();                   // comment
    if (part.size() % padding_unit != 0 || !in.ok() || !is_padding(in.raw(in.left())) ||
        point.size() != point_bytes || secret.size() != 2 * point_bytes) {
        return damaged();
    }
    crypto::KeyPair keys = crypto::key_pair_from_seed(secret.first<point_bytes>());
    const ByteView own = keys.public_key.view().subspan(1);
    if (keys.public_key != expected || !std::ranges::equal(own, point) ||
        !std::ranges::equal(own, secret.last(point_bytes))) {
        return damaged();
    }
    return keys;
}

Result<crypto::KeyPair> decode_container(ByteView content) {
    Reader in(content);
    if (as_text(in.raw(file_magic.size())) != file_magic) {
        return damaged();
    }
    const std::string_view cipher = read_text(in);
    const std::string_view kdf = read_text(in);
    const ByteView kdf_options = in.bytes();
    const std::uint32_t count = in.u32();
    const ByteView blob = in.bytes();
    const ByteView part = in.bytes();
    if (!in.done() || count != 1) {
        return damaged();
    }
    const auto key = decode_ssh_public_key(blob);
    if (!key) {
        return fail(Errc::invalid, "the OpenSSH key is not an Ed25519 key");
    }
    if (cipher != "none") {
        return fail(Errc::unsupported, "the OpenSSH key has a passphrase");
    }
    if (kdf != "none" || !kdf_options.empty()) {
        return damaged();
    }
    return decode_private_part(part, *key);
}

} // namespace

std::optional<PublicKey> decode_ssh_public_key(ByteView blob) {
    Reader in(blob);
    const std::string_view type = read_text(in);
    const ByteView point = in.bytes();
    if (!in.done() || type != ssh_key_type || point.size() != point_bytes) {
        return std::nullopt;
    }
    PublicKey out;
    out.data[0] = key_prefix;
    std::ranges::copy(point, out.data.begin() + 1);
    return out;
}

Bytes encode_ssh_public_key(const PublicKey& key) {
    Writer out;
    out.bytes(as_bytes(ssh_key_type));
    out.bytes(key.view().subspan(1));
    return out.take();
}

bool is_openssh_key_file(std::string_view text) {
    return text.starts_with(file_begin);
}

Result<crypto::KeyPair> decode_openssh_key_file(std::string_view text) {
    const std::size_t end = text.find(file_end);
    if (text.size() > limits::key_file_bytes_max || !is_openssh_key_file(text) ||
        end == std::string_view::npos) {
        return damaged();
    }
    const std::string_view behind = text.substr(end + file_end.size());
    auto content =
        crypto::from_base64_lines(text.substr(file_begin.size(), end - file_begin.size()));
    if (!content || behind.find_first_not_of("\r\n") != std::string_view::npos) {
        return damaged();
    }
    auto keys = decode_container(*content);
    ::explicit_bzero(content->data(), content->size());
    return keys;
}

} // namespace hp::client
