// SPDX-License-Identifier: Apache-2.0
// Kinds of messages, as scenario files and traces name them. Pure; any thread.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "consensus/messages.hpp"

namespace hp::sim {

enum class MessageKind : std::uint8_t {
    open,
    result,
    propose,
    prepare,
    commit,
    skip,
    certificate,
    inputs,
    ledger,
    body,
    request,
    last = request,
};
constexpr std::size_t message_kind_count = static_cast<std::size_t>(MessageKind::last) + 1;

inline constexpr std::array<std::string_view, message_kind_count> message_kind_names{
    "open",        "result", "propose", "prepare", "commit", "skip",
    "certificate", "inputs", "ledger",  "body",    "request"};

MessageKind kind_of(const consensus::Message& message);

// "prepare,commit", or "any". Empty when a name is not known.
class MessageKinds {
public:
    static std::optional<MessageKinds> parse(std::string_view list);
    bool has(MessageKind kind) const { return (bits_ & 1U << static_cast<unsigned>(kind)) != 0; }

private:
    std::uint32_t bits_ = 0;
};

// What a message says, in a few words.
std::string describe(const consensus::Message& message);

} // namespace hp::sim
