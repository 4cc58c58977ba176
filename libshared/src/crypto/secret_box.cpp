// SPDX-License-Identifier: Apache-2.0
#include "hp/crypto/secret_box.hpp"

#include <sodium.h>

#include "hp/crypto/keys.hpp"

namespace hp::crypto {
namespace {

// Boxes come from files: their cost must not be able to stop the machine.
constexpr std::uint64_t operations_max = 16;
constexpr std::uint64_t memory_bytes_max = 1024ULL * 1024 * 1024;

using BoxKey = std::array<std::uint8_t, crypto_secretbox_KEYBYTES>;

static_assert(sizeof(SecretBox::salt) == crypto_pwhash_SALTBYTES);
static_assert(sizeof(SecretBox::nonce) == crypto_secretbox_NONCEBYTES);

Status derive(const SecretBox& box, std::string_view passphrase, BoxKey& key) {
    if (crypto_pwhash(key.data(), key.size(), passphrase.data(), passphrase.size(), box.salt.data(),
                      box.operations, box.memory_bytes, crypto_pwhash_ALG_ARGON2ID13) != 0) {
        return fail(Errc::unavailable, "not enough memory for the passphrase");
    }
    return {};
}

} // namespace

Result<SecretBox> seal(ByteView secret, std::string_view passphrase) {
    SecretBox box;
    box.operations = crypto_pwhash_OPSLIMIT_INTERACTIVE;
    box.memory_bytes = crypto_pwhash_MEMLIMIT_INTERACTIVE;
    random_bytes(box.salt);
    random_bytes(box.nonce);
    BoxKey key{};
    HP_TRY_STATUS(derive(box, passphrase, key));
    box.sealed.resize(secret.size() + crypto_secretbox_MACBYTES);
    crypto_secretbox_easy(box.sealed.data(), secret.data(), secret.size(), box.nonce.data(),
                          key.data());
    sodium_memzero(key.data(), key.size());
    return box;
}

Result<Bytes> open(const SecretBox& box, std::string_view passphrase) {
    if (box.operations > operations_max || box.memory_bytes > memory_bytes_max) {
        return fail(Errc::too_large, "the passphrase's cost is out of all proportion");
    }
    if (box.sealed.size() < crypto_secretbox_MACBYTES) {
        return fail(Errc::denied, "damaged");
    }
    BoxKey key{};
    HP_TRY_STATUS(derive(box, passphrase, key));
    Bytes out(box.sealed.size() - crypto_secretbox_MACBYTES);
    const int opened = crypto_secretbox_open_easy(out.data(), box.sealed.data(), box.sealed.size(),
                                                  box.nonce.data(), key.data());
    sodium_memzero(key.data(), key.size());
    if (opened != 0) {
        return fail(Errc::denied, "wrong passphrase, or damaged");
    }
    return out;
}

} // namespace hp::crypto
