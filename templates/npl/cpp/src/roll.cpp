// SPDX-License-Identifier: Apache-2.0
#include "roll.hpp"

#include <hp/contract/config.hpp>
#include <hp/contract/sha256.hpp>

#include <array>
#include <map>
#include <stdexcept>

#include <sys/random.h>

namespace roll {
namespace {

using namespace hp::contract;

std::string hash_of(std::string_view text) {
    return std::string(sha256(text).hex());
}

/// Chance is welcome here, because it is agreed on before it is used.
std::string draw_secret() {
    std::array<char, 32> bytes;
    if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
        throw std::runtime_error("no random bytes");
    return hash_of({bytes.data(), bytes.size()});
}

std::map<PublicKey, std::string> texts_of(const NplExchange& exchange) {
    std::map<PublicKey, std::string> out;
    for (const NplMessage& message : exchange.messages)
        out[message.sender] = message.text();
    return out;
}

} // namespace

std::optional<std::string> agree(Context& c) {
    // One round for each exchange at most. They take that long only when a node is silent.
    const int timeout_ms = read_roundtime_ms();
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

    const auto votes =
        c.npl().exchange("vote", as_bytes(hash_of(all)), c.unl(), timeout_ms, commits.size());
    const auto number = agreed_text(votes, c.unl());
    return number && Hash::from_hex(*number) ? number : std::nullopt;
}

} // namespace roll
