// SPDX-License-Identifier: Apache-2.0
//
// Two exchanges. In the first each node says its own bits. Not every node need hear the same ones,
// so in the second each node says which number it came to, and only a number that more than two
// thirds of the UNL came to is used. A node that missed it says "no agreement"; it then differs
// from the majority, whose state it gets from its peers.
//
// The last node to speak could choose its bits to suit the result. Where that pays, let the nodes
// first exchange hashes of their bits and accept only bits that match.
//
// Threads: main thread only.
#include "dice.hpp"

#include <hp/contract/config.hpp>
#include <hp/contract/files.hpp>
#include <hp/contract/json.hpp>

#include <array>
#include <charconv>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include <sys/random.h>

namespace dice {
namespace {

using namespace hp::contract;

constexpr const char* number_file = "number.txt";

std::optional<std::uint64_t> parse_hex(std::string_view text) {
    std::uint64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, failed] = std::from_chars(text.data(), end, value, 16);
    return failed == std::errc{} && stop == end ? std::optional(value) : std::nullopt;
}

std::string to_hex(std::uint64_t value) {
    std::array<char, 16> digits;
    return {digits.data(),
            std::to_chars(digits.data(), digits.data() + digits.size(), value, 16).ptr};
}

/// This node's own bits. Chance is welcome here, because it is agreed on before it is used.
std::optional<std::uint64_t> own_bits() {
    std::uint64_t bits = 0;
    return ::getrandom(&bits, sizeof bits, 0) == sizeof bits ? std::optional(bits) : std::nullopt;
}

/// Time for one exchange: two of them fit well into a round.
int exchange_ms() {
    const auto config = read_config();
    return config ? static_cast<int>(config->consensus.roundtime_ms / 4) : 250;
}

std::optional<std::string> agree(Context& c) {
    const auto bits = own_bits();
    if (!bits)
        return std::nullopt;
    const int timeout_ms = exchange_ms();
    std::uint64_t number = 0;
    for (const auto& [node, self, data] :
         c.npl().exchange("bits", as_bytes(to_hex(*bits)), c.unl(), timeout_ms).messages)
        number ^= parse_hex(as_text(data)).value_or(0);

    std::map<std::string, std::size_t> votes;
    for (const NplMessage& vote :
         c.npl().exchange("vote", as_bytes(to_hex(number)), c.unl(), timeout_ms).messages)
        ++votes[std::string(vote.text())];
    for (const auto& [candidate, count] : votes)
        if (3 * count > 2 * c.unl().count() && parse_hex(candidate))
            return candidate;
    return std::nullopt;
}

bool is_roll_wanted(Context& c) {
    if (c.readonly())
        return false;
    for (const User& user : c.users())
        for (const Input& input : user.inputs())
            if (input.text() == "roll")
                return true;
    return false;
}

} // namespace

void on_run(Context& c) {
    std::string error;
    if (is_roll_wanted(c)) { // the same on every node, or they would wait for each other in vain
        const auto number = agree(c);
        if (!number)
            error = "no agreement, try again";
        else if (const Status saved = replace_file(number_file, *number); !saved)
            error = saved.error().message;
    }
    const auto number = read_file(number_file);
    for (User& user : c.users())
        for (const Input& input : user.inputs()) {
            if (input.text() == "roll" && !error.empty())
                send_json(user, Value::Object{{"error", error}});
            else
                send_json(user, Value::Object{{"number", number ? Value(*number) : Value()}});
        }
}

} // namespace dice
