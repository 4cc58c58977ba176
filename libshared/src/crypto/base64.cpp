// SPDX-License-Identifier: Apache-2.0
#include "hp/crypto/base64.hpp"

#include <sodium.h>

namespace hp::crypto {

bool from_base64url(std::string_view text, std::span<std::uint8_t> out) {
    std::size_t length = 0;
    return ::sodium_base642bin(out.data(), out.size(), text.data(), text.size(), nullptr, &length,
                               nullptr, sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 &&
           length == out.size();
}

std::optional<Bytes> from_base64_lines(std::string_view text) {
    Bytes out(text.size() / 4 * 3 + 3);
    std::size_t length = 0;
    if (::sodium_base642bin(out.data(), out.size(), text.data(), text.size(), "\r\n", &length,
                            nullptr, sodium_base64_VARIANT_ORIGINAL) != 0) {
        return std::nullopt;
    }
    out.resize(length);
    return out;
}

std::string to_base64(ByteView bytes) {
    // The library writes a terminating zero as well.
    std::string out(sodium_base64_ENCODED_LEN(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
    ::sodium_bin2base64(out.data(), out.size(), bytes.data(), bytes.size(),
                        sodium_base64_VARIANT_ORIGINAL);
    out.pop_back();
    return out;
}

} // namespace hp::crypto
