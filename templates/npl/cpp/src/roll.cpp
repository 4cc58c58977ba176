// SPDX-License-Identifier: Apache-2.0
#include "roll.hpp"

#include "sha256.h"

#include <hp/contract/config.hpp>

#include <array>
#include <map>
#include <stdexcept>

#include <sys/random.h>

namespace roll {
namespace {

using namespace hp::contract;

std::string hash_of(std::string_view text) {
    std::array<char, SHA256_HEX_SIZE + 1> hex;
    sha256_hex(text.data(), text.size(), hex.data());
    return {hex.data(), SHA256_HEX_SIZE};
}

/// Chance is welcome here, because it is agreed on before it is used.
std::string draw_secret() {
    std::array<char, 32> bytes;
    if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
        throw std::runtime_error("no random bytes");
    return hash_of({bytes.data(), bytes.size()});
}

/// One round for each exchange at most. They take that long only when a node is silent.
int exchange_ms() {
    const auto config = read_config();
    return config ? static_cast<int>(config->consensus.roundtime_ms) : 1000;
}

std::map<PublicKey, std::string> texts_of(const NplExchange& exchange) {
    std::map<PublicKey, std::string> out;
    for (const NplMessage& message : exchange.messages)
        out[message.sender] = message.text();
    return out;
}

} // namespace

std::optional<std::string> agree(Context& c) {
    const int timeout_ms = exchange_ms();
    const std::string secret = draw_secret();
    const auto commits =
        texts_of(c.npl().exchange("commit", as_bytes(hash_of(secret)), c.unl(), timeout_ms));
    const auto reveals =
        texts_of(c.npl().exchange("reveal", as_bytes(secret), c.unl(), timeout_ms, commits.size()));

    std::string all; // in the order of the nodes' keys
    for (const auto& [node, revealed] : reveals)
        if (const auto commit = commits.find(node);
            commit != commits.end() && commit->second == hash_of(revealed))
            all += revealed;

    std::map<std::string, std::size_t> counts;
    for (const auto& [node, number] : texts_of(
             c.npl().exchange("vote", as_bytes(hash_of(all)), c.unl(), timeout_ms, commits.size())))
        ++counts[number];
    for (const auto& [number, count] : counts)
        if (3 * count > 2 * c.unl().count() && number.size() == SHA256_HEX_SIZE)
            return number;
    return std::nullopt;
}

} // namespace roll
