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

} // namespace hp::crypto
