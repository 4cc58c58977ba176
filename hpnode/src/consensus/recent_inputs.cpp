// SPDX-License-Identifier: Apache-2.0
#include "consensus/recent_inputs.hpp"

#include <algorithm>

#include "hp/base/codec.hpp"
#include "hp/crypto/blake3.hpp"

namespace hp::consensus {
namespace {

using Lanes = std::array<std::uint16_t, 1024>;

// Tags end in NUL and keep the hashed strings of different purposes apart.
constexpr std::string_view element_tag{"hp2/recent\0", 11};
constexpr std::string_view set_tag{"hp2/recent-set\0", 15};

Lanes expand(const RecentUser& element) {
    Writer out;
    out.raw(as_bytes(element_tag));
    out.fixed(element.user);
    out.u64(element.last_nonce);
    out.u64(element.expires);
    std::array<std::uint8_t, 2 * std::tuple_size_v<Lanes>> bytes{};
    crypto::b3_extended(out.view(), bytes);
    Lanes lanes{};
    for (std::size_t i = 0; i < lanes.size(); ++i) {
        lanes[i] = static_cast<std::uint16_t>(bytes[2 * i] << 8 | bytes[2 * i + 1]);
    }
    return lanes;
}

} // namespace

void SetDigest::add(const RecentUser& element) {
    const Lanes lanes = expand(element);
    for (std::size_t i = 0; i < lanes.size(); ++i) {
        sum_[i] = static_cast<std::uint16_t>(sum_[i] + lanes[i]);
    }
}

void SetDigest::remove(const RecentUser& element) {
    const Lanes lanes = expand(element);
    for (std::size_t i = 0; i < lanes.size(); ++i) {
        sum_[i] = static_cast<std::uint16_t>(sum_[i] - lanes[i]);
    }
}

Hash32 SetDigest::hash() const {
    if (std::all_of(sum_.begin(), sum_.end(), [](std::uint16_t lane) { return lane == 0; })) {
        return Hash32{};
    }
    std::array<std::uint8_t, 2 * std::tuple_size_v<Lanes>> bytes{};
    for (std::size_t i = 0; i < sum_.size(); ++i) {
        bytes[2 * i] = static_cast<std::uint8_t>(sum_[i] >> 8);
        bytes[2 * i + 1] = static_cast<std::uint8_t>(sum_[i] & 0xFF);
    }
    return crypto::b3({as_bytes(set_tag), bytes});
}

} // namespace hp::consensus
